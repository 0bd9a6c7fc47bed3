"""What a coordinator has settled of a run, on the disk before anybody hears of it, so that another can take the run up.

FOLDER/attempt        how often the run was taken up again
FOLDER/<n>.total      the total of round n
FOLDER/<n>.json       who is in it, and the total's digest
FOLDER/end            the words in which the result was announced
FOLDER/dropped.json   whom the seals call lost
"""

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


class Journal:
    """The journal of one run.

    Args:
        folder: of this run alone, made when something is written; None for a run that ends with its process, of
            which nothing is kept.

    Raises:
        Malformed: `journal.form`, what was written is damaged.
        Unavailable: the disk fails.
    Guarantees:
        What a call wrote is on the disk when it returns, whole; a crash before leaves what was there.
    """

    def __init__(self, folder: Path | None = None) -> None:
        self._folder = folder
        found = self._read(_ATTEMPT)
        self.attempt = -1 if found is None else _parse_number(found)
        """How often the run was taken up again, from 0; -1 before it was begun."""

    def take_up(self) -> int:
        """Note that a coordinator begins, or begins again, and return how often it did before."""
        self.attempt += 1
        self._write(_ATTEMPT, str(self.attempt).encode())
        return self.attempt

    def rounds(self) -> Iterator[Settled]:
        """Read the finished rounds, in order."""
        number = 1
        while (noted := self._read(f"{number}.json")) is not None:
            survivors, digest = _parse_round(noted)
            total = self._read(f"{number}.total")
            if total is None or sha256(total).hexdigest() != digest:
                raise Malformed("journal.form", f"the total of round {number} in `{self._folder}` is damaged")
            yield Settled(total, survivors)
            number += 1

    def settle_round(self, number: int, total: bytes, survivors: tuple[str, ...]) -> None:
        """Note the total of a round, from 1."""
        self._write(f"{number}.total", total)
        noted: canonical.Json = {"digest": sha256(total).hexdigest(), "survivors": list(survivors)}
        self._write(f"{number}.json", canonical.encode(noted))

    def settle_end(self, announcement: bytes) -> bytes:
        """Note the words in which the result is announced, and return those that were noted first."""
        return self._settle(_END, announcement)

    def settle_dropped(self, dropped: Mapping[str, int]) -> dict[str, int]:
        """Note whom the seals call lost, and since which round, and return what was noted first."""
        return _parse_dropped(self._settle(_DROPPED, canonical.encode({**dropped})))

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

    def _write(self, name: str, data: bytes) -> None:
        if self._folder is None:
            return
        try:
            self._folder.mkdir(parents=True, exist_ok=True)
            write_atomically(self._folder / name, data)
        except OSError as error:
            raise Unavailable(f"`{self._folder / name}` cannot be written: {error.strerror}") from error


def _parse_number(data: bytes) -> int:
    if not data.isdigit():
        raise Malformed("journal.form", "expected how often the run was taken up")
    return int(data)


def _parse_dropped(data: bytes) -> dict[str, int]:
    value = canonical.parse(data)
    if not isinstance(value, dict):
        raise Malformed("journal.form", "expected who was lost, and since which round")
    dropped = {name: number for name, number in value.items() if type(number) is int}
    if len(dropped) != len(value):
        raise Malformed("journal.form", "expected a round for everybody who was lost")
    return dropped


def _parse_round(data: bytes) -> tuple[tuple[str, ...], str]:
    value = canonical.parse(data)
    survivors = value.get("survivors") if isinstance(value, dict) else None
    if not isinstance(value, dict) or not isinstance(survivors, list):
        raise Malformed("journal.form", "expected the survivors of a round")
    return tuple(map(str, survivors)), str(value.get("digest"))
