"""A second opinion on what noised questions cost together, from a library that composes more tightly.

What is decided with is the exact sum in `hansa.budget`, the same at every member. This is for people: the same
charges, composed by privacy loss distributions in floating point.
"""

import math
from collections.abc import Sequence

from hansa.errors import Unavailable


def compose(rhos: Sequence[float], delta: float) -> float:
    """Return the epsilon of Gaussian questions asked one after another.

    Args:
        rhos: what each cost, in zero-concentrated differential privacy, > 0.
        delta: the chance that the guarantee fails, above 0 and below 1.

    Raises:
        Unavailable: the package `dp-accounting` is not installed.
        ValueError: a number is out of range.
    Guarantees:
        At most what `hansa.budget.convert_to_epsilon` says of the sum (a test compares them).
    Source: Koskela et al. 2020 and Doroshenko et al. 2022, as `dp_accounting.pld` implements them.
    """
    if not 0 < delta < 1 or any(not (math.isfinite(rho) and rho > 0) for rho in rhos):
        raise ValueError(f"expected costs above 0 and a delta between 0 and 1, got {list(rhos)} and {delta}")
    try:
        from dp_accounting import GaussianDpEvent
        from dp_accounting.pld import PLDAccountant
    except ImportError as error:
        raise Unavailable(
            "a second opinion needs the package `dp-accounting`, which is not installed; install hansa with its extra `dp`"
        ) from error
    if not rhos:
        return 0.0
    accountant = PLDAccountant()
    for rho in rhos:
        accountant.compose(GaussianDpEvent(1 / math.sqrt(2 * rho)))
    return float(accountant.get_epsilon(delta))
