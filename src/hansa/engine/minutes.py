"""The minutes of a run: what is settled of it, so that another coordinator can take it up.

A coordinator keeps them before anybody hears of it; a member keeps what it heard, so that whoever its mirror serves as the
next hub can go on.

FOLDER/attempt        how often the run was taken up again
FOLDER/<n>.total      the total of round n
FOLDER/<n>.json       who is in it, and the total's digest
FOLDER/end            the words in which the result was announced
FOLDER/dropped.json   whom the seals call lost
"""

import shutil
from collections.abc import Iterator, Mapping
from hashlib import sha256
from pathlib import Path
from typing import Final, NamedTuple

from hansa.errors import Malformed, Unavailable
from hansa.store import write_atomically
from hansa.transparency import canonical

_ATTEMPT: Final = "attempt"
_END: Final = "end"
_DROPPED: Final = "dropped.json"


class Settled(NamedTuple):
    """One finished round: its total's bytes, and whose numbers are in it."""

    total: bytes
    survivors: tuple[str, ...]


class Minutes:
    """The minutes of one run.

    Args:
        folder: of this run alone, made when something is written; None for a run that ends with its process, of
            which nothing is kept.

    Raises:
        Malformed: `minutes.form`, what was written is damaged.
        Unavailable: the disk fails.
    Guarantees:
        What a call wrote outlives the process, whole, and all but totals the machine; a crash before leaves what was there.
    """

    def __init__(self, folder: Path | None = None) -> None:
        self._folder = folder
        found = self._read(_ATTEMPT)
        self.next_attempt = 0 if found is None else _parse_number(found) + 1
        """How often the run was begun so far."""

    def note_attempt(self, attempt: int) -> None:
        """Note that a coordinator has begun for the time after so many."""
        self._write(_ATTEMPT, str(attempt).encode())
        self.next_attempt = attempt + 1

    def take_up(self) -> int:
        """Note that a coordinator begins, or begins again, and return how often one did before."""
        attempt = self.next_attempt
        self.note_attempt(attempt)
        return attempt

    def rounds(self) -> Iterator[Settled]:
        """Read the finished rounds, in order."""
        number = 1
        while (noted := self._read(f"{number}.json")) is not None:
            survivors, digest = _parse_round(noted)
            total = self._read(f"{number}.total")
            if total is None or sha256(total).hexdigest() != digest:
                raise Malformed("minutes.form", f"the total of round {number} in `{self._folder}` is damaged")
            yield Settled(total, survivors)
            number += 1

    def settle_round(self, number: int, total: bytes, survivors: tuple[str, ...]) -> None:
        """Note the total of a round, from 1.

        The total itself is not flushed, being large: after a loss of power its digest may say that it is gone, and then the
        run cannot be taken up.
        """
        self._write(f"{number}.total", total, is_flushed=False)
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
        if self._folder is not None:
            shutil.rmtree(self._folder, ignore_errors=True)

    def _settle(self, name: str, data: bytes) -> bytes:
        settled = self._read(name)
        if settled is None:
            self._write(name, data)
        return data if settled is None else settled

    def _read(self, name: str) -> bytes | None:
        if self._folder is None:
            return None
        try:
            return (self._folder / name).read_bytes()
        except FileNotFoundError:
            return None
        except OSError as error:
            raise Unavailable(f"`{self._folder / name}` cannot be read: {error.strerror}") from error

    def _write(self, name: str, data: bytes, *, is_flushed: bool = True) -> None:
        if self._folder is None:
            return
        try:
            self._folder.mkdir(parents=True, exist_ok=True)
            if is_flushed:
                write_atomically(self._folder / name, data)
            else:
                (self._folder / name).write_bytes(data)
        except OSError as error:
            raise Unavailable(f"`{self._folder / name}` cannot be written: {error.strerror}") from error


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
