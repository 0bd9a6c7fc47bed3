"""How much replaying a log costs over its signature checks alone.

    python benchmarks/verify.py [--entries 10000] [--runs 5]

Prints, from one run: seconds for the raw Ed25519 verifications of all entries, for reading the published
folder, for the whole audit (replay, tree, checkpoint, cosignatures), and their ratios, as medians.
"""

import argparse
import statistics
import tempfile
import time
from collections.abc import Callable
from hashlib import sha256
from pathlib import Path

from hansa.coalition import ZERO_DIGEST, Ballot, Found, LogKey, Propose, apply, audit_log, make_entry
from hansa.governance import Member, default_charter_text, load_charter
from hansa.store import publish, read_tree
from hansa.transparency import (
    Checkpoint,
    Leaf,
    SigningKey,
    cosign,
    hash_leaf,
    pae,
    parse_leaf,
    root_of,
    sign_checkpoint,
)

MEMBERS = 10
DAY = 86_400


def key_of(name: str) -> SigningKey:
    return SigningKey.from_seed(sha256(name.encode()).digest())


def make_log(entries: int) -> tuple[list[bytes], str]:
    """Write a log of proposals that everybody votes on, one a day."""
    names = [f"member-{number:02}" for number in range(MEMBERS)]
    charter = load_charter(default_charter_text("Benchmark", "benchmark.example/log"), "charter.yaml")
    member_class = next(iter(charter.classes))
    members = [
        Member(
            id=n,
            name=n,
            member_class=member_class,
            country="NL",
            voting_weight=1,
            key=key_of(n).public.encode(),
        )
        for n in names
    ]
    found = Found(
        charter=charter.to_json(),
        log=LogKey(key=key_of("log").public.encode()),
        members=[member.to_json() for member in members],
    )
    first = make_entry(
        found, coalition=ZERO_DIGEST, author=names[0], seq=0, prev=ZERO_DIGEST, keys=tuple(map(key_of, names))
    )
    at = 1_700_000_000
    leaves = [Leaf(at, first).encode()]
    state = apply(None, leaves[0])

    def say(name: str, body: Propose | Ballot) -> str:
        nonlocal state
        record = state.members[name]
        envelope = make_entry(
            body,
            coalition=state.coalition,
            author=name,
            seq=record.next_seq,
            prev=record.head,
            keys=(key_of(name),),
        )
        leaves.append(Leaf(at, envelope).encode())
        state = apply(state, leaves[-1])
        return envelope.id

    while len(leaves) < entries:
        effect = {"effect": "expel", "member": names[-1]}
        author = names[len(leaves) % (MEMBERS - 1)]
        proposal = say(author, Propose(title=f"Proposal at {len(leaves)}", reason="", effect=effect))
        for name in names[:-1]:
            if proposal in state.pending and len(leaves) < entries:
                say(name, Ballot(proposal=proposal, choice="no", reason="not convinced"))
        at += DAY
    head = Checkpoint(charter.origin, len(leaves), root_of([hash_leaf(leaf) for leaf in leaves]))
    note = sign_checkpoint(head, key_of("log"), charter.origin)
    note = note.add([cosign(note.body, at, key_of(name), f"{charter.origin}/{name}") for name in names])
    return leaves, note.encode()


def seconds(work: Callable[[], object]) -> float:
    begun = time.perf_counter()
    work()
    return time.perf_counter() - begun


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--entries", type=int, default=10_000)
    parser.add_argument("--runs", type=int, default=5)
    arguments = parser.parse_args()
    leaves, note = make_log(arguments.entries)
    envelopes = [parse_leaf(leaf).envelope for leaf in leaves]
    keys = {
        key_of(f"member-{n:02}").public.fingerprint: key_of(f"member-{n:02}").public for n in range(MEMBERS)
    }
    checks = [
        (keys[signature.keyid], signature.sig, pae(envelope.payload_type, envelope.payload))
        for envelope in envelopes
        for signature in envelope.signatures
    ]
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name) / "log"
        publish(folder, leaves, note)
        raw, read, audit = [], [], []
        for _ in range(arguments.runs):
            raw.append(seconds(lambda: [key.verify(sig, message) for key, sig, message in checks]))
            read.append(seconds(lambda: read_tree(folder)))
            audit.append(seconds(lambda: audit_log(leaves, note)))
    total = [r + a for r, a in zip(read, audit, strict=True)]
    ratio = statistics.median(t / r for t, r in zip(total, raw, strict=True))
    print(f"entries                    {len(leaves):>10,}   ({len(checks):,} signatures, {MEMBERS} members)")
    print(f"raw Ed25519 verification   {statistics.median(raw):>10.3f} s")
    print(f"reading the folder         {statistics.median(read):>10.3f} s")
    print(f"audit                      {statistics.median(audit):>10.3f} s")
    print(f"entries a second           {len(leaves) / statistics.median(total):>10,.0f}")
    print(f"total / raw                {ratio:>10.2f} x   (target 2.00; median of {arguments.runs} runs)")


if __name__ == "__main__":
    main()
