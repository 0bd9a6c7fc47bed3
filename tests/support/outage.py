"""A coalition of real processes to which things happen, and an account of what was signed that none of them keeps."""

import json
import os
import shutil
import subprocess
import threading
import time
from collections import Counter
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

from hubhouse import found_hub
from machines import CHARTER, NAMES, PLAN, Machines, write_table
from nodehouse import make_member

from hansa.cli.record import read_state
from hansa.coalition import Tick, replay, walk
from hansa.hub import HubFolder
from hansa.node.intercom import Intercom
from hansa.store import LogStore

OBSERVED = str(Path(__file__).with_name("observed.py"))


@dataclass
class Outage(Machines):
    """A hub and the nodes of some members, each observed; see `verify_nothing_lost`."""

    told: list = field(default_factory=list)
    """Author and number of each entry that a person was told of."""

    def found(self, names=NAMES, *, addresses=(), host="127.0.0.1", database=None, **limits):
        """Make the folders of a coalition; nothing runs yet.

        Args:
            names: its members.
            addresses: more ways to the hub, such as that of a relay.
            host: where the hub listens.
            database: the address of an empty one for the log; a file if None.
            **limits: the hub's.
        """
        for number, name in enumerate(names):
            write_table(self.path / f"{name}.csv", number)
        (self.path / "plan.yaml").write_text(PLAN)
        self.hub = found_hub(self.path, names, CHARTER, database=database, limits=limits)
        self.reach_hub(*addresses)
        file = self.hub.path / "hub.json"
        said = json.loads(file.read_text())
        file.write_text(json.dumps(said | {"listen": f"{host}:{self.hub.port}"}))
        self.set_clock("hub", 0)
        self.hub.program = self._observe("hub")
        coalition = self.read_log()[1].coalition
        for name in names:
            node = make_member(self.path / name, self.hub, name, coalition)
            shutil.copyfile(self.path / f"{name}.csv", self.path / name / "data.csv")
            self.set_clock(name, 0)
            node.program = self._observe(name)
            self.nodes[name] = node
        return self

    def _observe(self, name, **options):
        options |= {"clock": str(self.path / f"{name}.clock"), "signed": str(self.path / f"{name}.signed")}
        return (OBSERVED, json.dumps(options))

    def reach_hub(self, *addresses):
        """Let the hub answer under these addresses too."""
        file = self.hub.path / "hub.json"
        said = json.loads(file.read_text())
        file.write_text(json.dumps(said | {"addresses": [*said["addresses"], *addresses]}))

    def lead(self, name, address):
        """Let a node reach the hub on another way."""
        file = self.path / name / "node.json"
        file.write_text(json.dumps(json.loads(file.read_text()) | {"hub": [address]}))

    def doom(self, name, when, number):
        """Let a node be killed `before` or `after` its answer of this number."""
        self.nodes[name].program = self._observe(name, die=[when, number])

    def revive(self, name):
        """Start a node again that was killed."""
        node = self.nodes[name]
        node.stop()
        node.program = self._observe(name)
        node.start()

    def set_clock(self, name, ahead_seconds):
        """Set the clock of one process, from now on."""
        unfinished = self.path / f"{name}.clock.unfinished"
        unfinished.write_text(str(ahead_seconds))
        unfinished.replace(self.path / f"{name}.clock")

    def up(self, *names):
        """Start the hub and nodes, and wait until they stand where the log stands."""
        self.hub.start()
        self.start(*names)
        self.settle(*names)
        return self

    def say(self, name, *bodies):
        """Let a member say something, by default what time it is; return the numbers."""
        numbers = Intercom(self.nodes[name].house).say(bodies or (Tick(),))
        self.told += [(name, number) for number in numbers]
        return numbers

    @contextmanager
    def everybody_speaking(self, count):
        """Let every node speak so many times meanwhile.

        Yields:
            What failed, as it comes; at the end everybody has spoken, or was told that it is signed and kept.
        """
        failures = []

        def speak(name):
            for _ in range(count):
                try:
                    self.say(name)
                except Exception as error:  # noqa: BLE001 - signed and kept, the node says
                    failures.append((name, error))
                time.sleep(0.05)

        before = len(self.told)
        threads = [threading.Thread(target=speak, args=(name,)) for name in self.nodes]
        for thread in threads:
            thread.start()
        try:
            yield failures
        finally:
            for thread in threads:
                thread.join(120)
        assert all("signed and kept" in str(error) for _, error in failures)
        assert len(self.told) - before + len(failures) == count * len(self.nodes)

    def status(self, name):
        return Intercom(self.nodes[name].house).status()

    def settle(self, *names, seconds=60):
        """Wait until nodes have said everything and all of the log is final for them; return how long it took."""
        began = time.monotonic()
        chosen = [self.nodes[name] for name in names or self.nodes]
        while True:
            for node in chosen:
                node.wait_until(
                    lambda said: said["outbox"] == [] and 0 < said["entries"] == said["final"], seconds
                )
            if len({Intercom(node.house).status()["entries"] for node in chosen}) == 1:
                return time.monotonic() - began
            assert time.monotonic() < began + seconds

    def last_run(self, name):
        return list(read_state(self.path / name)[1].runs.values())[-1]

    def read_log(self):
        """Return the leaves that the hub has on its disk, and their fold; the hub must be down."""
        with LogStore.open(HubFolder(self.hub.path).log) as store:
            leaves = tuple(store.leaves())
        return leaves, replay(leaves)

    def verify_nothing_lost(self):
        """Stop everything, and hold the log against what was signed, what people were told, and every mirror.

        Guarantees:
            Each entry that a node kept stands on the log once; each entry of a member there was signed by its node; each
            number that a person was told is one of that member; each mirror is a beginning of the log.
        """
        self.stop()
        leaves, _ = self.read_log()
        entries = [entry for _, entry in walk(leaves)]
        assert max(Counter(entry.id for entry in entries).values()) == 1
        for name in self.nodes:
            path = self.path / f"{name}.signed"
            lines = [line.split() for line in path.read_text().splitlines()] if path.exists() else []
            on_log = {entry.id for entry in entries[1:] if entry.author == name}
            kept = {found for word, found in lines if word == "kept"}
            assert kept <= on_log, f"`{name}` signed what is not on the log"
            assert on_log <= {found for _, found in lines}, f"`{name}` did not sign what is on the log"
            mirror = LogMirror(self.path / name / "log").leaves
            assert mirror == leaves[: len(mirror)], f"`{name}` has another log"
        assert [(entries[number].author, number) for _, number in self.told] == self.told

    def stop(self):
        for node in self.nodes.values():
            if node.process is not None:
                node.process.terminate()  # all at once, then one after the other
        super().stop()


class LogMirror:
    """A member's copy of the log, read by whoever."""

    def __init__(self, folder):
        from hansa.store import read_tree

        self.leaves = read_tree(folder).leaves if (folder / "checkpoint").exists() else ()


class SmallDisk:
    """A disk of its own in memory, which can be filled, under a folder and all that is in it already."""

    def __init__(self, path, mebibytes):
        path.mkdir(parents=True, exist_ok=True)
        self.path = path
        before = path.with_name(f"{path.name}.before")
        shutil.copytree(path, before)
        run("mount", "-t", "tmpfs", "-o", f"size={mebibytes}m,mode=0700", "tmpfs", path)
        shutil.copytree(before, path, dirs_exist_ok=True)

    def fill(self):
        """Take all the room that there is."""
        with (self.path / "filler").open("wb", buffering=0) as file:
            size = 65_536
            while size:
                try:
                    file.write(bytes(size))
                except OSError:
                    size //= 2

    def tidy(self):
        (self.path / "filler").unlink()

    def remove(self):
        run("umount", "--lazy", self.path)


class Cable:
    """A network of its own, with a cable to this machine that can be unplugged so that nobody notices.

    Unplugged, every packet goes to an address that no card has: nothing arrives, and nothing says so.
    """

    def __init__(self):
        place = f"10.213.{os.getpid() % 250}"
        self.near, self.far = f"{place}.1", f"{place}.2"
        self.name = f"hansa{os.getpid()}"
        self._near, self._far = f"hn{os.getpid()}", f"hf{os.getpid()}"
        run("ip", "netns", "add", self.name)
        run("ip", "link", "add", self._near, "type", "veth", "peer", "name", self._far)
        run("ip", "link", "set", self._far, "netns", self.name)
        run("ip", "address", "add", f"{self.near}/30", "dev", self._near)
        run("ip", "link", "set", self._near, "up")
        self._within("ip", "address", "add", f"{self.far}/30", "dev", self._far)
        self._within("ip", "link", "set", self._far, "up")
        self.inside = ("ip", "netns", "exec", self.name)

    def unplug(self):
        wrong = ("lladdr", "02:00:00:00:00:99", "nud", "permanent")
        run("ip", "neigh", "replace", self.far, "dev", self._near, *wrong)
        self._within("ip", "neigh", "replace", self.near, "dev", self._far, *wrong)

    def plug(self):
        run("ip", "neigh", "del", self.far, "dev", self._near)
        self._within("ip", "neigh", "del", self.near, "dev", self._far)

    def remove(self):
        run("ip", "link", "del", self._near)
        run("ip", "netns", "del", self.name)

    def _within(self, *words):
        run("ip", "netns", "exec", self.name, *words)


def run(*words):
    """Run a command of the machine's administrator.

    Raises:
        PermissionError: it is not there, or not allowed.
    """
    program = shutil.which(words[0]) or shutil.which(words[0], path="/usr/sbin:/sbin")
    if os.geteuid() != 0 or program is None:
        raise PermissionError(f"`{words[0]}` needs to be there, and root")
    done = subprocess.run([program, *words[1:]], capture_output=True, text=True, check=False)
    if done.returncode:
        raise PermissionError(f"`{' '.join(map(str, words))}`: {done.stderr.strip()}")
