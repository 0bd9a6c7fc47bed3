import pytest
import shamirs
from hypothesis import given
from hypothesis import strategies as st

from hansa.secagg.field import PRIME
from hansa.secagg.shamir import (
    combine_shares,
    interpolate_at_zero,
    is_sharing,
    join_shares,
    recover_secret,
    split_secret,
)

elements = st.integers(0, PRIME - 1)


@st.composite
def sharings(draw):
    threshold = draw(st.integers(1, 8))
    holders = draw(st.integers(threshold, 12))
    coefficients = draw(st.lists(elements, min_size=threshold - 1, max_size=threshold - 1))
    return draw(elements), coefficients, range(1, holders + 1)


@given(sharings(), st.randoms())
def test_any_threshold_shares_give_the_secret(sharing, random):
    secret, coefficients, points = sharing
    shares = dict(zip(points, split_secret(secret, coefficients, points), strict=True))
    chosen = random.sample(list(points), len(coefficients) + 1)
    assert join_shares({point: shares[point] for point in chosen}) == secret


@given(sharings())
def test_shares_are_the_values_of_the_polynomial(sharing):
    secret, coefficients, points = sharing
    obvious = [
        sum(c * point**power for power, c in enumerate([secret, *coefficients])) % PRIME for point in points
    ]
    assert list(split_secret(secret, coefficients, points)) == obvious


@given(sharings(), elements)
def test_one_share_fewer_fits_every_secret(sharing, other_secret):
    secret, coefficients, points = sharing
    known = dict(
        list(zip(points, split_secret(secret, coefficients, points), strict=True))[: len(coefficients)]
    )
    # The polynomial through the known shares and any other secret at 0 has the same degree. Its value at
    # one more point completes a sharing of that other secret, so the known shares exclude nothing.
    new_point = len(points) + 1
    completing = _value_through({0: other_secret, **known}, new_point)
    assert join_shares({**known, new_point: completing}) == other_secret


def _value_through(values, at):
    total = 0
    for own, value in values.items():
        numerator = denominator = 1
        for other in values:
            if other != own:
                numerator = numerator * (at - other) % PRIME
                denominator = denominator * (own - other) % PRIME
        total += value * numerator * pow(denominator, -1, PRIME)
    return total % PRIME


def test_another_implementation_joins_our_shares_and_we_join_its():
    secret = 2**255 + 12345
    ours = split_secret(secret, [17, 2**256 + 5], range(1, 6))
    theirs = [shamirs.share(point, value, PRIME) for point, value in enumerate(ours, start=1)]
    assert shamirs.interpolate(theirs[1:4]) == secret
    dealt = shamirs.shares(secret, quantity=5, modulus=PRIME, threshold=3)
    assert join_shares({share.index: share.value for share in dealt[2:]}) == secret


def test_factors_serve_all_secrets_of_the_same_holders():
    points = (2, 3, 5)
    factors = interpolate_at_zero(points)
    for secret in (0, 1, PRIME - 1):
        assert combine_shares(factors, split_secret(secret, [3, 4], points)) == secret


@pytest.mark.parametrize("points", [(0, 1), (1, 1), (-1, 2), (PRIME, 1)])
def test_points_that_would_tell_the_secret_or_coincide_are_misuse(points):
    with pytest.raises(ValueError):
        split_secret(5, [1], points)
    with pytest.raises(ValueError):
        interpolate_at_zero(points)


@st.composite
def spoilt_sharings(draw):
    """A sharing with more shares than needed, and up to that many of them wrong."""
    threshold = draw(st.integers(2, 5))
    spare = draw(st.integers(1, 3))
    coefficients = draw(st.lists(elements, min_size=threshold - 1, max_size=threshold - 1))
    secret, points = draw(elements), range(1, threshold + spare + 1)
    shares = dict(zip(points, split_secret(secret, coefficients, points), strict=True))
    wrong = draw(st.sets(st.sampled_from(points), max_size=spare))
    for point in wrong:
        shares[point] = (shares[point] + draw(st.integers(1, PRIME - 1))) % PRIME
    return secret, threshold, shares, tuple(sorted(wrong))


@given(spoilt_sharings())
def test_a_secret_is_found_among_as_many_wrong_shares_as_there_are_spare_ones(case):
    secret, threshold, shares, wrong = case
    found = recover_secret(shares, threshold, lambda element: element == secret, tries=1_000)
    assert found.secret == secret
    assert len(found.wrong) <= len(wrong)
    # What is left lies on one polynomial with the secret, by the obvious way.
    kept = {point: share for point, share in shares.items() if point not in found.wrong}
    through = dict(list({0: secret, **kept}.items())[:threshold])
    assert all(_value_through(through, point) == share for point, share in kept.items())
    if 2 * len(wrong) <= len(shares) - threshold:  # then no other explanation is as small
        assert found.wrong == wrong


def test_without_a_spare_share_nothing_is_found_and_the_tries_are_bounded():
    shares = dict(enumerate(split_secret(42, [7, 8], range(1, 8)), start=1))
    spoilt = {**shares, 1: 0}
    three = {point: spoilt[point] for point in (1, 2, 3)}
    assert recover_secret(three, 3, lambda element: element == 42, tries=100).secret is None
    assert recover_secret(spoilt, 3, lambda element: element == 42, tries=1).secret is None
    assert recover_secret(spoilt, 3, lambda element: element == 42, tries=2).wrong == (1,)
    nothing = recover_secret(shares, 3, lambda _: False, tries=10)
    assert (nothing.secret, nothing.wrong, nothing.tries) == (None, (), 10)


@given(sharings(), st.data())
def test_a_sharing_is_told_from_what_is_none(sharing, data):
    secret, coefficients, points = sharing
    threshold = len(coefficients) + 1
    values = {0: secret, **dict(zip(points, split_secret(secret, coefficients, points), strict=True))}
    assert is_sharing(values, threshold)
    point = data.draw(st.sampled_from(list(values)))
    values[point] = (values[point] + data.draw(st.integers(1, PRIME - 1))) % PRIME
    assert not is_sharing(values, threshold)  # there is one value more than the threshold at least
