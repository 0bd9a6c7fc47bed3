"""Secret sharing: any `threshold` shares give the secret, one fewer gives nothing at all.

A secret is the value at 0 of a polynomial of degree `threshold - 1` whose other coefficients are
uniform; the share of point `x` is the value at `x`.
"""

from collections.abc import Iterable, Mapping, Sequence

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
    factors = []
    for own in points:
        numerator = denominator = 1
        for other in points:
            if other != own:
                numerator = numerator * other % PRIME
                denominator = denominator * (other - own) % PRIME
        factors.append(numerator * pow(denominator, -1, PRIME) % PRIME)
    return tuple(factors)


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
