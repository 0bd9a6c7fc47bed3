"""Succession: a member's mirror and a handover become the log of a new hub."""

from collections.abc import Callable, Sequence
from pathlib import Path

from hansa.coalition import read_handover
from hansa.errors import Refused
from hansa.hub.sequencer import Sequencer
from hansa.store import LogStore
from hansa.transparency import Envelope, SigningKey


def take_over(
    path: Path, leaves: Sequence[bytes], handover: Envelope, key: SigningKey, clock: Callable[[], int]
) -> None:
    """Make the log file of a new hub: what the handover follows on, then the handover, then a checkpoint.

    Args:
        path: the new file; its folder exists.
        leaves: of a mirror; those after the handover's size are left out, because they were never final.
        handover: signed by enough members and by `key`.
        key: the new hub's log key.
        clock: returns Unix seconds.

    Raises:
        Malformed, Refused: `handover.log-key` (for another hub's key), `handover.mirror` (the mirror holds too little), or what
            the fold says of the entries or the handover.
        Unavailable: the disk fails.
    Guarantees:
        When it raises, there is no file.
    """
    body = read_handover(handover)
    if body.key != key.public.encode():
        raise Refused("handover.log-key", "the handover is to another log key than that of this hub")
    if len(leaves) < body.size:
        raise Refused(
            "handover.mirror",
            f"the handover follows on {body.size} entries, and the mirror holds {len(leaves)}",
        )
    store = LogStore.create(path)
    try:
        with store:
            store.append(leaves[: body.size])
            sequencer = Sequencer(store, key, clock)
            sequencer.submit(handover)
            sequencer.sign_checkpoint()
    except BaseException:
        path.unlink(missing_ok=True)
        raise
