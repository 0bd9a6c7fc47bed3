from fractions import Fraction

import pytest
from pydantic import ValidationError

from hansa.governance import DecisionRule, Passes, parse_passes

RULE = {"passes": "> 1/2 of cast", "quorum": "1/2", "period": "3d", "timelock": "1d"}


@pytest.mark.parametrize(
    ("text", "parsed", "again"),
    [
        ("> 1/2 of cast", Passes(True, Fraction(1, 2), "cast"), "> 1/2 of cast"),
        (">= 4/6 of eligible", Passes(False, Fraction(2, 3), "eligible"), ">= 2/3 of eligible"),
        (">=  0.5   of present", Passes(False, Fraction(1, 2), "present"), ">= 1/2 of present"),
        (">=1 of eligible", Passes(False, Fraction(1), "eligible"), ">= 1 of eligible"),
    ],
)
def test_a_majority_is_read_and_written_in_one_spelling(text, parsed, again):
    assert parse_passes(text) == parsed
    assert parsed.encode() == again
    assert parse_passes(again) == parsed


@pytest.mark.parametrize(
    "text",
    [
        "",
        "1/2",
        "1/2 of cast",
        "> of cast",
        "> 1/2",
        "> 1/2 of votes",
        "< 1/2 of cast",
        "=> 1/2 of cast",
        "> -1/2 of cast",
        "> 1/2 of cast or so",
        "> 50% of cast",
        "≥ 2/3 of cast",
    ],
)
def test_other_spellings_of_a_majority_are_refused(text):
    with pytest.raises(ValueError, match="expected a"):
        parse_passes(text)


@pytest.mark.parametrize("text", ["> 1 of cast", ">= 3/2 of cast", "> 2 of eligible"])
def test_a_majority_of_more_than_all_is_refused(text):
    with pytest.raises(ValueError, match="nothing can reach"):
        parse_passes(text)


def test_a_single_majority_needs_no_list():
    rule = DecisionRule.model_validate(RULE)
    assert rule.bases == ("head",)
    assert rule == DecisionRule.model_validate(rule.to_json())


def test_a_rule_writes_out_every_default():
    assert DecisionRule.model_validate(RULE).to_json() == {
        "majorities": [{"by": "head", "passes": "> 1/2 of cast"}],
        "quorum": "1/2",
        "veto": None,
        "weight_cap": None,
        "period_seconds": 259_200,
        "timelock_seconds": 86_400,
        "early": False,
    }


@pytest.mark.parametrize(
    ("rule", "changes"),
    [
        ("passes", {"passes": "most of them"}),
        ("passes", {"passes": 3}),
        ("fraction", {"quorum": "3/2"}),
        ("fraction", {"quorum": True}),
        ("fraction", {"quorum": "-1/2"}),
        ("fraction", {"veto": "0"}),
        ("fraction", {"by": "weight", "weight_cap": "0"}),
        ("duration", {"period": "soon"}),
        ("duration", {"period": -1}),
        ("duration", {"timelock": True}),
        ("greater_than_equal", {"period": "0s"}),
        ("bool_type", {"early": "yes"}),
        ("weight-cap", {"weight_cap": "1/4"}),
        ("missing", {"passes": None}),
        ("extra_forbidden", {"threshold": "1/2"}),
        ("literal_error", {"by": "shoe size"}),
    ],
)
def test_a_wrong_rule_is_refused(rule, changes):
    values = {name: value for name, value in (RULE | changes).items() if value is not None}
    with pytest.raises(ValidationError) as caught:
        DecisionRule.model_validate(values)
    assert [error["type"] for error in caught.value.errors()] == [rule]


def test_two_majorities_must_count_differently():
    majority = {"by": "head", "passes": "> 1/2 of cast"}
    rest = {name: RULE[name] for name in ("quorum", "period", "timelock")}
    for majorities, rule in (
        ([majority, majority], "majorities"),
        ([], "too_short"),
        ([majority] * 3, "too_long"),
    ):
        with pytest.raises(ValidationError) as caught:
            DecisionRule.model_validate({"majorities": majorities, **rest})
        assert [error["type"] for error in caught.value.errors()] == [rule]


def test_a_list_of_majorities_excludes_the_short_form():
    with pytest.raises(ValidationError) as caught:
        DecisionRule.model_validate({**RULE, "majorities": [{"passes": "> 1/2 of cast"}]})
    assert [error["loc"] for error in caught.value.errors()] == [("passes",)]


def test_a_period_is_given_once():
    with pytest.raises(ValidationError) as caught:
        DecisionRule.model_validate(RULE | {"period_seconds": 3})
    assert [error["type"] for error in caught.value.errors()] == ["extra_forbidden"]
