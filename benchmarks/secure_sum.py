"""What a secure sum costs over what it cannot do without, in one run, on one core.

    python benchmarks/secure_sum.py [--quick] [--members 5 10 20 100] [--lengths 100000 1000000 10000000]
                                    [--bits 32 64] [--dropouts 0.1] [--runs 5] [--all] [--flwr PYTHON] [--large]

For each size it prints medians, in seconds of the processor, of: the keystreams that one member's masks are made of and nothing else (`streams`);
all work of one member in one sum, signatures and key agreements included, and its ratio to them; all work of
the hub, and its ratio to its streams with the additions of masks and vectors into memory that is there already; the same
when a share of the members vanishes before it sends numbers; what the hub needs in memory at once beyond the total; and what a
member sends over 4 or 8 bytes a number. Machines take their turns one after another, as if each had its own computer.
From a million numbers on, the last two columns are seconds by the clock on the wall of a member and of the hub when both
mask with two threads; on a machine that is busy otherwise they say little.

Where Flower is installed, or an interpreter that has it is named by `--flwr`, its SecAgg+ runs on the same number
of members and numbers, every member a neighbour of every other, and the ratios are printed beside it.

A size is measured until it was repeated often enough or has taken a quarter of a minute. Without `--all` sizes are left out that take minutes.
`--large` runs 1,000 members with 100,000 numbers each in the sparse graph of a third colluding and a fifth
dropping out, and prints seconds and the largest size of the process.
"""

import argparse
import resource
import statistics
import subprocess
import sys
import time
import tracemalloc
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from importlib.util import find_spec
from pathlib import Path

import numpy as np
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.asymmetric.x25519 import X25519PrivateKey
from cryptography.hazmat.primitives.ciphers import Cipher, algorithms, modes
from numpy.typing import NDArray

from hansa.entropy import draw
from hansa.secagg import Aggregator, Contributor, Kind, Party, Session

CHUNK_BYTES = 2**18
PATIENCE_SECONDS = 15.0
"""After which a size is not measured once more."""
DEGREE, THRESHOLD, REQUIRED = 288, 175, 800
"""Of 1,000 members of whom a third collude and a fifth drop out; see docs/formats/secure-sum.md."""


@dataclass
class Clock:
    """Seconds by whom they were spent."""

    read: Callable[[], float]
    spent: dict[str, float] = field(default_factory=dict)

    @contextmanager
    def of(self, who: str) -> Iterator[None]:
        """Add the time that passes inside to somebody's."""
        begun = self.read()
        yield
        self.spent[who] = self.spent.get(who, 0.0) + self.read() - begun


@dataclass
class Cost:
    """One sum, measured."""

    contributor: float
    hub: float
    sent_bytes: int
    peak_bytes: int


@dataclass(frozen=True)
class Field:
    """Members with keys, and the session of their sum."""

    session: Session
    keys: dict[str, Ed25519PrivateKey]


def make_field(members: int, length: int, bits: int, **changes: object) -> Field:
    keys = {f"m{number:04}": Ed25519PrivateKey.from_private_bytes(draw(32)) for number in range(members)}
    fields: dict[str, object] = {
        "coalition": bytes(32),
        "run": bytes(32),
        "round": 0,
        "attempt": 0,
        "cohort": tuple(Party(name, key.public_key().public_bytes_raw()) for name, key in keys.items()),
        "threshold": max(members // 2 + 1, members * 4 // 5),
        "minimum_cohort": 3,
        "length": length,
        "question": bytes(32),
        "number_bits": bits,
    }
    return Field(Session(**(fields | changes)), keys)  # type: ignore[arg-type]  # names are the session's own


def numbers_of(place: int, length: int) -> NDArray[np.int64]:
    """What a member contributes: made anew when it is due, so that only one vector exists at a time."""
    return (np.arange(length, dtype=np.int64) * (place + 1)) % 100_003 - 50_000


def play(field_: Field, gone: int, *, is_traced: bool = False, threads: int = 1) -> Cost:
    """Carry one sum; the last `gone` members vanish before they send numbers. With threads the wall's clock counts."""
    session, clock = field_.session, Clock(time.process_time if threads == 1 else time.perf_counter)
    names = list(field_.keys)
    absent = set(names[len(names) - gone :])
    sent = dict.fromkeys(names, 0)
    peak = 0
    with clock.of("hub"):
        hub = Aggregator(session, draw=draw, threads=threads)
    machines = {}
    waiting: dict[str, bytes] = {}
    for name, key in field_.keys.items():
        with clock.of(name):
            machines[name] = Contributor(session, name, sign=key.sign, draw=draw, threads=threads)
            waiting[name] = machines[name].start()
    down: dict[str, bytes] = {}
    while hub.turn is not None:
        turn = hub.turn
        if turn is Kind.MASKED:
            for name in absent:
                down.pop(name)
        for place, name in enumerate(list(waiting or down)):
            if not waiting.get(name):
                vector = numbers_of(place, session.length) if turn is Kind.MASKED else None
                with clock.of(name):
                    if vector is not None:
                        machines[name].contribute(vector)
                    answer = machines[name].receive(down.pop(name))
            else:
                answer = waiting.pop(name)
            sent[name] += len(answer)
            with measure_peak(is_traced=is_traced) as found, clock.of("hub"):
                hub.receive(name, answer)
            peak = max(peak, *found)
            del answer
        with measure_peak(is_traced=is_traced) as found, clock.of("hub"):
            down = dict(hub.broadcast())
        peak = max(peak, *found)
    expected = sum(numbers_of(names.index(name), session.length) for name in hub.survivors)
    assert (hub.total == expected).all()
    of_members = [clock.spent[name] for name in names if name not in absent]
    return Cost(statistics.median(of_members), clock.spent["hub"], max(sent.values()), peak)


@contextmanager
def measure_peak(*, is_traced: bool) -> Iterator[list[int]]:
    """The memory that is taken at once inside, beyond what was taken before; as the last item of the list."""
    found = [0]
    if not is_traced:
        yield found
        return
    tracemalloc.start()
    yield found
    found.append(tracemalloc.get_traced_memory()[1])
    tracemalloc.stop()


def time_streams(count: int, size_bytes: int) -> float:
    """Make so many keystreams, a piece at a time, and use them for nothing."""
    zeros, buffer = memoryview(bytes(CHUNK_BYTES)), bytearray(CHUNK_BYTES + 16)
    begun = time.process_time()
    for _ in range(count):
        stream = Cipher(algorithms.AES256(draw(32)), modes.CTR(bytes(16))).encryptor()
        for start in range(0, size_bytes, CHUNK_BYTES):
            stream.update_into(zeros[: size_bytes - start], buffer)
    return time.process_time() - begun


def time_additions(count: int, length: int, bits: int) -> float:
    """Add so many vectors, each of them whole, to a total whose memory was used before."""
    total = np.full(length, 2, dtype=f"<u{bits // 8}")
    vector = np.ones_like(total)
    begun = time.process_time()
    for _ in range(count):
        np.add(total, vector, out=total)
    return time.process_time() - begun


def time_keys() -> tuple[float, float]:
    """What one check of a signature and one key agreement cost: most of a sum of few numbers."""
    identity, key = (
        Ed25519PrivateKey.from_private_bytes(draw(32)),
        X25519PrivateKey.from_private_bytes(draw(32)),
    )
    verifier, signature, public = identity.public_key(), identity.sign(bytes(100)), key.public_key()

    def time_one(act: Callable[[], object]) -> float:
        begun = time.process_time()
        for _ in range(500):
            act()
        return (time.process_time() - begun) / 500

    return time_one(lambda: verifier.verify(signature, bytes(100))), time_one(lambda: key.exchange(public))


def compare(members: int, length: int, bits: int, dropouts: float, runs: int) -> tuple[float, float]:
    """Measure one size and print it; returns seconds of a contributor and of the hub."""
    field_ = make_field(members, length, bits)
    size = length * bits // 8
    gone = int(members * dropouts)
    left = members - gone
    # Taken in turns, so that whatever else the machine does falls on all of them.
    rows: list[tuple[float, ...]] = []
    begun = time.perf_counter()
    while len(rows) < runs and (time.perf_counter() - begun) * (1 + 1 / max(1, len(rows))) < PATIENCE_SECONDS:
        streams, adds = time_streams(members, size), time_additions(members, length, bits)
        cost = play(field_, 0)
        rows.append((streams, adds, cost.contributor, cost.hub, play(field_, gone).hub if gone else 0.0))
    streams, adds, contributor, hub, less = map(statistics.median, zip(*rows, strict=True))
    raw_hub = streams + 2 * adds
    line = (
        f"{members:7,} {length:10,} {bits:4} {len(rows):4} {streams:8.4f} {contributor:8.4f} {contributor / streams:6.2f} "
        f"{hub:8.4f} {hub / raw_hub:6.2f}"
    )
    if gone:
        # One self mask a survivor and one mask a pair of survivor and dropped; one vector a survivor.
        opened = left * (1 + gone)
        raw_less = streams / members * opened + adds / members * (opened + left)
        line += f" {less:8.4f} {less / raw_less:6.2f}"
    else:
        line += f" {'':8} {'':6}"
    peak = play(field_, gone, is_traced=True).peak_bytes if length <= 10**6 and members <= 20 else None
    line += f" {'' if peak is None else f'{peak / 1e6:.2f}':>8}"
    line += f" {cost.sent_bytes / size:6.3f} {cost.sent_bytes - size:8,}"
    if length >= 10**6 and members <= 20:
        walls = [play(field_, 0, threads=2) for _ in range(min(3, len(rows)))]
        line += f" {statistics.median(wall.contributor for wall in walls):8.4f}"
        line += f" {statistics.median(wall.hub for wall in walls):8.4f}"
    print(line, flush=True)
    return contributor, hub


def compare_with_flower(python: str, members: int, length: int, ours: tuple[float, float]) -> None:
    """Run Flower's SecAgg+ on the same size in its own interpreter, and print the ratios."""
    script = Path(__file__).with_name("flower_secagg.py")
    seconds = []
    for _ in range(3 if length <= 10**6 else 1):
        done = subprocess.run(
            [python, str(script), str(members), str(length)], capture_output=True, text=True, check=False
        )
        if done.returncode:
            print(f"        Flower failed: {done.stderr.strip().splitlines()[-1:]}")
            return
        seconds.append([float(word) for word in done.stdout.split()[-2:]])
    contributor, server = map(statistics.median, zip(*seconds, strict=True))
    print(
        f"        Flower's SecAgg+: contributor {contributor:.4f} s, {contributor / ours[0]:.1f} × ours; "
        f"server {server:.4f} s, {server / ours[1]:.1f} × ours",
        flush=True,
    )


def run_large() -> None:
    """A sparse graph of 1,000 members, all in this process."""
    field_ = make_field(
        1_000,
        100_000,
        64,
        degree=DEGREE,
        threshold=THRESHOLD,
        minimum_cohort=REQUIRED,
        graph=draw(32),
    )
    begun = time.perf_counter()
    cost = play(field_, 20)
    seconds = time.perf_counter() - begun
    largest = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024
    print(
        f"1,000 members, 100,000 numbers, degree {DEGREE}, 20 vanish: {seconds:.0f} s by the clock in all; a member "
        f"{cost.contributor:.2f} s, the hub {cost.hub:.0f} s; process at most {largest / 1e9:.2f} GB; a member sends "
        f"{cost.sent_bytes - 800_000:,} bytes besides its numbers"
    )


def find_flower(named: str | None) -> str | None:
    if named is not None:
        return named
    return sys.executable if find_spec("flwr") is not None else None


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--members", type=int, nargs="+", default=[5, 10, 20, 100])
    parser.add_argument("--lengths", type=int, nargs="+", default=[10**5, 10**6, 10**7])
    parser.add_argument("--bits", type=int, nargs="+", default=[32, 64], choices=[32, 64])
    parser.add_argument("--dropouts", type=float, default=0.1)
    parser.add_argument("--runs", type=int, default=5)
    parser.add_argument("--quick", action="store_true", help="10 members, a million numbers")
    parser.add_argument("--flwr", help="an interpreter that has Flower installed")
    parser.add_argument("--all", action="store_true", help="also what takes a quarter of an hour")
    parser.add_argument("--large", action="store_true", help="1,000 members in a sparse graph, nothing else")
    arguments = parser.parse_args()
    if arguments.large:
        run_large()
        return
    if arguments.quick:
        arguments.members, arguments.lengths = [10], [10**6]
    flower = find_flower(arguments.flwr)
    play(make_field(3, 1000, 64), 0)  # whatever is imported late
    checking, agreeing = time_keys()
    print(f"one check of a signature {checking * 1e3:.3f} ms, one key agreement {agreeing * 1e3:.3f} ms")
    print(
        f"processor seconds, medians; dropouts {arguments.dropouts:.0%}; peak in MB; at the end two threads, by the clock\n"
        "members    numbers bits runs  streams   member  ratio      hub  ratio    fewer  ratio     peak   sent  besides   member      hub"
    )
    for members in arguments.members:
        for length in arguments.lengths:
            if members * members * length > 2 * 10**9 and length > 10**6 and not arguments.all:
                print(f"{members:7,} {length:10,} left out, some minutes a sum: --all")
                continue
            for bits in arguments.bits:
                ours = compare(members, length, bits, arguments.dropouts, arguments.runs)
                if flower is not None and bits == 32 and members <= 20:
                    compare_with_flower(flower, members, length, ours)


if __name__ == "__main__":
    main()
