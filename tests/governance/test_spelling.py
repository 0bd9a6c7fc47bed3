from fractions import Fraction

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hansa.governance.spelling import (
    MAX_SECONDS,
    format_duration,
    format_fraction,
    is_decimal,
    is_slug,
    parse_duration,
    parse_fraction,
)


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("2/3", Fraction(2, 3)),
        ("4/6", Fraction(2, 3)),
        ("1", Fraction(1)),
        ("0", Fraction(0)),
        ("0.80", Fraction(4, 5)),
    ],
)
def test_fractions_and_decimals_are_read_exactly(text, value):
    assert parse_fraction(text) == value


@pytest.mark.parametrize(
    "text",
    [
        "",
        "1/0",
        "-1/2",
        "+1/2",
        "1/-2",
        " 1/2",
        "1 / 2",
        "1/2/3",
        "01/2",
        ".5",
        "1e3",
        "½",
        "٣",
        "1/2\n",
        "9" * 13,
    ],
)
def test_other_spellings_of_fractions_are_refused(text):
    with pytest.raises(ValueError, match="expected a fraction"):
        parse_fraction(text)


@given(st.fractions(min_value=0, max_denominator=10**6).filter(lambda value: value < 10**6))
def test_a_fraction_is_written_and_read_again(value):
    assert parse_fraction(format_fraction(value)) == value


@pytest.mark.parametrize("text", ["0", "1", "-1", "0.80", "-0.5", "123456789012.123456789012"])
def test_decimals_in_plain_digits_are_decimals(text):
    assert is_decimal(text)


@pytest.mark.parametrize(
    "text", ["", "-", "-0", "-0.0", "+1", "01", "1.", ".5", "1e3", "1,5", "NaN", "inf", "٣", "1\n"]
)
def test_other_spellings_of_decimals_are_not(text):
    assert not is_decimal(text)


@pytest.mark.parametrize(
    ("text", "seconds"), [("0s", 0), ("90s", 90), ("5m", 300), ("72h", 259_200), ("14d", 1_209_600)]
)
def test_durations_are_read_in_seconds(text, seconds):
    assert parse_duration(text) == seconds


@pytest.mark.parametrize(
    "text", ["", "3", "3 d", "d", "-1d", "1.5h", "01d", "1w", "3d12h", "1D", "9999d", "٣d", "1d\n"]
)
def test_other_spellings_of_durations_are_refused(text):
    with pytest.raises(ValueError, match="expected"):
        parse_duration(text)


@given(st.integers(0, MAX_SECONDS))
def test_a_duration_is_written_and_read_again(seconds):
    assert parse_duration(format_duration(seconds)) == seconds


@pytest.mark.parametrize(
    ("text", "good"), [("a", True), ("north-air", True), ("3m", True), ("a" * 63, True), ("a" * 64, False)]
)
def test_slugs_have_at_most_63_characters(text, good):
    assert is_slug(text) is good


@pytest.mark.parametrize("text", ["", "-a", "a-", "A", "a_b", "a b", "é", "a\n"])
def test_other_texts_are_no_slugs(text):
    assert not is_slug(text)
