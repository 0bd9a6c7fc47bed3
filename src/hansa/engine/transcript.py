"""The transcript of a run: a digest that grows by one round at a time, the same for everybody who saw the same."""

from hashlib import sha256

from hansa.errors import Malformed


def digest_question(question: bytes, scale: bytes) -> bytes:
    """Return 32 bytes for what is asked (the question's digest) and how finely (the digest of its scale)."""
    return sha256(b"hansa/v1/asked\n" + question + scale).digest()


def begin_transcript(run: str) -> bytes:
    """Return the transcript before the first round of the run with this id."""
    return sha256(b"hansa/v1/transcript\n" + bytes.fromhex(run)).digest()


def extend_transcript(transcript: bytes, question: bytes, total: bytes) -> bytes:
    """Return the transcript after one more round."""
    return sha256(transcript + question + sha256(total).digest()).digest()


def verify_length(total: bytes, length: int) -> None:
    """Check that a total's bytes hold `length` numbers.

    Raises:
        Malformed: `run.total`.
    """
    if len(total) != 8 * length:
        raise Malformed("run.total", f"expected {length} numbers of 8 bytes, got {len(total)} bytes")
