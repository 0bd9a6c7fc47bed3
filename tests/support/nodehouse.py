"""Real nodes in processes of their own, each in a member's folder."""

import json
import os
import signal
import subprocess
import sys
import time
from dataclasses import dataclass
from pathlib import Path

from hubhouse import NAMES, SRC, found_hub, key_of

from hansa.node.house import House, NodeSettings, make_house
from hansa.store import LogStore
from hansa.transparency import parse_leaf


def make_member(folder, hub, name, coalition, *, data=None, passphrase=None):
    """Make the folder of a member whose key tests know."""
    settings = NodeSettings(
        member=name,
        hub=(f"https://127.0.0.1:{hub.port}",),
        authority=(hub.path / "authority.pem").read_text(),
        coalition=coalition,
    )
    seed = key_of(name).secret.private_bytes_raw()
    make_house(folder, settings, invitation=b"{}", passphrase=passphrase, data=data, draw=lambda _size: seed)
    return NodeProcess(folder)


@dataclass
class NodeProcess:
    """A member's folder, and the process of its node."""

    path: Path
    process: subprocess.Popen = None
    program: tuple = ("-m", "hansa")
    inside: tuple = ()
    """Words before the command, such as those that enter a network of its own."""

    @property
    def house(self):
        return House(self.path)

    def begin(self):
        """Start its process, and do not wait for it."""
        environment = {**os.environ, "PYTHONPATH": str(SRC), "HANSA_PASSPHRASE": "four candles"}
        command = [*self.inside, sys.executable, "-W", "error", *self.program, "node", "up"]
        command += ["--folder", str(self.path)]
        with (self.path.parent / f"{self.path.name}.journal").open("ab") as journal:
            self.process = subprocess.Popen(
                command, stdout=subprocess.PIPE, stderr=journal, env=environment, cwd="/"
            )
        return self

    def start(self):
        if self.process is None:
            self.begin()
        line = self.process.stdout.readline()
        assert line, self.journal()
        return self

    def journal(self):
        return (self.path.parent / f"{self.path.name}.journal").read_text()

    def events(self):
        return [json.loads(line) for line in self.journal().splitlines() if line.startswith("{")]

    def stop(self, number=signal.SIGTERM):
        """Stop it, and return its exit code."""
        if self.process is None:
            return None
        self.process.send_signal(number)
        try:
            return self.process.wait(15)
        finally:
            self.process.kill()
            self.process.wait()
            self.process.stdout.close()
            self.process = None

    def wait_until(self, is_so, seconds=20):
        """Wait until the status of the node satisfies somebody."""
        from hansa.errors import Unavailable
        from hansa.node.intercom import Intercom

        end = time.monotonic() + seconds
        while True:
            try:
                found = Intercom(self.house).status()
                if is_so(found):
                    return found
            except Unavailable as error:
                found = error
            assert time.monotonic() < end, f"{found}\n{self.journal()}"
            time.sleep(0.05)


def found_machines(folder, names=NAMES, started=NAMES, passphrase=None):
    """Found a coalition, and make a house for each of its members; the keys are those that tests know."""
    hub = found_hub(folder)
    with LogStore.open(hub.path / "log.sqlite") as store:
        coalition = parse_leaf(next(iter(store.leaves()))).envelope.id
    hub.start()
    nodes = {name: make_member(folder / name, hub, name, coalition, passphrase=passphrase) for name in names}
    for name in started:
        nodes[name].start()
    return hub, nodes
