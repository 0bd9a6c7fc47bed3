"""Members of a coalition at a real hub: real followers and trainers, over their own few lines of HTTPS.

They lie in the test's process, each in a thread while a run goes on; the hub is the process that is tested.
"""

import threading
import time
from fractions import Fraction
from http.client import HTTPException

import numpy as np
from hubhouse import NAMES, encode_entries, key_of
from hubreader import read_log, read_size

from hansa.coalition import Ballot, Propose, RunOpen, sharing_for
from hansa.engine import parse_frame
from hansa.entropy import draw
from hansa.governance import load_plan
from hansa.learning import NumberFeature, Schema, StratifiedSplit, Table, divide_rows, recipe_digest
from hansa.node import Follower, Trainer, Voter

PLAN = """
version: 1
name: A plan
purpose: Try things out.
recipe: {name: logistic}
label: {name: y, positive: "1", negative: "0"}
features: [{name: x, type: number, minimum: 0, maximum: 1}]
cohort: {members: all, minimum: 3}
attempts: 5
split: {kind: stratified, test: 3/10}
privacy: {noise: none}
bars: [{metric: auc_together, at_least: 0.50}]
leaves: [{what: sums, to: members}]
"""
SCHEMA = Schema((NumberFeature("x", 0.0, 1.0, missing=False),))


def rows_of(name, number):
    random = np.random.default_rng(number)
    x = random.random(60)
    labels = (random.random(60) < x).astype(np.int8)
    return divide_rows(Table(SCHEMA, {"x": x}, {}, labels), StratifiedSplit(0, Fraction(3, 10)), name)


class HubMember:
    """One member.

    Args:
        hub: where it asks.
        name: its id.
        folder: its own; made.
        number: from which its rows follow.
    """

    def __init__(self, hub, name, folder, number):
        folder.mkdir()
        self.hub = hub
        self.name = name
        self.follower = Follower(name, key_of(name), lambda: int(time.time()), folder)
        self.trainer = Trainer(
            name,
            key_of(name),
            self.follower,
            lambda _plan: rows_of(name, number),
            draw,
            folder=folder,
        )
        self.answers = {}
        self.error = None
        self.connection = None

    def ask(self, method, path, body=b"", **headers):
        if self.connection not in self.hub.connections:
            self.connection = self.hub.connect(timeout=60)  # the first one, or the hub was started again
        return self.hub.ask(method, path, body, member=self.name, headers=headers, connection=self.connection)

    def follow(self):
        """Follow the newest checkpoint; return it."""
        answer = self.ask("GET", "/checkpoint")
        size = read_size(answer)
        if size > self.follower.size:
            leaves = read_log(self.hub, size)[self.follower.size :]
            self.follower.follow(leaves, answer.body.decode())
        return answer

    def cosign(self):
        line = self.follower.cosign().encode().rstrip("\n")
        body = f'{{"signatures":["{line}"],"size":{self.follower.size}}}'.encode()
        assert self.ask("POST", "/v1/cosignatures", body).status == 204

    def say(self, *bodies):
        written = Voter(self.name, key_of(self.name)).write(self.follower.state, *bodies)
        answer = self.ask("POST", "/v1/entries", encode_entries(*written))
        assert answer.status == 200, answer
        return answer.json()["numbers"][0]

    def play(self, run, until=lambda frame: False):
        """Take part in a run until it is over, or until a message after which this member is gone."""
        try:
            self._play(run, until)
        except Exception as error:  # noqa: BLE001 - told by the thread that waits
            self.error = error

    def _play(self, run, until):
        place = None
        while True:
            try:
                if place is None:
                    said = self.ask("GET", f"/v1/runs/{run}").json()
                    carriage, number = said["carriage"], said["turn"] or 1
                    place = f"/v1/runs/{run}/{carriage}/turns"
                    answer = self.ask("GET", f"{place}/{number}", Prefer="wait=20")
                if answer.status == 204:
                    answer = self.ask("GET", f"{place}/{number}", Prefer="wait=20")
                elif answer.status == 200:
                    if until(parse_frame(answer.body)):
                        return
                    self.answers[carriage, number] = self.trainer.receive(answer.body)
                    answer = self.ask(
                        "PUT", f"{place}/{number}", self.answers[carriage, number], Prefer="wait=20"
                    )
                    number += 1
                elif answer.rule in {"turn.order", "turn.carriage"}:
                    place = None
                else:
                    assert answer.rule == "run.over", answer
                    return
            # The hub is not there; somebody starts it again. A connection that is closed beneath a reader has no file any more.
            except (OSError, HTTPException, AttributeError):
                if self.connection is not None:
                    self.connection.close()
                place, self.connection = None, None
                time.sleep(0.05)


class HubCoalition:
    """Three members, and the run that they open."""

    def __init__(self, hub, folder):
        self.hub = hub
        self.members = {
            name: HubMember(hub, name, folder / name, number) for number, name in enumerate(NAMES)
        }
        self.plan = load_plan(PLAN, "plan.yaml", recipe_digest=recipe_digest())
        self.lead = self.members[NAMES[0]]
        self.proposal = None

    def settle(self, size):
        """Let all follow and cosign until a checkpoint over at least so many entries is final, and confirm it."""
        deadline = time.monotonic() + 30
        while True:
            assert time.monotonic() < deadline
            notes = {name: member.follow().body.decode() for name, member in self.members.items()}
            sizes = {member.follower.size for member in self.members.values()}
            if len(sizes) > 1 or min(sizes) < size or len(set(notes.values())) > 1:
                time.sleep(0.02)
                continue
            for member in self.members.values():
                member.cosign()
            note = self.lead.follow().body.decode()
            if note.count("\n— ") == 4 and self.lead.follower.size == min(sizes):
                for member in self.members.values():
                    member.follower.confirm(note)
                return

    def approve(self):
        self.settle(1)
        number = self.lead.say(
            Propose(title="A run", reason="", effect={"effect": "run", "plan": self.plan.to_json()})
        )
        self.settle(number + 1)
        self.proposal = self.lead.follower.state.proposal(number)
        for name in NAMES[:2]:
            number = self.members[name].say(Ballot(proposal=self.proposal.id, choice="yes", reason=""))
            self.settle(number + 1)

    def open_run(self):
        """Open the next attempt; return its id."""
        if self.proposal is None:
            self.approve()
        state = self.lead.follower.state
        number = self.lead.say(
            RunOpen(
                proposal=self.proposal.id,
                plan=self.plan.digest,
                recipe=self.plan.recipe.digest,
                attempt=len(state.attempts(self.proposal.id)) + 1,
                cohort=list(NAMES),
                threshold=sharing_for(state, len(NAMES)).threshold,
            )
        )
        self.settle(number + 1)
        return self.lead.follower.state.attempts(self.proposal.id)[-1].id

    def play(self, run, **until):
        """Let everybody take part, some until a message that they leave at; return the outcome."""
        threads = [
            threading.Thread(target=member.play, args=(run, until.get(name, lambda frame: False)), name=name)
            for name, member in self.members.items()
        ]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join(120)
            assert not thread.is_alive()
        for member in self.members.values():
            if member.error is not None:
                raise member.error
        return self.wait_for_outcome(run)

    def wait_for_outcome(self, run):
        deadline = time.monotonic() + 60
        while (said := self.lead.ask("GET", f"/v1/runs/{run}").json())["outcome"] is None:
            assert time.monotonic() < deadline, said
            time.sleep(0.05)
        return said["outcome"]
