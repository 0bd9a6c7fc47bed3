"""What a member's side must not forget: which runs it has begun, and which totals it has helped to form.

Everything is on the disk before what it is about leaves the house, so a node that is killed at any moment
does nothing twice that it may do once.

    FOLDER/runs/<run>                 an empty file for each run that was begun here
    FOLDER/totals/<question>.json     for each question, over whom totals of it were formed with this member
"""

from collections.abc import Sequence
from pathlib import Path
from typing import Final

from hansa.errors import Malformed, Refused, Unavailable
from hansa.store import sync_folder, write_atomically
from hansa.transparency import canonical

BEGUN: Final = "runs"
TOTALS: Final = "totals"

_SHOWN: Final = 20


class Memory:
    """One member's memory across restarts.

    Args:
        folder: this member's own; it must exist.
    Guarantees:
        When a call returns, what it noted is on the disk. What a crash left unfinished is not believed.
    """

    def __init__(self, folder: Path) -> None:
        self._folder = folder

    def begin(self, run: str) -> None:
        """Note that a run is begun here.

        Raises:
            Refused: `run.again`, it was begun before.
            Unavailable: the disk does not take the note.
        """
        path = self._folder / BEGUN / run
        if path.exists():
            raise Refused("run.again", "this attempt was begun here before; a new one needs a new `run_open`")
        _write(path, b"")

    def join_total(self, question: bytes, members: Sequence[str], minimum: int) -> None:
        """Note that this member helps to form a total, unless an earlier one could be subtracted from it.

        Two totals of one question whose members differ by a few give, subtracted, the sum over those few.

        Args:
            question: the question's own digest, the same in every run that asks it.
            members: whose numbers are in the total.
            minimum: by how many members two totals of one question differ at least, unless by none.

        Raises:
            Refused: `run.differencing`.
            Malformed: `memory.form`, the note of this question is damaged.
            Unavailable: the disk cannot be read, or does not take the note.
        """
        path = self._folder / TOTALS / f"{question.hex()}.json"
        earlier = _read(path)
        if list(members) in earlier:
            return
        for before in earlier:
            differing = {*members} ^ {*before}
            if len(differing) < minimum:
                raise Refused(
                    "run.differencing",
                    f"a total of this question over {_name(before)} is known; one over {_name(members)} would "
                    f"tell, by subtraction, the numbers of {_name(sorted(differing))}, and {minimum} members "
                    "hide each other; ask again over the same members as before, or propose a plan with noise",
                )
        totals: list[canonical.Json] = [list(total) for total in (*earlier, members)]
        _write(path, canonical.encode({"totals": totals}))


def _read(path: Path) -> list[list[str]]:
    try:
        if not path.exists():
            return []
        value = canonical.parse(path.read_bytes())
    except OSError as error:
        raise Unavailable(f"`{path}` cannot be read: {error.strerror}") from error
    except Malformed as error:
        raise Malformed("memory.form", f"`{path}` is damaged: {error.message}") from None
    totals = value.get("totals") if isinstance(value, dict) else None
    if not isinstance(totals, list) or not all(isinstance(total, list) for total in totals):
        raise Malformed("memory.form", f"`{path}` is damaged: expected `totals`, a list of lists of members")
    return [[str(name) for name in total] for total in totals if isinstance(total, list)]


def _write(path: Path, data: bytes) -> None:
    try:
        if not path.parent.exists():
            path.parent.mkdir()
            sync_folder(path.parent.parent)
        write_atomically(path, data)
    except OSError as error:
        raise Unavailable(f"`{path}` cannot be written: {error.strerror}") from error


def _name(members: Sequence[str]) -> str:
    more = f" and {len(members) - _SHOWN} more" if len(members) > _SHOWN else ""
    return ", ".join(f"`{name}`" for name in members[:_SHOWN]) + more
