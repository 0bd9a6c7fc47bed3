"""The fold: one entry after another, the same for everybody.

`apply` is the only way from one state to the next. It is pure: bytes in, a new frozen state out, and the
log's own `at` is the only clock. Specified in `docs/formats/entries.md`; the steps carry its numbers.
"""

from collections.abc import Iterable, Iterator
from types import MappingProxyType
from typing import Final

from hansa.coalition import deciding, membership, run
from hansa.coalition.delegation import change_keys, verify_signer
from hansa.coalition.entry import (
    Acknowledge,
    Ballot,
    Brake,
    Entry,
    Evidence,
    Found,
    Handover,
    Key,
    Leave,
    Propose,
    Recuse,
    RunClose,
    RunOpen,
    RunSeal,
    Tick,
    Withdraw,
    parse_entry,
)
from hansa.coalition.evidence import accept_evidence
from hansa.coalition.founding import found
from hansa.coalition.handover import take_over, verify_handover
from hansa.coalition.snapshot import State
from hansa.errors import Malformed, Refused
from hansa.transparency import Frontier, format_instant, hash_leaf, parse_leaf
from hansa.transparency.quoting import quote

_STANDING: Final = MappingProxyType(
    {
        "admitted": "is admitted, and says nothing else before it has acknowledged the state",
        "left": "has left the coalition",
        "expelled": "has been expelled",
    }
)


def apply(state: State | None, leaf: bytes) -> State:
    """Return the state after one more leaf.

    Args:
        state: the state before; None before the first leaf.
        leaf: the leaf's bytes, exactly as the log holds them.

    Raises:
        Malformed: bytes, signature or chain are wrong.
        Refused: the entry is well-formed and a rule says no.
    Guarantees:
        When it raises, nothing has changed. Equal states and equal leaves give equal states, on any machine.
    """
    return step(state, leaf)[0]


def replay(leaves: Iterable[bytes], state: State | None = None) -> State | None:
    """Apply leaf after leaf; return None when there is none.

    Raises:
        Malformed, Refused: as `apply`, with the number of the first wrong entry in front.
    """
    last = state
    for last, _ in walk(leaves, state):  # noqa: B007 - the last one is what counts
        pass
    return last


def walk(leaves: Iterable[bytes], start: State | None = None) -> Iterator[tuple[State, Entry]]:
    """Apply leaf after leaf, and yield each state with the entry that led to it; raises as `replay` does."""
    state = start
    for leaf in leaves:
        number = 0 if state is None else state.size
        try:
            state, entry = step(state, leaf)
        except Malformed as error:
            raise Malformed(error.rule, f"entry {number}: {error.message}") from error
        except Refused as error:
            raise Refused(error.rule, [f"entry {number}: {reason}" for reason in error.reasons]) from error
        yield state, entry


def step(state: State | None, leaf: bytes) -> tuple[State, Entry]:
    """Apply one leaf, and return the state after it with the entry that led there; raises as `apply` does."""
    # 1. The leaf.
    parsed = parse_leaf(leaf)
    # 2. The clock.
    if state is not None and parsed.at < state.at:
        raise Refused(
            "clock.backwards",
            f"the log's clock stands at {format_instant(state.at)}; got {format_instant(parsed.at)}",
        )
    # 3. What falls due.
    if state is not None:
        state = deciding.advance(state, parsed.at)
    # 4. The payload.
    entry = parse_entry(parsed.envelope)
    # 5. The first entry.
    if state is None:
        state = found(parsed.envelope, entry, parsed.at)
        return state._replace(frontier=Frontier().append(hash_leaf(leaf))), entry
    if isinstance(entry.body, Found):
        raise Refused("found.again", "this coalition is founded already")
    # 6. The coalition.
    if entry.coalition != state.coalition:
        raise Refused(
            "entry.coalition",
            f"meant for the coalition {quote(entry.coalition, 64)}, this is `{state.coalition}`",
        )
    # 7. The author.
    author = state.members.get(entry.author)
    if author is None:
        raise Refused("author.unknown", f"{quote(entry.author)} is not a member")
    if not author.is_active and not (author.belongs and isinstance(entry.body, Acknowledge | Leave)):
        raise Refused(f"author.{author.status}", f"`{entry.author}` {_STANDING[author.status]}")
    # 8. The signature, or all those of a handover.
    if isinstance(entry.body, Handover):
        verify_handover(state, entry, parsed.envelope, entry.body)
    else:
        verify_signer(author, entry, parsed.envelope)
    # 9. The author's chain.
    if entry.seq != author.next_seq:
        raise Malformed("chain.seq", f"`{entry.author}` stands at `seq` {author.next_seq}; got {entry.seq}")
    if entry.prev != author.head:
        raise Malformed(
            "chain.prev",
            f"the last entry of `{entry.author}` is `{author.head}`; got {quote(entry.prev, 64)}",
        )
    spoken = author._replace(next_seq=entry.seq + 1, head=entry.id)
    members = MappingProxyType({**state.members, entry.author: spoken})
    frontier = state.frontier.append(hash_leaf(leaf))
    # 10 was done with 4. 11. The kind's own rule.
    state = _dispatch(state._replace(size=state.size + 1, members=members, frontier=frontier), entry)
    return membership.note_milestone(state), entry


def _dispatch(state: State, entry: Entry) -> State:
    match entry.body:
        case Tick():
            return state
        case Acknowledge() as body:
            return membership.acknowledge(state, entry, body)
        case Key() as body:
            return change_keys(state, entry, body)
        case Propose() as body:
            return deciding.propose(state, entry, body)
        case Withdraw() as body:
            return deciding.withdraw(state, entry, body)
        case Ballot() as body:
            return deciding.cast(state, entry, body)
        case Recuse() as body:
            return deciding.recuse(state, entry, body)
        case Leave() as body:
            return membership.leave(state, entry, body)
        case Brake() as body:
            return run.brake(state, entry, body)
        case RunOpen() as body:
            return run.open_run(state, entry, body)
        case RunSeal() as body:
            return run.seal_run(state, entry, body)
        case RunClose() as body:
            return run.close_run(state, entry, body)
        case Evidence() as body:
            return accept_evidence(state, entry, body)
        case Handover() as body:
            return take_over(state, body)
        case _:
            raise Malformed("entry.kind", f"`{entry.kind}` has no rule")
