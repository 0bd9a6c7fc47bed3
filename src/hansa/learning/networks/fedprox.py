"""FedProx: a member's steps are pulled back to the joint parameters, so that members who differ do not drift apart.

Source: Li, Sahu, Zaheer, Sanjabi, Talwalkar and Smith 2020, "Federated optimization in heterogeneous networks", Algorithm 2:
half of `proximal` times the squared distance is added to a member's loss.
"""

from typing import TypeVar

Numbers = TypeVar("Numbers")


def pull_back(parameters: Numbers, joint: Numbers, *, proximal: float) -> Numbers:
    """Return what the pull adds to a step's gradient: arrays or tensors, shape (n,) each."""
    return proximal * (parameters - joint)  # type: ignore[operator, no-any-return]  # arrays and tensors know how
