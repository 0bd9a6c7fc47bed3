from fractions import Fraction

import obvious_tally as obvious
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from hansa.governance import DecisionRule, Elector, tally

RULE = {"passes": "> 1/2 of cast", "quorum": "1/2", "period": "3d", "timelock": "1d"}


def rule_of(**changes):
    return DecisionRule.model_validate(RULE | changes)


def electors(*names, member_class="bank", weight=1):
    return tuple(Elector(name, member_class, weight) for name in names)


FOUR = electors("ada", "bob", "cyd", "dan")


def outcome(rule, electorate, *, yes="", no="", abstain="", recused="", closed=True):
    ballots = {
        name: choice
        for names, choice in ((yes, "yes"), (no, "no"), (abstain, "abstain"))
        for name in names.split()
    }
    return tally(rule, electorate, ballots, recused.split(), closed=closed).outcome


def test_more_than_half_of_the_votes_cast_passes():
    assert outcome(rule_of(), FOUR, yes="ada bob", no="cyd") == "passed"


@pytest.mark.parametrize(
    "passes", ["> 1/2 of cast", ">= 1/2 of cast", ">= 1/2 of present", ">= 1/2 of eligible", ">= 0 of cast"]
)
def test_a_tie_keeps_the_status_quo_whatever_the_threshold(passes):
    assert outcome(rule_of(passes=passes), FOUR, yes="ada bob", no="cyd dan") == "failed"


def test_nobody_saying_yes_never_passes():
    assert outcome(rule_of(passes=">= 0 of cast", quorum="0"), FOUR) == "failed"


def test_an_abstention_counts_for_the_quorum_and_not_for_a_majority_of_cast():
    assert outcome(rule_of(), FOUR, yes="ada", abstain="bob") == "passed"
    assert outcome(rule_of(), FOUR, yes="ada") == "no_quorum"


def test_an_abstention_counts_against_a_majority_of_those_present():
    assert outcome(rule_of(passes="> 1/2 of present"), FOUR, yes="ada", abstain="bob") == "failed"


def test_absence_counts_against_a_majority_of_those_eligible():
    assert outcome(rule_of(passes="> 1/2 of eligible"), FOUR, yes="ada bob") == "failed"
    assert outcome(rule_of(passes="> 1/2 of eligible"), FOUR, yes="ada bob cyd") == "passed"


def test_a_recusal_counts_neither_above_nor_below_the_line():
    rule = rule_of(passes=">= 2/3 of eligible")
    assert outcome(rule, FOUR, yes="ada bob") == "failed"
    assert outcome(rule, FOUR, yes="ada bob", recused="dan") == "passed"


def test_a_ballot_of_somebody_recused_does_not_count():
    result = tally(rule_of(), FOUR, {"ada": "yes", "dan": "no"}, ["dan"], closed=True)
    assert result.heads == (1, 0, 0, 2, 1)
    assert result.counts[0].no == 0


def test_the_quorum_must_hold():
    assert outcome(rule_of(quorum="3/4"), FOUR, yes="ada bob") == "no_quorum"
    assert outcome(rule_of(quorum="3/4"), FOUR, yes="ada bob cyd") == "passed"


def test_without_anybody_eligible_there_is_no_quorum():
    assert outcome(rule_of(quorum="0"), FOUR, recused="ada bob cyd dan") == "no_quorum"
    assert outcome(rule_of(quorum="0"), ()) == "no_quorum"
    assert outcome(rule_of(early=True), FOUR, recused="ada bob cyd dan", closed=False) == "no_quorum"


def test_a_veto_comes_before_a_missing_quorum_and_before_passing():
    rule = rule_of(veto="1/4", quorum="1")
    assert outcome(rule, FOUR, no="ada") == "vetoed"
    assert outcome(rule_of(veto="1/4"), FOUR, yes="ada bob cyd", no="dan") == "vetoed"


def test_a_veto_is_a_share_of_those_eligible():
    rule = rule_of(veto="1/3")
    assert outcome(rule, FOUR, yes="ada bob", no="cyd") == "passed"
    assert outcome(rule, FOUR, yes="ada bob", no="cyd", recused="dan") == "vetoed"


def test_a_veto_stops_at_once_also_without_early_settlement():
    assert outcome(rule_of(veto="1/4"), FOUR, no="dan", closed=False) == "vetoed"


def test_without_early_settlement_a_proposal_stays_open():
    assert outcome(rule_of(), FOUR, yes="ada bob cyd dan", closed=False) == "open"


def test_early_settlement_waits_until_nothing_can_change():
    rule = rule_of(early=True)
    assert outcome(rule, FOUR, yes="ada bob", closed=False) == "open"
    assert outcome(rule, FOUR, yes="ada bob cyd", closed=False) == "passed"
    assert outcome(rule, FOUR, no="ada bob", closed=False) == "failed"


def test_early_settlement_waits_for_the_quorum():
    rule = rule_of(passes="> 1/2 of eligible", quorum="1", early=True)
    assert outcome(rule, FOUR, yes="ada bob cyd", closed=False) == "open"
    assert outcome(rule, FOUR, yes="ada bob cyd dan", closed=False) == "passed"


def test_early_settlement_waits_while_a_veto_is_possible():
    rule = rule_of(veto="1/4", early=True)
    assert outcome(rule, FOUR, yes="ada bob cyd", closed=False) == "open"
    assert outcome(rule, FOUR, yes="ada bob cyd", abstain="dan", closed=False) == "passed"


def test_a_double_majority_needs_both():
    rule = DecisionRule.model_validate(
        {
            "majorities": [{"passes": "> 1/2 of cast"}, {"by": "weight", "passes": "> 1/2 of cast"}],
            "quorum": "0",
            "period": "3d",
            "timelock": "1d",
        }
    )
    heavy = (*electors("ada", weight=10), *electors("bob", "cyd"))
    assert outcome(rule, heavy, yes="ada", no="bob cyd") == "failed"
    assert outcome(rule, heavy, yes="bob cyd", no="ada") == "failed"
    assert outcome(rule, heavy, yes="ada bob", no="cyd") == "passed"


def test_a_cap_limits_what_one_member_counts():
    heavy = (*electors("ada", weight=10), *electors("bob", "cyd"))
    assert outcome(rule_of(by="weight"), heavy, yes="ada", no="bob cyd") == "passed"
    capped = rule_of(by="weight", weight_cap="1/8")
    assert outcome(capped, heavy, yes="ada", no="bob cyd") == "failed"
    counts = tally(capped, heavy, {"ada": "yes"}, [], closed=True).counts[0]
    assert (counts.yes, counts.absent, counts.eligible) == (Fraction(3, 2), 2, Fraction(7, 2))


def test_the_cap_is_taken_of_the_whole_electorate_also_when_somebody_is_recused():
    heavy = (*electors("ada", weight=10), *electors("bob", "cyd"))
    counts = tally(rule_of(by="weight", weight_cap="1/8"), heavy, {}, ["cyd"], closed=True).counts[0]
    assert counts.eligible == Fraction(5, 2)


def test_each_class_counts_one_and_is_shared_by_its_electors():
    mixed = (*electors("ada", "bob", "cyd"), *electors("dan", member_class="shop"))
    rule = rule_of(by="class")
    assert outcome(rule, mixed, yes="dan", no="ada bob") == "passed"
    assert outcome(rule, mixed, yes="dan", no="ada bob cyd") == "failed"
    counts = tally(rule, mixed, {"ada": "no", "bob": "no", "dan": "yes"}, ["cyd"], closed=True).counts[0]
    assert (counts.yes, counts.no, counts.recused) == (1, Fraction(2, 3), Fraction(1, 3))


def test_counts_and_heads_add_up():
    result = tally(rule_of(), FOUR, {"ada": "yes", "bob": "abstain"}, ["cyd"], closed=True)
    assert result.heads._asdict() == {"yes": 1, "no": 0, "abstain": 1, "absent": 1, "recused": 1}
    count = result.counts[0]
    assert (count.cast, count.present, count.eligible) == (1, 2, 3)


def test_a_ballot_of_a_stranger_is_a_mistake_of_the_caller():
    with pytest.raises(ValueError, match="not in the electorate: eve"):
        tally(rule_of(), FOUR, {"eve": "yes"}, [], closed=True)
    with pytest.raises(ValueError, match="not in the electorate: eve"):
        tally(rule_of(), FOUR, {}, ["eve"], closed=True)


def test_an_elector_twice_is_a_mistake_of_the_caller():
    with pytest.raises(ValueError, match="twice"):
        tally(rule_of(), electors("ada", "ada"), {}, [], closed=True)


shares = st.sampled_from(["0", "1/4", "1/3", "1/2", "3/5", "2/3", "3/4", "1"])
passes = st.one_of(
    st.builds(
        "> {} of {}".format,
        shares.filter(lambda s: s != "1"),
        st.sampled_from(["cast", "present", "eligible"]),
    ),
    st.builds(">= {} of {}".format, shares, st.sampled_from(["cast", "present", "eligible"])),
)


@st.composite
def rules(draw):
    bases = draw(st.lists(st.sampled_from(["head", "class", "weight"]), min_size=1, max_size=2, unique=True))
    capped = "weight" in bases and draw(st.booleans())
    return {
        "majorities": [{"by": by, "passes": draw(passes)} for by in bases],
        "quorum": draw(shares),
        "veto": draw(st.none() | shares.filter(lambda s: s != "0")),
        "weight_cap": draw(st.sampled_from(["1/10", "1/4", "2/5", "1"])) if capped else None,
        "period_seconds": 3600,
        "timelock_seconds": 0,
        "early": draw(st.booleans()),
    }


standings = st.sampled_from(["yes", "no", "abstain", "absent", "recused", "recused with a ballot"])
weights = st.integers(1, 12) | st.sampled_from([100, 10**9])
electorates = st.lists(st.tuples(st.sampled_from(["bank", "shop", "farm"]), weights, standings), max_size=7)


def vote(people):
    electorate = [
        (f"m{index}", member_class, weight) for index, (member_class, weight, _) in enumerate(people)
    ]
    ballots, recused = {}, []
    for (member, _, _), (_, _, standing) in zip(electorate, people, strict=True):
        if standing in {"yes", "no", "abstain"}:
            ballots[member] = standing
        if standing.startswith("recused"):
            recused.append(member)
        if standing == "recused with a ballot":
            ballots[member] = "no"
    return electorate, ballots, recused


small_electorates = electorates.filter(lambda people: sum(s == "absent" for _, _, s in people) <= 4)


@settings(max_examples=400, deadline=None)
@given(rules(), small_electorates, st.booleans())
def test_the_quick_count_and_the_obvious_count_agree(rule, people, closed):
    check_agreement(rule, people, closed=closed)


@pytest.mark.slow
@settings(max_examples=20_000, deadline=None)
@given(rules(), small_electorates, st.booleans())
def test_the_quick_count_and_the_obvious_count_agree_at_length(rule, people, closed):
    check_agreement(rule, people, closed=closed)


def check_agreement(rule, people, *, closed):
    electorate, ballots, recused = vote(people)
    quick = tally(
        DecisionRule.model_validate(rule),
        [Elector(*person) for person in electorate],
        ballots,
        recused,
        closed=closed,
    )
    assert quick.outcome == obvious.outcome(rule, electorate, ballots, recused, closed=closed)
    standing = {m: "recused" if m in recused else ballots.get(m, "absent") for m, _, _ in electorate}
    for majority, count in zip(rule["majorities"], quick.counts, strict=True):
        expected = obvious.count(majority["by"], rule, electorate, standing)
        assert {name: getattr(count, name) for name in expected} == expected


@settings(max_examples=100, deadline=None)
@given(rules(), electorates, st.randoms(use_true_random=False), st.booleans())
def test_the_order_of_electors_and_ballots_does_not_matter(rule, people, random, closed):
    electorate, ballots, recused = vote(people)
    one = [Elector(*person) for person in electorate]
    other = random.sample(one, len(one))
    shuffled = dict(random.sample(list(ballots.items()), len(ballots)))
    parsed = DecisionRule.model_validate(rule)
    assert tally(parsed, one, ballots, recused, closed=closed) == tally(
        parsed, other, shuffled, recused, closed=closed
    )


@settings(max_examples=100, deadline=None)
@given(rules(), electorates)
def test_what_is_settled_early_is_what_closing_would_say_or_no_pass_either_way(rule, people):
    electorate, ballots, recused = vote(people)
    parsed, electors = DecisionRule.model_validate(rule), [Elector(*person) for person in electorate]
    early = tally(parsed, electors, ballots, recused, closed=False).outcome
    closed = tally(parsed, electors, ballots, recused, closed=True).outcome
    if early in {"passed", "vetoed"}:
        assert closed == early
    elif early != "open":
        assert closed != "passed"


EARLY = {"passes": ">= 2/3 of eligible", "quorum": "1/2", "period": "7d", "timelock": "1d", "early": True}


@pytest.mark.parametrize("by", ["head", "class", "weight"])
@pytest.mark.parametrize(
    ("names", "recused", "outcome"),
    [
        ([], [], "no_quorum"),
        (["ada"], ["ada"], "no_quorum"),
        (["ada", "bob"], ["ada", "bob"], "no_quorum"),
        (["ada", "bob"], ["ada"], "open"),
        (["ada"], [], "open"),
    ],
)
def test_without_a_ballot_an_early_proposal_is_settled_only_when_nobody_can_vote(by, names, recused, outcome):
    electorate = [Elector(name, "m", 1) for name in names]
    early, patient = (
        DecisionRule.model_validate(EARLY | {"by": by, "early": early}) for early in (True, False)
    )
    assert tally(early, electorate, {}, recused, closed=False).outcome == outcome
    assert tally(patient, electorate, {}, recused, closed=False).outcome == "open"
    assert tally(patient, electorate, {}, recused, closed=True).outcome == "no_quorum"
