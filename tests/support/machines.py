"""A whole coalition of real processes: a hub and nodes on loopback with TLS, founded with invitations and driven by commands."""

import contextlib
import io
import json
import math
import os
import random
import subprocess
import sys
from dataclasses import dataclass, field
from pathlib import Path

from hubhouse import SRC, HubProcess, free_port
from nodehouse import NodeProcess

from hansa.cli import main

NAMES = ("ada", "bob", "cyd", "dan")

CHARTER = """
version: 1
name: Four banks
origin: four.example/banks
purpose: Try things out.
classes: {bank: {votes: true}}
decisions:
  run: {passes: "> 1/2 of cast", quorum: 1/2, period: 1h, timelock: 0s, early: true}
  release: {passes: "> 1/2 of cast", quorum: 1/2, period: 1h, timelock: 0s, early: true}
  admit: {passes: "> 1/2 of cast", quorum: 1/2, period: 1h, timelock: 0s, early: true}
privacy: {minimum_cohort: 3, unnoised_sums: allowed, colluding: 1/4, dropouts: 1/4}
"""

PLAN = """
version: 1
name: Who pays late
purpose: Try things out.
recipe: {name: logistic}
label: {name: late, positive: "yes", negative: "no"}
features:
  - {name: amount, type: number, minimum: -10, maximum: 10}
  - {name: sector, type: category, categories: [farm, shop, mill]}
cohort: {members: all, minimum: 3}
split: {kind: stratified, seed: 0, test: 3/10}
privacy: {noise: none}
attempts: 3
bars: [{metric: auc_together, at_least: "0.60"}]
leaves: [{what: sums over the cohort, to: members of the cohort}]
"""


def write_table(path, number, rows=60):
    draw = random.Random(number)
    lines = ["late,amount,sector"]
    for _ in range(rows):
        amount, sector = draw.gauss(0, 1), draw.choice(["farm", "shop", "mill"])
        late = draw.random() < 1 / (1 + math.exp(-(1.5 * amount + (sector == "mill") - 0.5)))
        lines.append(f"{'yes' if late else 'no'},{amount:.3f},{sector}")
    path.write_text("\n".join(lines) + "\n")


@dataclass(frozen=True)
class Said:
    """What a command said in a process of its own."""

    code: int
    out: str
    err: str

    @property
    def json(self):
        return json.loads(self.out)


@dataclass
class Machines:
    """Folders of a hub and of members, and the processes that serve them."""

    path: Path
    hub: HubProcess = None
    nodes: dict = field(default_factory=dict)

    def begin(self, *tokens):
        """Begin a command in a process of its own."""
        environment = {
            **os.environ,
            "PYTHONPATH": str(SRC),
            "HANSA_PASSPHRASE": "four candles",
            "COLUMNS": "100",
        }
        return subprocess.Popen(
            [sys.executable, "-m", "hansa", *map(str, tokens)],
            env=environment,
            cwd=self.path,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )

    def end(self, process, seconds=60):
        try:
            out, err = process.communicate(timeout=seconds)
        finally:
            process.kill()
            process.wait()
        return Said(process.returncode, out, err)

    def hansa(self, *tokens, code=0):
        """Say one command in this process, standing in the folder of all."""
        out, err = io.StringIO(), io.StringIO()
        with (
            contextlib.chdir(self.path),
            contextlib.redirect_stdout(out),
            contextlib.redirect_stderr(err),
        ):
            said = Said(main([str(token) for token in tokens]), out.getvalue(), err.getvalue())
        assert said.code == code, f"{tokens}: {said.out}{said.err}"
        return said

    def found(self, names=NAMES, charter=CHARTER):
        """Found a coalition with invitations, each member in a process and a folder of its own."""
        for number, name in enumerate((*names, "eve")):
            write_table(self.path / f"{name}.csv", number)
        (self.path / "charter.yaml").write_text(charter)
        (self.path / "plan.yaml").write_text(PLAN)
        listed = "\n".join(f"- {{id: {name}, name: {name.title()} Bank, country: NL}}" for name in names)
        (self.path / "members.yaml").write_text(listed)
        port = free_port()
        self.hansa("hub", "init", "hub", "--address", f"https://127.0.0.1:{port}")
        self.hansa(
            *("coalition", "found", "charter.yaml", "--members", "members.yaml"),
            *("--hub", "hub", "--invitations", "invitations"),
        )
        self.hub = HubProcess(self.path / "hub", port).start()
        joining = [self.begin(*self._join(name)) for name in names]
        for process in joining:
            said = self.end(process)
            assert said.code == 0, said
        self.nodes = {name: NodeProcess(self.path / name) for name in names}
        return self

    def _join(self, name):
        invitation = f"invitations/{name}.json"
        return ("coalition", "join", invitation, "--folder", name, "--data", f"{name}.csv", "--yes")

    def start(self, *names):
        chosen = [self.nodes[name] for name in names or self.nodes]
        for node in chosen:
            node.begin()
        for node in chosen:
            node.start()
        for node in chosen:
            node.wait_until(lambda found: found["entries"])
        return self

    def approve_run(self):
        """Let the first member propose the run and enough members vote for it."""
        self.hansa("proposal", "open", "run", "plan.yaml", "--folder", NAMES[0])
        for name in NAMES[:3]:
            self.hansa("proposal", "vote", 1, "yes", "--folder", name)
        return self

    def stop(self):
        for node in self.nodes.values():
            node.stop()
        if self.hub is not None:
            self.hub.stop()

    def journals(self):
        return "\n".join(f"== {name}\n{node.journal()}" for name, node in self.nodes.items())
