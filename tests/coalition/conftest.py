"""What tests of the fold share; the coalition itself is `tests/support/chain.py`."""

import pytest
from chain import CHARTER, DAY, PLAN, Chain, key_of, member_of

from hansa.coalition import ZERO_DIGEST, Ballot, RunClose, RunOpen, Tick, sharing_for
from hansa.governance import load_plan


@pytest.fixture
def chain():
    return Chain()


@pytest.fixture
def new_chain():
    return Chain


@pytest.fixture
def subtractable(new_chain):
    """A coalition that takes it that one run's totals less another's show what few gave."""
    return new_chain(
        charter=CHARTER.replace("unnoised_sums: allowed", "unnoised_sums: allowed, differencing: allowed")
    )


@pytest.fixture
def approve(plan):
    """Take a run through its vote and its timelock."""

    def carry(chain, plan=plan):
        author, *_ = members = [elector.id for elector in chain.state.voting_members]
        proposal = chain.propose(author, {"effect": "run", "plan": plan.to_json()})
        for name in members:
            chain.say(name, Ballot(proposal=proposal.id, choice="yes", reason=""))
        chain.at = proposal.closes_at + DAY
        chain.say(author, Tick())
        return chain.look(proposal)

    return carry


@pytest.fixture
def noised():
    """A plan with noise of which ten attempts may be made, each at an epsilon of 1 for each row."""
    noise = "{noise: discrete-gaussian, epsilon: 1, delta: 0.00001}"
    text = PLAN.replace("{noise: none}", noise).replace("stratified", "rows")
    text = text.replace("auc_together", "auc_pooled_together") + "attempts: 10\n"
    return load_plan(text, "plan.yaml")


@pytest.fixture
def budgeted(new_chain):
    """A coalition in which only noised sums leave, under a budget."""

    def found(budget="{epsilon: 2, delta: 0.00001}", **options):
        privacy = f"unnoised_sums: refused, budget: {budget}" if budget else "unnoised_sums: refused"
        return new_chain(charter=CHARTER.replace("unnoised_sums: allowed", privacy), **options)

    return found


@pytest.fixture
def fail():
    """Begin an attempt, and end it as failed."""

    def run(chain, proposal):
        attempts = chain.state.attempts(proposal.id)
        cohort = [member.id for member in chain.state.voting_members]
        chain.say(
            cohort[0],
            RunOpen(
                proposal=proposal.id,
                plan=proposal.plan.digest,
                recipe=proposal.plan.recipe.digest,
                attempt=len(attempts) + 1,
                cohort=cohort,
                threshold=sharing_for(chain.state, len(cohort)).threshold,
            ),
        )
        run = chain.state.attempts(proposal.id)[-1]
        nothing = dict.fromkeys(("transcript", "model", "report"), ZERO_DIGEST)
        chain.say(
            cohort[0],
            RunClose(run=run.id, status="failed", **nothing, metrics={}, dropped={}, reason="it failed"),
        )
        return chain.state.runs[run.id]

    return run


@pytest.fixture
def keys():
    return key_of


@pytest.fixture
def members():
    return member_of


@pytest.fixture
def plan():
    return load_plan(PLAN, "plan.yaml")


@pytest.fixture
def charter_text():
    return CHARTER


@pytest.fixture
def day():
    return DAY
