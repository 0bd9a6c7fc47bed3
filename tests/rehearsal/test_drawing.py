import math
from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st
from markupsafe import Markup

from hansa.rehearsal.drawing import Scale, choose_ticks, element, figure, fit_text, thin, wrap_text

finite = st.floats(-1e3, 1e3)


def test_an_element_escapes_texts_and_attributes_and_keeps_elements():
    inner = element("b", "1 < 2")
    assert inner == "<b>1 &lt; 2</b>"
    assert element("g", inner, "&", class_='"x"') == '<g class="&#34;x&#34;"><b>1 &lt; 2</b>&amp;</g>'
    assert isinstance(inner, Markup)


def test_attribute_names_and_numbers_are_spelt_as_svg_spells_them():
    assert element("text", text_anchor="end", x=1.0, y=-0.001, r=2.456) == (
        '<text text-anchor="end" x="1" y="0" r="2.46"></text>'
    )


@pytest.mark.parametrize("number", [math.nan, math.inf, -math.inf])
def test_a_coordinate_that_is_not_finite_cannot_be_drawn(number):
    with pytest.raises(ValueError, match="must be finite"):
        element("circle", cx=number)


def test_a_figure_has_a_title_and_a_description_that_it_points_to():
    drawn = figure(key="k", title="T", description="D", width=10, height=5.5)
    assert 'viewBox="0 0 10 5.5"' in drawn
    assert 'aria-labelledby="k-title k-desc"' in drawn
    assert '<title id="k-title">T</title><desc id="k-desc">D</desc>' in drawn


def test_a_scale_is_straight_and_stays_inside():
    scale = Scale(0, 10, 100, 200)
    assert [scale(value) for value in (-5, 0, 5, 10, 99)] == [100, 100, 150, 200, 200]


@given(finite, finite, st.integers(1, 10))
def test_ticks_are_evenly_spaced_and_cover_the_range(first, second, count):
    low, high = min(first, second), max(first, second)
    ticks = choose_ticks(low, high, count)
    steps = [after - before for before, after in pairwise(ticks)]
    slack = 1e-6 * max(steps)
    assert ticks[0] <= low + slack
    assert ticks[-1] >= high - slack
    assert len(ticks) <= 2 * count + 3
    assert max(steps) == pytest.approx(min(steps), rel=1e-3, abs=1e-9)


def test_ticks_of_an_empty_range_still_make_an_axis():
    ticks = choose_ticks(0.0, 0.0, 4)
    assert ticks[0] < 0 < ticks[-1]
    assert 0 in ticks


def test_text_that_fits_is_left_alone_and_other_text_ends_in_an_ellipsis():
    assert fit_text("short", width=100, size=10) == "short"
    cut = fit_text("a rather long name of an organisation", width=100, size=10)
    assert cut.endswith("…")
    assert len(cut) < 20


@given(st.text(max_size=60), st.floats(20, 300))
def test_cut_text_is_never_estimated_wider_than_asked(text, width):
    cut = fit_text(text, width=width, size=10)
    assert fit_text(cut, width=width, size=10) == cut


def test_text_wraps_at_spaces_and_the_last_line_is_cut():
    lines = wrap_text("one two three four five six seven eight", width=50, size=10, lines=2)
    assert len(lines) == 2
    assert lines[0] == "one two"
    assert lines[1].startswith("three")
    assert lines[1].endswith("…")
    assert wrap_text("", width=70, size=10, lines=2) == ()


@given(st.lists(st.tuples(st.floats(0, 1), st.floats(0, 1)), max_size=400).map(sorted))
def test_a_thinned_curve_keeps_its_ends_and_skips_only_small_steps(points):
    kept = thin(points, step=0.1)
    assert set(kept) <= set(points)
    if points:
        assert kept[0] == points[0]
        assert kept[-1] == points[-1]
    for before, after in pairwise(kept[:-1]):
        assert abs(after[0] - before[0]) + abs(after[1] - before[1]) >= 0.1
