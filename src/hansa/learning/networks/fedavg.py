"""FedAvg: every member goes some steps from the same parameters; the next ones are the mean of where they came.

Source: McMahan, Moore, Ramage, Hampson and Agüera y Arcas 2017, "Communication-efficient learning of deep networks from
decentralized data", Algorithm 1.
"""

from hansa.learning.tables import Vector


def average(parameters: Vector, update: Vector, *, rate: float) -> Vector:
    """Return the next parameters.

    Args:
        parameters: where every member began, shape (n,).
        update: the weighted mean of how far each went, shape (n,).
        rate: 1 for the mean itself.
    """
    return parameters + rate * update
