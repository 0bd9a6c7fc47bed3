import pytest
from hypothesis import given
from hypothesis import strategies as st

from hansa.governance.bar import Bar


def bar(**limits):
    return Bar.model_validate({"metric": "members_gain", **limits})


@pytest.mark.parametrize(
    ("limits", "value", "met"),
    [
        ({"at_least": "0.80"}, "0.800000", True),
        ({"at_least": "0.80"}, "0.799999", False),
        ({"at_least": "2/3"}, "0.666667", True),
        ({"at_least": "2/3"}, "0.666666", False),
        ({"at_least": "1/3"}, "0.333333", True),
        ({"at_most": "1/3"}, "0.333333", True),
        ({"at_most": "1/3"}, "0.333334", False),
        ({"at_least": "-0.01"}, "-0.010000", True),
        ({"at_least": "-0.01"}, "-0.010001", False),
        ({"at_least": "20"}, "23.000000", True),
        ({"at_least": "0"}, "", False),
        ({"at_most": "1"}, "", False),
    ],
)
def test_a_bar_is_compared_at_the_places_that_the_record_keeps(limits, value, met):
    assert bar(**limits).judge(value).met is met


@pytest.mark.parametrize("value", ["high", "1e3", "nan", "0,5"])
def test_a_value_that_is_no_decimal_is_a_mistake_of_the_caller(value):
    with pytest.raises(ValueError, match="expected a decimal"):
        bar(at_least="0.5").judge(value)


def test_a_verdict_says_the_bar_in_words():
    assert bar(at_most="2/3").judge("0.5").bar == "at most 2/3"


@given(st.integers(0, 10**4), st.integers(1, 10**4))
def test_a_share_meets_a_bar_at_exactly_that_share_whichever_way_it_was_rounded(part, whole):
    recorded = f"{part / whole:.6f}"
    assert bar(at_least=f"{part}/{whole}").judge(recorded).met
    assert bar(at_most=f"{part}/{whole}").judge(recorded).met
