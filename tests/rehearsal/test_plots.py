import math
import re
import sys
from pathlib import Path

import pytest

from hansa.rehearsal import plots
from hansa.rehearsal.outcome import read_outcome

sys.path.insert(0, str(Path(__file__).parent))
from sample_result import make_result

BY_MEMBER = [plots.plot_gains, plots.plot_traffic]


def texts_of(drawn):
    return re.findall(r"<text[^>]*>([^<]*)</text>", drawn)


def test_members_stand_in_the_order_of_their_gain():
    outcome = read_outcome(make_result())
    names = [member.name for member in outcome.scored]
    drawn = [text for text in texts_of(plots.plot_gains(outcome)) if text in names]
    assert drawn == names


def test_a_dot_is_filled_only_when_the_interval_is_on_one_side():
    result = make_result()
    scored = [member for member in result["members"] if member["scored"]]
    scored[0]["gain"] = {"value": -0.2, "low": -0.3, "high": -0.1}
    drawn = plots.plot_gains(read_outcome(result))
    kinds = re.findall(r'class="dot ([a-z -]+)"', drawn)
    assert kinds.count("clear") == 2
    assert kinds.count("loss clear-loss") == 1
    assert kinds.count("loss") == 4
    assert kinds.count("unsure") == 25 - 7


def test_a_few_endless_intervals_do_not_squeeze_the_others_and_end_in_arrows():
    result = make_result()
    drawn = plots.plot_gains(read_outcome(result))
    assert len(re.findall(r'class="whisker arrow', drawn)) >= 2
    for member in result["members"]:
        if member["scored"]:
            member["gain"] = {"value": 0.1, "low": -0.1, "high": 0.3}
    drawn = plots.plot_gains(read_outcome(result))
    assert "whisker arrow" not in drawn


def test_members_without_intervals_get_a_dot_and_no_line():
    result = make_result()
    for member in result["members"]:
        member["gain"] = member["gain"] and {**member["gain"], "low": None, "high": None}
    drawn = plots.plot_gains(read_outcome(result))
    assert "whisker" not in drawn
    assert drawn.count('class="dot') == 25


@pytest.mark.parametrize("plot", [*BY_MEMBER, plots.plot_roc, plots.plot_calibration])
def test_a_figure_with_nothing_to_show_is_empty(plot):
    result = make_result()
    result["members"] = []
    result["joint"].update(roc={}, calibration={})
    assert plot(read_outcome(result)) == ""


@pytest.mark.parametrize("plot", BY_MEMBER)
@pytest.mark.parametrize("narrow", [False, True])
def test_nothing_is_drawn_outside_the_figure(plot, narrow):
    drawn = plot(read_outcome(make_result()), narrow=narrow)
    width, height = map(float, re.search(r'viewBox="0 0 ([\d.]+) ([\d.]+)"', drawn).groups())
    for name, limit in (
        ("x", width),
        ("x1", width),
        ("x2", width),
        ("cx", width),
        ("y", height),
        ("cy", height),
    ):
        values = [float(value) for value in re.findall(rf' {name}="([^"]+)"', drawn)]
        assert all(0 <= value <= limit for value in values)


def test_a_roc_curve_of_thousands_of_points_is_drawn_with_a_few_hundred():
    result = make_result()
    steps = [number / 8191 for number in range(8192)]
    result["joint"]["roc"]["together"] = [[step, math.sqrt(step)] for step in steps]
    drawn = plots.plot_roc(read_outcome(result))
    points = re.search(r'points="([^"]+)" class="curve together"', drawn).group(1).split()
    assert 100 < len(points) < 600


def test_the_curves_are_labelled_with_the_metric_where_there_is_one_and_else_with_the_area():
    result = make_result()
    result["joint"]["metrics"]["auc_pooled_together"] = 0.9994
    outcome = read_outcome(result)
    labels = texts_of(plots.plot_roc(outcome))
    assert "0.999" in labels
    area = plots.find_area(outcome.joint.roc.alone)
    assert f"{area:.3f}" in labels


def test_the_area_under_a_curve_is_that_of_its_trapezoids():
    assert plots.find_area([]) == 0.5
    assert plots.find_area([(0.0, 1.0)]) == 1.0
    assert plots.find_area([(0.0, 0.5), (0.5, 1.0)]) == pytest.approx(0.875)


def test_the_height_of_a_curve_lies_on_the_straight_line_between_its_points():
    curve = [(0.0, 0.5), (0.5, 1.0)]
    assert [plots.find_height(curve, x) for x in (0.0, 0.25, 0.5, 0.75, 1.0)] == pytest.approx(
        [0.5, 0.75, 1, 1, 1]
    )


@pytest.mark.parametrize(
    ("share", "rows", "low", "high"),
    [(0.0, 10, 0.0, 0.2775), (0.5, 10, 0.2366, 0.7634), (0.1, 100, 0.0552, 0.1744)],
)
def test_the_interval_of_a_share_is_wilsons(share, rows, low, high):
    """Worked by hand from the formula."""
    assert plots.find_wilson_interval(share, rows) == pytest.approx((low, high), abs=5e-4)


def test_a_group_of_fewer_than_five_rows_is_drawn_with_its_neighbours_and_one_of_none_is_not():
    result = make_result()
    result["joint"]["calibration"]["together"] = [
        {"predicted": 0.05, "observed": 0.0, "rows": 90},
        {"predicted": 0.15, "observed": None, "rows": 0},
        {"predicted": 0.25, "observed": 0.5, "rows": 4},
        {"predicted": 0.35, "observed": 0.2, "rows": 6},
        {"predicted": 0.95, "observed": 1.0, "rows": 1},
    ]
    drawn = plots.plot_calibration(read_outcome(result))
    told = re.findall(r"<title>together: (.*?)</title>", drawn)
    assert told == [
        "predicted 0.050, came true 0.000, 90 rows",
        "predicted 0.368, came true 0.382, 11 rows",
    ]


def test_who_sent_nothing_is_drawn_too():
    result = make_result()
    for member in result["members"]:
        member.update(rows=0, numbers_left=0, bytes_up=0, bytes_down=0)
    drawn = plots.plot_traffic(read_outcome(result))
    assert texts_of(drawn).count("0 · 0 bytes") == 33
