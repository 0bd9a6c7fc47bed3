"""The keys of a member: granted to its people, and on a stage the main one put in the place of the old.

FOLDER/key            the main key
FOLDER/key.next       its successor, until the record has it
FOLDER/keys/<name>    a delegated key, to be handed to whom it is for
"""

from collections.abc import Callable
from pathlib import Path

from hansa.coalition import Body, Role, introduce_key
from hansa.errors import Refused
from hansa.rehearsal.actor import KEYS_FOLDER, NEXT_FILE
from hansa.rehearsal.stage import Stage
from hansa.store import read_seed, write_seed


def grant_key(
    folder: Path, say: Callable[[Body], int], *, coalition: str, member: str, name: str, role: Role
) -> tuple[int, Path]:
    """Draw a key for one of a member's people, and let the member put its role on the record.

    Args:
        folder: the member's.
        say: writes an entry in the member's name and returns its number.
        coalition: the coalition's id.
        member: the member's id.
        name: of the key.
        role: what it is for.

    Returns:
        The number of the entry, and where the key lies.

    Raises:
        Refused: `author.*`, `key.*`; no key is left behind.
    """
    path = folder / KEYS_FOLDER / name
    if path.exists():
        raise Refused("key.known", f"there is a key at `{path}` already; names are never used again")
    path.parent.mkdir(exist_ok=True, mode=0o700)
    write_seed(path)
    try:
        return say(introduce_key(coalition, member, read_seed(path), name=name, role=role)), path
    except BaseException:
        path.unlink()
        raise


def rotate_key(stage: Stage, member: str) -> int:
    """Draw another main key, let the old one sign it, and return the number of the entry.

    Guarantees:
        Killed at any moment, the stage opens with the key that the record has.
    """
    path = stage.actor(member).folder / NEXT_FILE
    path.unlink(missing_ok=True)
    write_seed(path)
    number = stage.say(member, introduce_key(stage.state.coalition, member, read_seed(path)))
    stage.take_up_key(member)
    stage.settle()
    return number
