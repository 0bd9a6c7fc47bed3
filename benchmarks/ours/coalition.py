"""A founded coalition and an approved run, through the product's own doors: only the questions of the run are the benchmark's."""

import contextlib
import io
import json
import os
import sys
import time
from collections.abc import Callable, Mapping
from pathlib import Path
from subprocess import Popen
from typing import NamedTuple

from hansa.cli import main
from hansa.coalition import ZERO_DIGEST, Found, LogKey, make_entry
from hansa.entropy import draw
from hansa.errors import HansaError
from hansa.governance import Member, load_charter
from hansa.hub import Sequencer, init_hub
from hansa.node.house import House, NodeSettings, make_house
from hansa.node.intercom import Intercom
from hansa.store import LogStore
from hansa.transparency import SigningKey
from peers.deployment import Deployment, DeploymentError, find_ports

PROGRAM = Path(__file__).with_name("program.py")
SOURCE = Path(__file__).parents[2] / "src"
CHARTER = """
version: 1
name: Ten
origin: ten.example/rounds
purpose: Measure rounds.
classes: {bank: {votes: true}}
decisions: {run: {passes: "> 1/2 of cast", quorum: 0, period: 1h, timelock: 0s, early: true}}
privacy: {minimum_cohort: 3, unnoised_sums: allowed}
"""
PLAN = """
version: 1
name: Rounds
purpose: Measure rounds.
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
ROWS = "y,x\n" + "".join(f"{number % 2},0.{number:02}\n" for number in range(60))


class Moment(NamedTuple):
    """When a round began at the hub, and how much processor time the hub had used by then; seconds."""

    wall: float
    processor: float


class Coalition:
    """A hub and members, each in a folder and a process of its own.

    Args:
        deployment: in whose folder, and by which everything ends.
        members: how many.
        words: what `program.py` is told first.
    """

    def __init__(self, deployment: Deployment, members: int, *words: object) -> None:
        self._deployment = deployment
        self._words = tuple(map(str, words))
        self.names = tuple(f"m{number:03}" for number in range(members))
        self.moments = deployment.folder / "moments"
        self.hub_folder = deployment.folder / "hub"
        (port,) = find_ports(1)
        self.address = f"https://127.0.0.1:{port}"
        self.port = port
        self.nodes: list[Popen[bytes]] = []
        deployment.environment["PYTHONPATH"] = os.pathsep.join((str(SOURCE), str(PROGRAM.parents[1])))
        self._houses = self._found()

    def _found(self) -> Mapping[str, House]:
        hub = init_hub(self.hub_folder, [self.address], None)
        self.authority = hub.authority
        keys = {name: SigningKey.from_seed(draw(32)) for name in self.names}
        members = [
            Member(
                id=name,
                name=name,
                member_class="bank",
                country="NL",
                voting_weight=1,
                key=key.public.encode(),
            )
            for name, key in keys.items()
        ]
        body = Found(
            charter=load_charter(CHARTER, "charter").to_json(),
            log=LogKey(key=hub.key.public.encode()),
            members=[member.to_json() for member in members],
        )
        found = make_entry(
            body,
            coalition=ZERO_DIGEST,
            author=self.names[0],
            seq=0,
            prev=ZERO_DIGEST,
            keys=tuple(keys.values()),
        )
        with LogStore.open(hub.log) as store:
            Sequencer(store, hub.key, lambda: int(time.time())).submit(found)
        data = self._deployment.folder / "rows.csv"
        data.write_text(ROWS)
        houses = {}
        for name, key in keys.items():
            seed = key.secret.private_bytes_raw()
            settings = NodeSettings(
                member=name, hub=(self.address,), authority=hub.authority, coalition=found.id
            )
            houses[name], _ = make_house(
                self._deployment.folder / name,
                settings,
                invitation=b"{}",
                passphrase=None,
                data=data,
                draw=lambda _size, seed=seed: seed,
            )
        return houses

    def start(self) -> None:
        """Start the hub, then the nodes, and wait until all of them follow a final checkpoint."""
        self.hub = self._begin("hub", "hub", "up", self.hub_folder)
        self._await(lambda: self._says("hub"), "hub")
        self.nodes = [
            self._begin(name, "node", "up", "--folder", house.folder) for name, house in self._houses.items()
        ]
        self._await(lambda: all(map(self._follows, self.names)), "nodes")

    def open_run(self) -> None:
        """Propose a run, let more than half vote for it, and open it."""
        (self._deployment.folder / "plan.yaml").write_text(PLAN)
        self._say("proposal", "open", "run", self._deployment.folder / "plan.yaml", member=self.names[0])
        for name in self.names[: len(self.names) // 2 + 1]:
            self._say("proposal", "vote", 1, "yes", member=name)
        folder = self._houses[self.names[0]].folder
        self._deployment.start(
            "run", sys.executable, "-m", "hansa", "run", "start", "1", "--folder", str(folder)
        )

    def await_moments(self, count: int) -> list[Moment]:
        """Wait until the hub has noted so many moments, and return them."""
        self._await(lambda: len(self._read_moments()) >= count, "end of the rounds")
        return self._read_moments()[:count]

    def count_moments(self) -> int:
        """How many there are by now."""
        return len(self._read_moments())

    def _read_moments(self) -> list[Moment]:
        if not self.moments.exists():
            return []
        return [
            Moment(**json.loads(line))
            for line in self.moments.read_text().splitlines(keepends=True)
            if line.endswith("\n")
        ]

    def _await(self, condition: Callable[[], bool], what: str) -> None:
        self._deployment.await_that(condition, what, self.hub, *self.nodes)

    def _begin(self, name: str, *words: object) -> Popen[bytes]:
        return self._deployment.start(
            name, sys.executable, *map(str, (PROGRAM, *self._words, self.moments, *words))
        )

    def _say(self, *words: object, member: str) -> None:
        said = io.StringIO()
        folder = self._houses[member].folder
        with contextlib.redirect_stdout(said), contextlib.redirect_stderr(said):
            code = main([*map(str, words), "--folder", str(folder)])
        if code:
            raise DeploymentError(f"`hansa {' '.join(map(str, words))}`: {said.getvalue()}")

    def _says(self, name: str) -> bool:
        return b" is up" in (self._deployment.folder / f"{name}.log").read_bytes()

    def _follows(self, name: str) -> bool:
        try:
            return bool(Intercom(self._houses[name]).status()["final"])
        except HansaError:
            return False
