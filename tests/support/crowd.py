"""Many members with a real trainer each, who read one copy of the log together, and a real coordinator.

That members fold the log alone, and vote, is tested with few; a crowd is for what only many bring: sparse graphs.
"""

from hashlib import sha256

from hansa.coalition import (
    ZERO_DIGEST,
    Ballot,
    Found,
    LogKey,
    Propose,
    RunClose,
    RunOpen,
    Tick,
    make_entry,
    sharing_for,
)
from hansa.engine import LocalEngine
from hansa.entropy import draw
from hansa.governance import Member, load_charter, load_plan
from hansa.hub import Coordinator, Sequencer
from hansa.learning import recipe_digest
from hansa.node import Follower, Trainer, Voter
from hansa.store import LogStore
from hansa.transparency import SigningKey

DAY = 86_400

CHARTER = """
version: 1
name: A crowd
origin: crowd.example/members
purpose: Try things out.
classes: {bank: {votes: true}}
decisions:
  run: {passes: "> 1/2 of cast", quorum: 0, period: 1d, timelock: 0s}
privacy: {minimum_cohort: 3, unnoised_sums: allowed, colluding: COLLUDING, dropouts: DROPOUTS}
witnesses: {cosignatures: 1}
"""

PLAN = """
version: 1
name: A plan
purpose: Try things out.
recipe: {name: logistic}
label: {name: y, positive: "1", negative: "0"}
features: [{name: x, type: number, minimum: 0, maximum: 1}]
cohort: {members: all, minimum: 3}
split: {kind: stratified, test: 3/10}
privacy: {noise: none}
bars: [{metric: auc_together, at_least: 0.50}]
leaves: [{what: sums, to: members}]
"""


class Crowd:
    """A coalition with one approved run, of which an attempt is open.

    Args:
        folder: empty.
        rows: each member's rows, by name.
        colluding, dropouts: what the charter assumes, as it is written.
    """

    def __init__(self, folder, rows, *, colluding, dropouts):
        self.names = tuple(sorted(rows))
        self.rows = rows
        self.keys = {name: SigningKey.from_seed(sha256(name.encode()).digest()) for name in self.names}
        self.time = 1_700_000_000
        charter = load_charter(
            CHARTER.replace("COLLUDING", colluding).replace("DROPOUTS", dropouts), "charter.yaml"
        )
        plan = load_plan(PLAN, "plan.yaml", recipe_digest=recipe_digest())
        log_key = SigningKey.from_seed(bytes(32))
        self.store = LogStore.create(folder / "log.sqlite")
        self.sequencer = Sequencer(self.store, log_key, lambda: self.time)
        self.first = self.names[0]
        members = [
            Member(id=name, name=name, member_class="bank", country="NL", voting_weight=1, key=key)
            for name, key in ((name, self.keys[name].public.encode()) for name in self.names)
        ]
        found = Found(
            charter=charter.to_json(),
            log=LogKey(key=log_key.public.encode()),
            members=[member.to_json() for member in members],
        )
        self.sequencer.submit(
            make_entry(
                found,
                coalition=ZERO_DIGEST,
                author=self.first,
                seq=0,
                prev=ZERO_DIGEST,
                keys=tuple(self.keys.values()),
            )
        )
        number = self.say(Propose(title="A run", reason="", effect={"effect": "run", "plan": plan.to_json()}))
        proposal = self.state.proposal(number)
        self.say(Ballot(proposal=proposal.id, choice="yes", reason=""))
        self.time += DAY
        self.say(Tick())
        self.say(
            RunOpen(
                proposal=proposal.id,
                plan=plan.digest,
                recipe=plan.recipe.digest,
                attempt=1,
                cohort=list(self.names),
                threshold=sharing_for(self.state, len(self.names)).threshold,
            )
        )
        self.run = self.state.attempts(proposal.id)[-1]
        self.follower = Follower(self.first, self.keys[self.first], lambda: self.time, folder)
        self.settle()
        self.trainers = {}
        for name in self.names:
            house = folder / name
            house.mkdir()
            self.trainers[name] = Trainer(
                name,
                self.keys[name],
                self.follower,
                lambda _plan, name=name: rows[name],
                draw,
                folder=house,
            )

    @property
    def state(self):
        return self.sequencer.state

    def say(self, body):
        """Let the first member write one entry; return its number."""
        return self.sequencer.submit(*Voter(self.first, self.keys[self.first]).write(self.state, body))

    def settle(self):
        """Let the first member follow the log and cosign it; return the checkpoint."""
        note = self.sequencer.sign_checkpoint()
        self.follower.follow(self.sequencer.leaves(self.follower.size), note.encode())
        note = self.sequencer.keep(note, [self.follower.cosign()])
        self.follower.confirm(note.encode())
        return note.encode()

    def conduct(self, wrap=lambda engine: engine):
        """Take the run to its end; return how it went."""
        engine = LocalEngine({name: trainer.receive for name, trainer in self.trainers.items()})
        return Coordinator(self.sequencer, wrap(engine)).conduct(self.run.id)

    def close(self, conducted):
        """Put seals and result on the record; return the checkpoint over it."""
        self.sequencer.submit(*conducted.seals)
        self.say(
            RunClose(
                run=self.run.id,
                status="completed",
                transcript=conducted.transcript,
                model=sha256(conducted.model).hexdigest(),
                report=sha256(conducted.report).hexdigest(),
                metrics=dict(conducted.metrics),
                dropped=dict(conducted.dropped),
                reason="",
            )
        )
        return self.settle()
