"""The minutes of a run: what is settled of it, so that another coordinator can take it up.

A coordinator keeps them before anybody hears of it; a member keeps what it heard, so that whoever its mirror serves as the
next hub can go on.

attempt        how often the run was taken up again
<n>.total      the total of round n
<n>.json       who is in it, and the total's digest
end            the words in which the result was announced
dropped.json   whom the seals call lost
"""

from collections.abc import Iterator, Mapping
from hashlib import sha256
from typing import Final, NamedTuple, Protocol

from hansa.errors import Malformed
from hansa.transparency import canonical

ATTEMPT: Final = "attempt"
"""The paper that says who is at a run: whoever takes it up counts it further."""

_END: Final = "end"
_DROPPED: Final = "dropped.json"


class Papers(Protocol):
    """The papers of one run, by name.

    Every call raises `Unavailable` when they cannot be reached, and `Refused` (`run.superseded`) when somebody else has
    taken up the run; reading a total raises `Malformed` when it is damaged.
    """

    def read(self, name: str) -> bytes | None:
        """Return a paper, or None when there is none."""
        ...

    def write(self, name: str, data: bytes) -> None:
        """Keep a paper, whole, before this returns."""
        ...

    def read_total(self, number: int) -> bytes | None:
        """Return the total of a round, or None when there is none."""
        ...

    def write_total(self, number: int, total: bytes | memoryview) -> None:
        """Keep the total of a round; it outlives this process."""
        ...

    def verify(self) -> None:
        """Make sure that nobody else has taken up the run."""
        ...

    def discard(self) -> None:
        """Forget all but the outcome."""
        ...


class Settled(NamedTuple):
    """One finished round: its total's bytes, and whose numbers are in it."""

    total: bytes
    survivors: tuple[str, ...]


class Minutes:
    """The minutes of one run.

    Args:
        papers: of this run; None for a run that ends with its process, of which nothing is kept.

    Raises:
        Malformed: `minutes.form`, what was written is damaged.
        Refused: `run.superseded`, somebody else has taken up the run.
        Unavailable: the disk or the database fails.
    Guarantees:
        What a call wrote outlives the process, whole, and all but totals the machine; a crash before leaves what was there.
    """

    def __init__(self, papers: Papers | None = None) -> None:
        self._papers = papers
        found = self._read(ATTEMPT)
        self.next_attempt = 0 if found is None else _parse_number(found) + 1
        """How often the run was begun so far."""

    def note_attempt(self, attempt: int) -> None:
        """Note that a coordinator has begun for the time after so many."""
        self._write(ATTEMPT, str(attempt).encode())
        self.next_attempt = attempt + 1

    def take_up(self) -> int:
        """Note that a coordinator begins, or begins again, and return how often one did before."""
        attempt = self.next_attempt
        self.note_attempt(attempt)
        return attempt

    def rounds(self) -> Iterator[Settled]:
        """Read the finished rounds, in order."""
        number = 1
        while (settled := self.read_round(number)) is not None:
            yield settled
            number += 1

    def read_round(self, number: int) -> Settled | None:
        """Read one finished round, from 1, or return None when it is not noted."""
        noted = self._read(f"{number}.json")
        if noted is None:
            return None
        survivors, digest = _parse_round(noted)
        assert self._papers is not None  # or nothing was noted
        total = self._papers.read_total(number)
        if total is None or sha256(total).hexdigest() != digest:
            raise Malformed("minutes.form", f"the total of round {number} is damaged")
        return Settled(total, survivors)

    def settle_round(self, number: int, total: bytes | memoryview, survivors: tuple[str, ...]) -> None:
        """Note the total of a round, from 1."""
        if self._papers is None:
            return
        self._papers.write_total(number, total)
        noted: canonical.Json = {"digest": sha256(total).hexdigest(), "survivors": list(survivors)}
        self._write(f"{number}.json", canonical.encode(noted))

    def settle_end(self, announcement: bytes) -> bytes:
        """Note the words in which the result is announced, and return those that were noted first."""
        return self._settle(_END, announcement)

    def settle_dropped(self, dropped: Mapping[str, int]) -> dict[str, int]:
        """Note whom the seals call lost, and since which round, and return what was noted first."""
        return _parse_dropped(self._settle(_DROPPED, canonical.encode({**dropped})))

    def discard(self) -> None:
        """Forget it all, as nobody will take this run up."""
        if self._papers is not None:
            self._papers.discard()

    def verify(self) -> None:
        """Make sure that nobody else has taken up the run."""
        if self._papers is not None:
            self._papers.verify()

    def _settle(self, name: str, data: bytes) -> bytes:
        settled = self._read(name)
        if settled is None:
            self._write(name, data)
        return data if settled is None else settled

    def _read(self, name: str) -> bytes | None:
        return None if self._papers is None else self._papers.read(name)

    def _write(self, name: str, data: bytes) -> None:
        if self._papers is not None:
            self._papers.write(name, data)


def copy_minutes(source: Papers, target: Papers) -> None:
    """Carry the minutes of a run from one place to another, where nobody is at the run yet.

    Raises:
        Unavailable: they cannot be read, or not be written.
    """
    for name in (ATTEMPT, _END, _DROPPED):
        if (data := source.read(name)) is not None:
            target.write(name, data)
    number = 1
    while (noted := source.read(f"{number}.json")) is not None:
        if (total := source.read_total(number)) is not None:
            target.write_total(number, total)
        target.write(f"{number}.json", noted)
        number += 1


def _parse_number(data: bytes) -> int:
    if not data.isdigit():
        raise Malformed("minutes.form", "expected how often the run was taken up")
    return int(data)


def _parse_dropped(data: bytes) -> dict[str, int]:
    value = canonical.parse(data)
    if not isinstance(value, dict):
        raise Malformed("minutes.form", "expected who was lost, and since which round")
    dropped = {name: number for name, number in value.items() if type(number) is int}
    if len(dropped) != len(value):
        raise Malformed("minutes.form", "expected a round for everybody who was lost")
    return dropped


def _parse_round(data: bytes) -> tuple[tuple[str, ...], str]:
    value = canonical.parse(data)
    survivors = value.get("survivors") if isinstance(value, dict) else None
    if not isinstance(value, dict) or not isinstance(survivors, list):
        raise Malformed("minutes.form", "expected the survivors of a round")
    return tuple(map(str, survivors)), str(value.get("digest"))
