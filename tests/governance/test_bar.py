from fractions import Fraction

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import TypeAdapter, ValidationError

from hansa.governance import MetricText, is_metric
from hansa.governance.bar import Bar

METRIC = TypeAdapter(MetricText)


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


OTHER_SPELLINGS = [
    *(
        "high",
        "1e3",
        "nan",
        "inf",
        "0,5",
        "0.5",
        "1",
        "0.8000000",
        "0.80000",
        ".500000",
        "00.500000",
        "+0.500000",
    ),
    *("-0.000000", "1234567890.000000", "9" * 400 + ".000000", "0.50000\u0663", "0.500000\n", " 0.500000"),
]


@pytest.mark.parametrize("value", OTHER_SPELLINGS, ids=lambda value: value[:12])
def test_a_metric_has_one_spelling(value):
    assert not is_metric(value)
    with pytest.raises(ValidationError):
        METRIC.validate_python(value)
    with pytest.raises(ValueError, match="expected a metric"):
        bar(at_least="0.5").judge(value)


@pytest.mark.parametrize("value", ["0.000000", "-0.000001", "999999999.999999", "-999999999.999999"])
def test_the_ends_of_the_metrics_are_metrics(value):
    assert METRIC.validate_python(value) == value
    assert bar(at_least="-999999999999").judge(value).met


limits = st.from_regex(r"-?(0|[1-9][0-9]{0,11})(\.[0-9]{1,12})?", fullmatch=True).filter(
    lambda text: Fraction(text) != 0 or text[0] != "-"
)


@given(
    st.text(alphabet="-0123456789.", max_size=22) | st.decimals(-(10**9), 10**9, places=6).map(str), limits
)
def test_no_metric_that_the_record_takes_can_stop_a_judgement(value, limit):
    try:
        METRIC.validate_python(value)
    except ValidationError:
        assert not is_metric(value)
        return
    least, most = bar(at_least=limit).judge(value), bar(at_most=limit).judge(value)
    assert least.met or most.met
    assert least.value == value


def test_a_verdict_says_the_bar_in_words():
    assert bar(at_most="2/3").judge("0.500000").bar == "at most 2/3"


@given(st.integers(0, 10**4), st.integers(1, 10**4))
def test_a_share_meets_a_bar_at_exactly_that_share_whichever_way_it_was_rounded(part, whole):
    recorded = f"{part / whole:.6f}"
    assert bar(at_least=f"{part}/{whole}").judge(recorded).met
    assert bar(at_most=f"{part}/{whole}").judge(recorded).met
