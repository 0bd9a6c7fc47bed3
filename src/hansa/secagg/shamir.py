"""Secret sharing: any `threshold` shares give the secret, one fewer gives nothing at all.

A secret is the value at 0 of a polynomial of degree `threshold - 1` whose other coefficients are
uniform; the share of point `x` is the value at `x`.
"""

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from itertools import combinations
from math import prod

from hansa.secagg.field import PRIME


def split_secret(secret: int, coefficients: Sequence[int], points: Sequence[int]) -> tuple[int, ...]:
    """Share a secret among points.

    Args:
        secret: the element to share.
        coefficients: `threshold - 1` uniform elements that nobody else knows, used once.
        points: distinct small positive integers, one a holder.

    Returns:
        One share a point, in the order of `points`.

    Raises:
        ValueError: a point is not a positive element of the field, or appears twice.
    Guarantees:
        `join_shares` of any `len(coefficients) + 1` of the shares is the secret.
    Source: Shamir 1979, "How to share a secret".
    """
    if len(set(points)) != len(points) or any(not 0 < point < PRIME for point in points):
        raise ValueError("points must be distinct and between 1 and the prime")
    descending = (*reversed(coefficients), secret)
    shares = []
    for point in points:
        # Horner's rule. Points are small, so reducing once at the end is cheaper than at every step.
        value = 0
        for coefficient in descending:
            value = value * point + coefficient
        shares.append(value % PRIME)
    return tuple(shares)


def interpolate_at_zero(points: Sequence[int]) -> tuple[int, ...]:
    """Compute the factors by which shares at `points` add up to the secret.

    They depend on the points alone, so one computation serves all secrets held by the same members.

    Args:
        points: distinct positive integers below the prime.

    Returns:
        One Lagrange factor a point.

    Raises:
        ValueError: a point appears twice, or is 0 modulo the prime.
    """
    if len(set(points)) != len(points) or any(not 0 < point < PRIME for point in points):
        raise ValueError("points must be distinct and between 1 and the prime")
    # Points are small, so products of their differences are reduced once, at the end.
    whole = prod(points)
    inverses = _invert_all(
        [own * prod(other - own for other in points if other != own) % PRIME for own in points]
    )
    return tuple(whole * inverse % PRIME for inverse in inverses)


def combine_shares(factors: Iterable[int], shares: Iterable[int]) -> int:
    """Recover a secret from shares and the factors of their points, in the same order.

    Raises:
        ValueError: the counts differ.
    """
    return sum(factor * share for factor, share in zip(factors, shares, strict=True)) % PRIME


def join_shares(shares: Mapping[int, int]) -> int:
    """Recover a secret from its shares by point.

    With fewer shares than the threshold the result is a number that says nothing about the secret;
    the caller knows the threshold, this function does not.

    Args:
        shares: share by point.

    Raises:
        ValueError: a point is not a positive element of the field.
    """
    return combine_shares(interpolate_at_zero(tuple(shares)), shares.values())


@dataclass(frozen=True)
class Recovery:
    """What came of looking for a secret among shares some of which are wrong."""

    secret: int | None = field(repr=False)
    """None: not found within the tries."""
    wrong: tuple[int, ...]
    """Points of the shares that do not fit the others; empty when no explanation fits."""
    tries: int
    """How many sets of shares were tried."""


def recover_secret(
    shares: Mapping[int, int], threshold: int, is_secret: Callable[[int], bool], *, tries: int
) -> Recovery:
    """Find a secret though some of its shares are wrong, by leaving out ever more of them.

    Args:
        shares: share by point, at least `threshold`; the more there are, the more may be wrong.
        threshold: shares that recover the secret.
        is_secret: recognises the secret, for example by a commitment to it.
        tries: sets to try at most; one costs about as much as one recovery.

    Returns:
        The secret and the smallest set of shares without which all others fit it. That is the likeliest
        explanation, and no proof: whoever dealt a share may have dealt it wrong, and wrong shares that
        were agreed upon can make a right one look wrong.

    Raises:
        ValueError: a point is not a positive element of the field.
    """
    points = tuple(shares)
    factors = interpolate_at_zero(points)
    found: int | None = None
    tried = 0
    for count in range(len(points) - threshold + 1):
        for left_out in combinations(points, count):
            if tried == tries:
                return Recovery(found, (), tried)
            tried += 1
            secret = _combine_without(left_out, points, factors, shares)
            if not is_secret(secret):
                continue
            found = secret
            kept = {point: share for point, share in shares.items() if point not in left_out}
            if is_sharing({0: secret, **kept}, threshold):
                return Recovery(secret, left_out, tried)
    return Recovery(found, (), tried)


def is_sharing(values: Mapping[int, int], threshold: int) -> bool:
    """Tell whether values by point lie on one polynomial of degree `threshold - 1`.

    Source: the dual code of Reed and Solomon's: the sum of `value * point^k / product of differences`
        is zero for every k below the number of values that are more than the polynomial needs.
    """
    weighted = [
        value * pow(prod(point - other for other in values if other != point), -1, PRIME) % PRIME
        for point, value in values.items()
    ]
    for _ in range(len(values) - threshold):
        if sum(weighted) % PRIME:
            return False
        weighted = [weight * point % PRIME for weight, point in zip(weighted, values, strict=True)]
    return True


def _combine_without(
    left_out: Sequence[int], points: Sequence[int], factors: Sequence[int], shares: Mapping[int, int]
) -> int:
    """Recover from all points but some, with the factors of all of them."""
    total = 0
    for point, factor in zip(points, factors, strict=True):
        if point not in left_out:
            total += factor * prod(other - point for other in left_out) * shares[point]
    return total * pow(prod(left_out), -1, PRIME) % PRIME


def _invert_all(elements: Sequence[int]) -> list[int]:
    """Invert elements that are not 0 at the cost of one inversion.

    Source: Montgomery's trick, by which the inverse of a product gives those of its factors.
    """
    products = [1]
    for element in elements:
        products.append(products[-1] * element % PRIME)
    rest = pow(products.pop(), -1, PRIME)
    inverses = []
    for element in reversed(elements):
        inverses.append(rest * products.pop() % PRIME)
        rest = rest * element % PRIME
    return inverses[::-1]
