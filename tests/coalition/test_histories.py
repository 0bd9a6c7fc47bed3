"""Random histories through the fold, held against the obvious tally: two independent counts of every proposal."""

import json

import obvious_tally
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from hansa.coalition import Ballot, Brake, Leave, Propose, Recuse, Tick, Withdraw, replay
from hansa.errors import HansaError
from hansa.governance import load_charter

DAY = 86_400
NAMES = ("ada", "bob", "cyd", "dan", "zed")

fractions = st.sampled_from(["1/3", "1/2", "2/3", "3/4"])
passes = st.builds(
    "{} {} of {}".format,
    st.sampled_from([">", ">="]),
    fractions,
    st.sampled_from(["cast", "present", "eligible"]),
)


@st.composite
def rules(draw):
    bases = draw(st.lists(st.sampled_from(["head", "class", "weight"]), min_size=1, max_size=2, unique=True))
    rule = {
        "majorities": [{"by": by, "passes": draw(passes)} for by in bases],
        "quorum": draw(st.sampled_from(["0", "1/3", "1/2"])),
        "period": "3d",
        "timelock": draw(st.sampled_from(["0s", "1d"])),
        "early": draw(st.booleans()),
    }
    if draw(st.booleans()):
        rule["veto"] = draw(fractions)
    if "weight" in bases and draw(st.booleans()):
        rule["weight_cap"] = draw(st.sampled_from(["1/3", "1/2"]))
    return rule


@st.composite
def charters(draw):
    return json.dumps(
        {
            "version": 1,
            "name": "Histories",
            "origin": "test.example/histories",
            "purpose": "Try things out.",
            "classes": {"bank": {"votes": True}, "observer": {"votes": False}},
            "decisions": {name: draw(rules()) for name in ("run", "expel", "amend")},
            "privacy": {"minimum_cohort": 3, "unnoised_sums": "allowed"},
        }
    )


acts = st.lists(
    st.tuples(
        st.sampled_from(
            ["expel", "run", "amend", "vote", "vote", "vote", "recuse", "leave", "withdraw", "brake", "wait"]
        ),
        st.sampled_from(NAMES),
        st.integers(0, 5),
    ),
    max_size=25,
)


def act(chain, plan, kind, name, number):
    """Do one thing; what the fold refuses is left undone."""
    proposals = chain.state.proposals_in_order
    target = proposals[number % len(proposals)].id if proposals else None
    if kind == "wait":
        chain.at += (0, 3_600, DAY - 1, DAY, 3 * DAY - 1, 3 * DAY)[number]
        chain.say(name, Tick())
    elif kind == "leave" and number == 0:
        chain.say(name, Leave(reason=""))
    elif kind in {"expel", "run", "amend"}:
        charter = chain.state.charter.to_json()
        effect = {
            "expel": {"effect": "expel", "member": NAMES[number % len(NAMES)]},
            "run": {"effect": "run", "plan": plan.to_json()},
            "amend": {"effect": "amend", "charter": charter | {"version": charter["version"] + 1}},
        }[kind]
        chain.say(name, Propose(title="A proposal", reason="", effect=effect))
    elif target is not None:
        body = {
            "vote": Ballot(proposal=target, choice=("yes", "no", "abstain")[number % 3], reason=""),
            "recuse": Recuse(proposal=target, reason=""),
            "withdraw": Withdraw(proposal=target),
            "brake": Brake(proposal=target, reason=""),
        }.get(kind)
        if body is not None:
            chain.say(name, body)


@settings(max_examples=60, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(charters(), acts)
def test_every_outcome_is_the_one_that_the_obvious_tally_finds(new_chain, plan, charter, history):
    try:
        load_charter(charter, "charter.json")
        chain = new_chain(names=NAMES[:4], charter=charter, observers=NAMES[4:])
    except HansaError:
        return  # a charter that lint refuses founds nothing
    for kind, name, number in history:
        try:
            act(chain, plan, kind, name, number)
        except HansaError:
            continue
        for proposal in chain.state.proposals_in_order:
            assert _judge(proposal, chain.state.at), (proposal.number, proposal.outcome)
    assert replay(chain.leaves).digest == chain.state.digest


def _judge(proposal, now):
    """Whether a proposal stands as the obvious tally says, given what was said until now."""
    if proposal.outcome in {"withdrawn", "dropped"}:
        return True
    electorate = [(e.member, e.member_class, e.voting_weight) for e in proposal.electorate]
    closed = proposal.outcome != "open" and proposal.decided_at == proposal.closes_at
    found = {
        obvious_tally.outcome(rule.to_json(), electorate, proposal.ballots, proposal.recused, closed=closed)
        for rule in proposal.rules
    }
    together = next((what for what in ("vetoed", "no_quorum", "failed", "open") if what in found), "passed")
    expected = {"passed", "in_effect", "void"} if together == "passed" else {together}
    return proposal.outcome in expected and (proposal.outcome != "open" or now < proposal.closes_at)
