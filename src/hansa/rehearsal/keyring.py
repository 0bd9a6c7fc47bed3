"""The keys of a member on a stage: granted to its people, revoked, and the main one put in the place of the old.

members/<id>/key            the main key
members/<id>/key.next       its successor, until the record has it
members/<id>/keys/<name>    a delegated key
"""

from pathlib import Path

from hansa.coalition import Key, Role, possession_message
from hansa.errors import Refused
from hansa.rehearsal.actor import KEYS_FOLDER, NEXT_FILE, read_key, write_key
from hansa.rehearsal.stage import Stage
from hansa.transparency import encode_base64


def grant_key(stage: Stage, member: str, name: str, role: Role) -> tuple[int, Path]:
    """Draw a key for one of a member's people, and let the member put its role on the record.

    Returns:
        The number of the entry, and where the key lies.

    Raises:
        Refused: `author.*`, `key.*`; no key is left behind.
    """
    path = stage.actor(member).folder / KEYS_FOLDER / name
    if path.exists():
        raise Refused("key.known", f"there is a key at `{path}` already; names are never used again")
    path.parent.mkdir(exist_ok=True)
    write_key(path)
    try:
        number = stage.say(member, _introduce(stage, member, path, name, role))
    except BaseException:
        path.unlink()
        raise
    stage.settle()
    return number, path


def revoke_key(stage: Stage, member: str, name: str) -> int:
    """Take a role back, and return the number of the entry."""
    number = stage.say(member, Key(act="revoke", name=name, role="", key="", proof=""))
    stage.settle()
    return number


def rotate_key(stage: Stage, member: str) -> int:
    """Draw another main key, let the old one sign it, and return the number of the entry.

    Guarantees:
        Killed at any moment, the stage opens with the key that the record has.
    """
    path = stage.actor(member).folder / NEXT_FILE
    path.unlink(missing_ok=True)
    write_key(path)
    number = stage.say(member, _introduce(stage, member, path))
    stage.take_up_key(member)
    stage.settle()
    return number


def _introduce(stage: Stage, member: str, path: Path, name: str = "", role: str = "") -> Key:
    key = read_key(path)
    message = possession_message(stage.state.coalition, member, name, role)
    return Key.model_validate(
        {
            "act": "grant" if name else "rotate",
            "name": name,
            "role": role,
            "key": key.public.encode(),
            "proof": encode_base64(key.sign(message)),
        }
    )
