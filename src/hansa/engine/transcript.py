"""The transcript of a run: a digest that grows by one round at a time, the same for everybody who saw the same."""

from collections.abc import Sequence
from hashlib import sha256

from hansa.errors import Malformed
from hansa.transparency import canonical


def derive_graph(run: str, root: bytes) -> bytes:
    """Return the 32 bytes from which a run's graph of neighbours follows.

    Args:
        run: the id of the `run_open` entry, hex.
        root: the log's root hash over all entries before that one.

    Source: `docs/formats/run.md`, "Digests".
    """
    return sha256(b"hansa/v1/graph\n" + bytes.fromhex(run) + root).digest()


def digest_question(question: bytes, scale: bytes, transcript: bytes) -> bytes:
    """Return 32 bytes for what is asked, how finely, and after which rounds.

    Args:
        question: the question's digest.
        scale: the digest of its scale.
        transcript: as it stands before this round. With it in every message of the secure sum, members
            that were told different totals or survivors cannot finish a sum together.
    """
    return sha256(b"hansa/v1/asked\n" + question + scale + transcript).digest()


def begin_transcript(run: str) -> bytes:
    """Return the transcript before the first round of the run with this id."""
    return sha256(b"hansa/v1/transcript\n" + bytes.fromhex(run)).digest()


def extend_transcript(
    transcript: bytes, asked: bytes, total: bytes | memoryview, survivors: Sequence[str]
) -> bytes:
    """Return the transcript after one more round: what was asked, the total, and whose numbers are in it."""
    named = canonical.encode(list(survivors))
    return sha256(transcript + asked + sha256(total).digest() + sha256(named).digest()).digest()


def verify_length(total: bytes | memoryview, length: int) -> None:
    """Check that a total's bytes hold `length` numbers.

    Raises:
        Malformed: `run.total`.
    """
    if len(total) != 8 * length:
        raise Malformed("run.total", f"expected {length} numbers of 8 bytes, got {len(total)} bytes")
