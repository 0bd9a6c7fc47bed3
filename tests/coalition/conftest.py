"""A small coalition in memory: entries are written, sequenced at a chosen time, and folded."""

from hashlib import sha256

import pytest

from hansa.coalition import (
    ZERO_DIGEST,
    Ballot,
    Found,
    LogKey,
    Propose,
    RunClose,
    RunOpen,
    Tick,
    apply,
    make_entry,
    sharing_for,
)
from hansa.governance import Member, load_charter, load_plan
from hansa.transparency import Leaf, SigningKey

DAY = 86_400
START = 1_700_000_000

CHARTER = """
version: 1
name: Test coalition
origin: test.example/coalition
purpose: Try things out.
classes: {bank: {votes: true}, observer: {votes: false}}
decisions:
  run: {passes: "> 1/2 of cast", quorum: 1/2, period: 3d, timelock: 1d}
  release: {passes: "> 1/2 of cast", quorum: 1/2, period: 3d, timelock: 1d, early: true}
  admit: {passes: ">= 2/3 of eligible", veto: 1/2, quorum: 1/2, period: 3d, timelock: 1d}
  expel: {passes: ">= 2/3 of eligible", quorum: 1/2, period: 3d, timelock: 1d}
  amend: {passes: ">= 2/3 of cast", quorum: 1/2, period: 3d, timelock: 1d}
privacy: {minimum_cohort: 3, unnoised_sums: allowed}
brake: {hours: 48}
"""

PLAN = """
version: 1
name: A plan
purpose: Try things out.
recipe: {name: logistic, digest: "RECIPE"}
label: {name: y, positive: "1", negative: "0"}
features: [{name: x, type: number, minimum: 0, maximum: 1}]
cohort: {members: all, minimum: 3}
split: {kind: stratified, test: 3/10}
privacy: {noise: none}
bars: [{metric: auc_together, at_least: 0.80}]
leaves: [{what: sums, to: members}]
""".replace("RECIPE", "ab" * 32)


def key_of(name):
    return SigningKey.from_seed(sha256(name.encode()).digest())


def member_of(name, member_class="bank", weight=1, budget=None):
    return Member(
        id=name,
        name=name.title(),
        member_class=member_class,
        country="NL",
        voting_weight=weight,
        key=key_of(name).public.encode(),
        budget=budget,
    )


class Chain:
    """A log under construction; `state` is its fold and `leaves` what was accepted."""

    def __init__(self, names=("ada", "bob", "cyd", "dan"), charter=CHARTER, observers=(), budgets=None):
        self.charter = load_charter(charter, "charter.yaml")
        self.at = START
        self.state = None
        self.leaves = []
        members = sorted(
            [
                *(member_of(name, budget=(budgets or {}).get(name)) for name in names),
                *(member_of(name, "observer") for name in observers),
            ],
            key=lambda member: member.id,
        )
        body = Found(
            charter=self.charter.to_json(),
            log=LogKey(key=key_of("log").public.encode()),
            members=[member.to_json() for member in members],
        )
        self.take(
            make_entry(
                body,
                coalition=ZERO_DIGEST,
                author=members[0].id,
                seq=0,
                prev=ZERO_DIGEST,
                keys=tuple(key_of(member.id) for member in members),
            )
        )

    def write(self, author, body, **changes):
        """Return a signed entry that continues its author's chain, but for the changes."""
        record = self.state.members.get(author)
        fields = {
            "coalition": self.state.coalition,
            "author": author,
            "seq": record.next_seq if record else 0,
            "prev": record.head if record else ZERO_DIGEST,
            "keys": (key_of(author),),
        } | changes
        return make_entry(body, **fields)

    def take(self, envelope, at=None):
        """Sequence an envelope now; return its entry number."""
        leaf = Leaf(self.at if at is None else at, envelope).encode()
        self.state = apply(self.state, leaf)
        self.leaves.append(leaf)
        return len(self.leaves) - 1

    def say(self, author, body, **changes):
        return self.take(self.write(author, body, **changes))

    def propose(self, author, effect):
        number = self.say(author, Propose(title="A proposal", reason="", effect=effect))
        return self.state.proposal(number)

    def look(self, proposal):
        """Return a proposal as it stands now."""
        return self.state.proposals[proposal.id]


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
