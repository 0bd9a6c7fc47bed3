import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hansa.node.cell import MISSING_SPELLINGS, advise_number, is_missing, is_number, parse_number, parse_plain


@given(st.floats(allow_nan=False, allow_infinity=False))
def test_every_finite_number_is_read_as_python_writes_it(number):
    assert parse_number(repr(number)) == number


@given(st.text(max_size=12))
def test_a_text_is_missing_or_a_finite_number_or_infinite_and_nothing_is_raised(text):
    number = parse_number(text)
    assert math.isnan(number) == is_missing(text)
    if math.isfinite(number):
        assert is_number(text)
        assert float(text) == number


@pytest.mark.parametrize("spelling", MISSING_SPELLINGS)
def test_missing_values_are_recognised_in_any_case_and_with_spaces(spelling):
    for text in (spelling, spelling.upper(), spelling.lower(), f"  {spelling} \t"):
        assert is_missing(text)
        assert math.isnan(parse_number(text))


@pytest.mark.parametrize("text", ["1", " 1.50 ", "+1e3", "-.5", "5.", "0007"])
def test_plain_digits_are_numbers(text):
    assert is_number(text)


def test_plain_digits_are_read_exactly_and_without_exponents():
    assert parse_plain("7") == parse_plain("07") == parse_plain("+7.0")
    assert parse_plain("9007199254740993") != parse_plain("9007199254740992")
    assert [parse_plain(text) for text in ("1e5", "", "x", " 7", "٣", "1" * 41)] == [None] * 6


@pytest.mark.parametrize("text", ["1_000", "1,5", "0x10", "inf", "-Infinity", "1e999", "٣", "1 2", "true", "--1", "e5"])  # fmt: skip
def test_what_python_or_a_spreadsheet_may_take_for_a_number_is_not_one(text):
    assert parse_number(text) == math.inf


@pytest.mark.parametrize(
    ("text", "advice"),
    [
        ("1,5", "decimal point"),
        ("1.234,50", "decimal point"),
        ("0,826", "a decimal point, not a comma"),
        ("-0,826", "a decimal point, not a comma"),
        ("12,5001", "a decimal point, not a comma"),
        ("12,50", "a decimal point, not a comma"),
        ("1 234,567", "a decimal point, not a comma"),
        ("12,500", "without group marks, or, if it is a decimal comma, with a decimal point"),
        ("1,234,567", "without group marks"),
        ("1,234.5", "without group marks"),
        ("1 000 000", "group marks"),
        ("140 kt", "number alone"),
        ("$12.50", "number alone"),
        ("7%", "number alone"),
        ("1999-12-31", "turn the date"),
        ("yes", "1 or 0"),
        ("inf", "finite"),
        ("1e999", "finite"),
        ("-", "leave the cell empty"),
        ("#DIV/0!", "leave the cell empty"),
        ("fast", "write a number"),
    ],
)
def test_the_advice_fits_the_text(text, advice):
    assert advice in advise_number(text)
