from datetime import UTC, datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st
from vectorfiles import judge

from hansa.errors import Malformed
from hansa.transparency import format_instant, parse_instant

END = 253_402_300_800


@given(st.integers(0, END - 1))
def test_every_second_is_read_back(seconds):
    assert parse_instant(format_instant(seconds)) == seconds


@given(st.integers(0, END - 1))
def test_the_spelling_is_that_of_the_calendar(seconds):
    assert datetime.fromtimestamp(seconds, UTC).isoformat().replace("+00:00", "Z") == format_instant(seconds)


def test_the_first_and_the_last_second():
    assert format_instant(0) == "1970-01-01T00:00:00Z"
    assert format_instant(END - 1) == "9999-12-31T23:59:59Z"


@pytest.mark.parametrize("seconds", [-1, END, 10**30])
def test_a_time_without_a_spelling_is_our_own_mistake(seconds):
    with pytest.raises(ValueError):
        format_instant(seconds)


@given(st.text(alphabet="0123456789-:TZtz.+ ", max_size=22) | st.text(max_size=5))
def test_any_text_is_refused_or_the_one_spelling(text):
    rule, seconds = judge(parse_instant, text)
    assert rule == "instant.form" if rule else format_instant(seconds) == text


@pytest.mark.parametrize(
    "text", ["", "2026-11-23", "2026-11-23T11:00Z", "2026-W48-1T11:00:00Z", "20261123T110000Z"]
)
def test_other_spellings_of_a_time_are_refused(text):
    with pytest.raises(Malformed) as excinfo:
        parse_instant(text)
    assert excinfo.value.rule == "instant.form"
