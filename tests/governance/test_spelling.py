from fractions import Fraction

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import BaseModel, ConfigDict, TypeAdapter, ValidationError

from hansa.governance import LongReasonText, MemberId, ReasonText, TitleText
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


class Spoken(BaseModel):
    model_config = ConfigDict(frozen=True, strict=True, extra="forbid")

    member: MemberId = "ada"
    title: TitleText = "A run"
    reason: ReasonText = ""
    longer: LongReasonText = ""


UNSEEN = [
    *(
        "\x00",
        "\x1b[31m",
        "\t",
        "\r",
        "\x7f",
        "\x9b31m",
        "\xa0",
        "\u200b",
        "\u2028",
        "\ufeff",
        "\ud800",
        "\U000e0041",
    ),
    *map(chr, range(0x202A, 0x202F)),
    *map(chr, range(0x2066, 0x206A)),
]


@pytest.mark.parametrize("unseen", UNSEEN)
@pytest.mark.parametrize("field", ["title", "reason", "longer", "member"])
def test_texts_on_the_record_hold_nothing_that_is_not_seen(field, unseen):
    with pytest.raises(ValidationError):
        Spoken.model_validate({field: f"a{unseen}b"})


@pytest.mark.parametrize("field", ["title", "reason", "longer"])
@pytest.mark.parametrize("text", ["Küste", "機械学習", "שלום", "नमस्ते", "a😀b", "\U0001fae8", "x" * 200])
def test_texts_on_the_record_hold_every_script_and_stay_as_they_were_signed(field, text):
    assert getattr(Spoken.model_validate({field: text}), field) == text


@pytest.mark.parametrize("title", ["", " ", " a", "a ", "a\nb", "x" * 201, 7, True])
def test_a_title_is_one_line_that_begins_and_ends_with_something(title):
    with pytest.raises(ValidationError):
        Spoken.model_validate({"title": title})


def test_reasons_have_lines_and_an_end():
    for field, most in (("reason", 1_000), ("longer", 4_000)):
        for text in ("", "one\ntwo\n", "x" * most):
            assert getattr(Spoken.model_validate({field: text}), field) == text
        with pytest.raises(ValidationError):
            Spoken.model_validate({field: "x" * (most + 1)})


@pytest.mark.parametrize("member", ["", "A", "a-", "a" * 64, "a\n", 7, True, None])
def test_a_members_id_is_a_slug_and_nothing_stands_for_it(member):
    with pytest.raises(ValidationError):
        TypeAdapter(MemberId).validate_python(member)
    assert TypeAdapter(MemberId).validate_python("north-air") == "north-air"
