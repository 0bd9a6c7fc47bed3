"""Many nodes at one hub: how long it takes until an entry is in its author's own fold, and until it is final; and what memory it takes.

    python benchmarks/load.py             # 100 followers, 10,000 entries to begin with, 50 entries a second for ten minutes
    python benchmarks/load.py --quick     # 20 followers, 500 entries, 10 a second for ten seconds
    python benchmarks/load.py --seconds 60 --rate 20 --followers 50 --nodes 2 --entries 1000
    python benchmarks/load.py --markdown  # the rows of the table in docs/failure.md

Everything is on this machine, over TLS on loopback. The hub is a process of its own, as are a few real nodes (`hansa node up`), which
say what is said. All other members follow and cosign with the real follower, watch and connection of a node, some dozens in one process:
they keep no mirror, and a process folds each entry once for all of its members, because a hundred folds on two cores would measure
the cores. What each of them checks for itself are hashes, roots, signatures of checkpoints, and its own cosignature.
"""

import argparse
import json
import multiprocessing
import os
import statistics
import sys
import tempfile
import threading
import time
from collections import OrderedDict
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

ROOT = Path(__file__).parents[1]
sys.path.insert(0, str(ROOT / "tests" / "support"))

WORKERS = 2
"""Processes that the followers share."""

POLL_SECONDS = 0.1
"""Between two looks at how much of the log is final; so precise is the figure."""


def fold_once() -> None:
    """Let all followers of this process share one fold: of the log up to each size there is one state, and each entry is folded once."""
    from hansa.node import follower

    replay, lock = follower.replay, threading.Lock()
    known: OrderedDict[int, Any] = OrderedDict()

    def replay_once(leaves: Sequence[bytes], state: Any = None) -> Any:  # noqa: ANN401 - whatever a fold is
        first = 0 if state is None else state.size
        with lock:
            for size in range(first + len(leaves), first, -1):
                if size in known:
                    state = known[size]
                    break
            else:
                size = first
            if size < first + len(leaves):
                state = known[first + len(leaves)] = replay(leaves[size - first :], state)
                if len(known) > 256:
                    known.popitem(last=False)
            return state

    follower.replay = replay_once


class NoMirror:
    """Stands where a node keeps its copy of the log."""

    def confirm(self, _note_text: str) -> None:
        """Keep nothing."""


def follow(names: Sequence[str], address: str, authority: str, sizes: Any, first: int) -> None:  # noqa: ANN401 - shared memory
    """Follow and cosign in the names of some members, until killed."""
    from hubhouse import key_of

    from hansa.entropy import draw
    from hansa.errors import HansaError
    from hansa.node.follower import Follower
    from hansa.node.journal import Journal
    from hansa.node.keyring import Keyring
    from hansa.node.remote import Remote
    from hansa.node.trust import open_trust
    from hansa.node.watch import Watch

    fold_once()

    def clock() -> int:
        return int(time.time())

    def work(name: str, place: int) -> None:
        remote = Remote(
            [address],
            open_trust(authority),
            member=name,
            keyring=Keyring(Path("key"), key_of(name)),
            clock=clock,
            draw=draw,
            pause=time.sleep,
        )
        follower = Follower(name, key_of(name), clock)
        watch = Watch(
            follower,
            NoMirror(),
            remote,
            Journal(lambda _line: None, clock),
            fetched=lambda _first, _leaves: None,
        )
        while True:
            time.sleep(watch.count_pause())
            try:
                watch.step(10)
            except HansaError as error:
                print(f"{name}: {error}", file=sys.stderr)
                time.sleep(1)
            sizes[place] = follower.size

    threads = [
        threading.Thread(target=work, args=(name, first + place), daemon=True)
        for place, name in enumerate(names)
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()


def prefill(path: Path, names: Sequence[str], count: int) -> str:
    """Let the members say what time it is, until there are so many entries; return the coalition's id."""
    from hubhouse import key_of

    from hansa.coalition import Tick
    from hansa.hub import HubFolder, Sequencer
    from hansa.node import Voter
    from hansa.store import LogStore

    folder = HubFolder(path)
    with LogStore.open(folder.log) as store:
        sequencer = Sequencer(store, folder.key, lambda: int(time.time()))
        while sequencer.size < count:
            name = names[sequencer.size % len(names)]
            number = min(100, count - sequencer.size)
            sequencer.submit(*Voter(name, key_of(name)).write(sequencer.state, *[Tick()] * number))
        return sequencer.state.coalition


def read_memory(process: int) -> tuple[float, float]:
    """Return the memory of a process now and at most, mebibytes."""
    lines = dict(
        line.split(":", 1) for line in Path(f"/proc/{process}/status").read_text().splitlines() if ":" in line
    )
    return int(lines["VmRSS"].split()[0]) / 1024, int(lines["VmHWM"].split()[0]) / 1024


def read_cpu(process: int) -> float:
    """Return the seconds that a process has used of all cores."""
    fields = Path(f"/proc/{process}/stat").read_text().rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


def spread(seconds: Sequence[float]) -> str:
    cut = statistics.quantiles(seconds, n=100)
    return f"median {statistics.median(seconds):.2f} s, 95 of 100 within {cut[94]:.2f} s, longest {max(seconds):.2f} s"


def wait_for(sizes: Any, nodes: Sequence[Any], count: int, seconds: float) -> float:  # noqa: ANN401 - shared memory
    """Wait until everybody has so many entries, and the nodes have them final."""
    from hansa.node.intercom import Intercom

    began = time.monotonic()
    while min(sizes) < count or min(Intercom(node.house).status()["final"] for node in nodes) < count:
        if time.monotonic() > began + seconds:
            raise SystemExit(f"after {seconds:.0f} seconds some have {min(sizes)} of {count} entries")
        time.sleep(POLL_SECONDS)
    return time.monotonic() - began


def speak(nodes: Sequence[Any], rate: float, seconds: float) -> tuple[list[float], list[float], int]:
    """Let nodes say entries at a rate; return seconds to the own fold, seconds to final, and how many failed."""
    from hansa.coalition import Tick
    from hansa.errors import HansaError
    from hansa.node.intercom import Intercom

    folded: list[float] = []
    said: list[tuple[int, int, float]] = []
    finals: list[list[tuple[float, int]]] = [[] for _ in nodes]
    failed = [0]
    is_over = threading.Event()
    began = time.monotonic()

    def say(number: int) -> None:
        place, due = number % len(nodes), began + number / rate
        try:
            (found,) = Intercom(nodes[place].house).say([Tick()])
        except HansaError as error:
            print(error, file=sys.stderr)
            failed[0] += 1
            return
        folded.append(time.monotonic() - due)
        said.append((place, found, due))

    def look(place: int) -> None:
        while not is_over.wait(POLL_SECONDS):
            finals[place].append((time.monotonic(), Intercom(nodes[place].house).status()["final"]))

    looking = [threading.Thread(target=look, args=(place,)) for place in range(len(nodes))]
    for thread in looking:
        thread.start()
    with ThreadPoolExecutor(256) as pool:
        for number in range(round(rate * seconds)):
            time.sleep(max(0.0, began + number / rate - time.monotonic()))
            pool.submit(say, number)
    last = [max((number for at, number, _ in said if at == place), default=0) for place in range(len(nodes))]
    end = time.monotonic() + 60
    while time.monotonic() < end and any(
        not seen or seen[-1][1] <= number for seen, number in zip(finals, last, strict=True)
    ):
        time.sleep(POLL_SECONDS)
    is_over.set()
    for thread in looking:
        thread.join()
    final = []
    for place, number, due in said:
        at = next((at for at, size in finals[place] if size > number), None)
        if at is None:
            failed[0] += 1
        else:
            final.append(at - due)
    return folded, final, failed[0]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("--quick", action="store_true")
    parser.add_argument("--markdown", action="store_true")
    for name in ("followers", "nodes", "entries", "rate", "seconds"):
        parser.add_argument(f"--{name}", type=int)
    said = parser.parse_args()
    usual = (20, 2, 500, 10, 10) if said.quick else (100, 4, 10_000, 50, 600)
    chosen = [said.followers, said.nodes, said.entries, said.rate, said.seconds]
    followers, node_count, entries, rate, seconds = (
        there if there is not None else default for there, default in zip(chosen, usual, strict=True)
    )
    names = [f"m{number:03d}" for number in range(followers)]
    with tempfile.TemporaryDirectory(prefix="hansa-load-") as place:
        rows = measure(Path(place), names, node_count, entries=entries, rate=rate, seconds=seconds)
    if said.markdown:
        print("| what | measured |\n| --- | --- |")
    for what, figure in rows:
        print(f"| {what} | {figure} |" if said.markdown else f"{what:<72} {figure}")


def measure(
    folder: Path, names: Sequence[str], node_count: int, *, entries: int, rate: float, seconds: float
) -> list[tuple[str, str]]:
    """Run the whole exchange; return what was measured."""
    from hubhouse import found_hub
    from nodehouse import make_member

    hub = found_hub(folder, names)
    coalition = prefill(hub.path, names, entries)
    address = json.loads((hub.path / "hub.json").read_text())["addresses"][0]
    authority = (hub.path / "authority.pem").read_text()
    hub.start()
    crowd = names[node_count:]
    context = multiprocessing.get_context("spawn")
    sizes = context.Array("q", max(1, len(crowd)), lock=False)
    step = -(-len(crowd) // WORKERS)
    workers = [
        context.Process(
            target=follow, args=(crowd[at : at + step], address, authority, sizes, at), daemon=True
        )
        for at in range(0, len(crowd), step)
    ]
    nodes = [make_member(folder / name, hub, name, coalition) for name in names[:node_count]]
    began = time.monotonic()
    try:
        for worker in workers:
            worker.start()
        for node in nodes:
            node.begin()
        for node in nodes:
            node.start()
            node.wait_until(lambda status: status["entries"], 300)
        wait_for(sizes, nodes, entries, 600)
        caught_up = time.monotonic() - began
        cpu = read_cpu(hub.process.pid)
        began = time.monotonic()
        folded, final, failed = speak(nodes, rate, seconds)
        took = time.monotonic() - began
        cpu = read_cpu(hub.process.pid) - cpu
        behind = wait_for(sizes, nodes, entries + len(folded), 120)
        return [
            ("members; of them real nodes", f"{len(names)}; {node_count}"),
            (
                f"from the start of all processes until all have the first {entries:,} entries",
                f"{caught_up:.1f} s",
            ),
            (f"entries said, {rate} a second for {seconds} s", f"{len(folded):,}, and {failed} failed"),
            ("from saying it until the author's own fold has it", spread(folded)),
            ("from saying it until it is final for the author", spread(final)),
            ("until the last follower has all, afterwards", f"{behind:.1f} s"),
            (
                "memory of the hub, at the end and at most",
                "{:.0f} MB, {:.0f} MB".format(*read_memory(hub.process.pid)),
            ),
            (
                "memory of a node, at the end and at most",
                "{:.0f} MB, {:.0f} MB".format(*read_memory(nodes[0].process.pid)),
            ),
            ("of one core, the hub took", f"{cpu / took:.0%}"),
        ]
    finally:
        for worker in workers:
            worker.kill()
            worker.join()
        for node in nodes:
            node.stop()
        hub.stop()


if __name__ == "__main__":
    main()
