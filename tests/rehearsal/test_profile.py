import math
import statistics

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hansa.node.cell import is_missing, is_number
from hansa.rehearsal.profile import ColumnProfile

cells = st.sampled_from(["", "NA", "1", "2.5", "-3", "1e6", "x", "X", "long text", "0"])


@given(st.lists(cells, max_size=40), st.integers(1, 10))
def test_a_profile_read_in_blocks_says_what_the_whole_column_says(texts, size):
    profile = ColumnProfile()
    for start in range(0, len(texts), size):
        block = texts[start : start + size]
        profile.read(range(start + 2, start + 2 + len(block)), block)
    numbers = [float(text) for text in texts if is_number(text)]
    present = [text for text in texts if not is_missing(text)]
    assert (profile.rows, profile.present, profile.numbers) == (len(texts), len(present), len(numbers))
    assert profile.texts == len(present) - len(numbers)
    assert profile.counts == {text: present.count(text) for text in present}
    assert all(profile.first_rows[text] == texts.index(text) + 2 for text in present)
    assert all(profile.words[text] == texts.index(text) + 2 for text in present if not is_number(text))
    assert profile.first_missing == next((i + 2 for i, text in enumerate(texts) if is_missing(text)), 0)
    assert profile.is_constant == (len(set(present)) == 1)
    if numbers:
        assert (profile.low, profile.high) == (min(numbers), max(numbers))
        assert math.isclose(profile.mean, statistics.fmean(numbers), abs_tol=1e-6)
        assert math.isclose(profile.deviation, statistics.pstdev(numbers), rel_tol=1e-6, abs_tol=1e-3)


@pytest.mark.parametrize("texts", [["1", "1e300"], ["1e308", "-1e308"], ["1e200", "1e200", "3"]])
def test_numbers_whose_squares_no_float_holds_are_counted_all_the_same(texts):
    profile = ColumnProfile()
    profile.read(range(2, 2 + len(texts)), texts)
    assert profile.numbers == len(texts)
    assert (profile.low, profile.high) == (min(map(float, texts)), max(map(float, texts)))
    assert profile.deviation == math.inf


def test_a_column_with_many_texts_stays_small():
    profile = ColumnProfile(limit=100)
    for start in range(0, 5000, 500):
        profile.read(range(start, start + 500), [f"{index}.25" for index in range(start, start + 500)])
    assert profile.is_open
    assert profile.is_unique
    assert len(profile.counts) <= 500
    assert (profile.low, profile.high, profile.numbers) == (0.25, 4999.25, 5000)
    assert profile.mean == pytest.approx(2499.75)
