"""A small coalition in memory: entries are written, sequenced at a chosen time, and folded."""

from hashlib import sha256

from hansa.coalition import (
    ZERO_DIGEST,
    Acknowledge,
    Ballot,
    Found,
    LogKey,
    Propose,
    Tick,
    apply,
    make_entry,
    write_acknowledgement,
)
from hansa.governance import Member, consent_message, load_charter
from hansa.transparency import Leaf, SigningKey, encode_base64

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

    def admit(self, newcomer):
        """Let everybody vote a newcomer in; it has acknowledged nothing yet."""
        consent = encode_base64(key_of(newcomer.id).sign(consent_message(self.state.coalition, newcomer)))
        effect = {"effect": "admit", "member": newcomer.to_json(), "consent": consent}
        author, *_ = names = [member.id for member in self.state.voting_members]
        admission = self.propose(author, effect)
        for name in names:
            self.say(name, Ballot(proposal=admission.id, choice="yes", reason=""))
        self.at = admission.closes_at + DAY
        self.say(author, Tick())

    def acknowledge(self, name, **changes):
        body = write_acknowledgement(self.state, name)
        return self.say(name, Acknowledge(**body.model_dump() | changes))
