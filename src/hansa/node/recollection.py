"""What a witness must not forget: how far it followed a log, what of it was final, and to whom it handed it over.

    FOLDER/witness.json     {"cosigned":…,"final":{"root":…,"size":…},"log_key":…,"pledge":…,"root":…,"size":…}

Older files lack `cosigned`, or hold `root` and `size` only.
"""

from dataclasses import dataclass
from pathlib import Path
from typing import Final

from hansa.errors import Malformed, Unavailable
from hansa.store import write_atomically
from hansa.transparency import EMPTY_ROOT, canonical
from hansa.transparency.canonical import Json

MEMORY: Final = "witness.json"

_FIELDS: Final = frozenset({"cosigned", "final", "log_key", "pledge", "root", "size"})
_HEAD: Final = frozenset({"root", "size"})


@dataclass(frozen=True, slots=True)
class Head:
    """How far a log was: so many entries, under this root."""

    size: int = 0
    root: bytes = EMPTY_ROOT


@dataclass(frozen=True, slots=True)
class Recollection:
    """One witness's memory.

    Args:
        seen: the last checkpoint that it followed.
        final: the last one that was final.
        log_key: the log's key when it followed; empty while nothing is remembered.
        pledge: the log key of the last handover that it signed; empty when none is outstanding.
        cosigned: how many entries it may have cosigned of the log under this key.
    """

    seen: Head = Head()
    final: Head = Head()
    log_key: str = ""
    pledge: str = ""
    cosigned: int = 0

    def encode(self) -> bytes:
        """Return the content of the file, of which `parse_recollection` is the inverse."""
        return canonical.encode(
            {
                **_encode_head(self.seen),
                "cosigned": self.cosigned,
                "final": _encode_head(self.final),
                "log_key": self.log_key,
                "pledge": self.pledge,
            }
        )


def parse_recollection(data: bytes) -> Recollection:
    """Read a witness's memory.

    Raises:
        Malformed: `witness.memory`, or the rules of `canonical-json`.
    """
    value = canonical.parse(data)
    if isinstance(value, dict) and value.keys() == _HEAD:
        head = _parse_head(value)
        return Recollection(seen=head, cosigned=head.size)
    if not isinstance(value, dict) or value.keys() | {"cosigned"} != _FIELDS:
        raise Malformed("witness.memory", f"expected {', '.join(sorted(_FIELDS))}")
    log_key, pledge = value["log_key"], value["pledge"]
    if not (isinstance(log_key, str) and isinstance(pledge, str)):
        raise Malformed("witness.memory", "keys are texts")
    seen = _parse_head({"root": value["root"], "size": value["size"]})
    cosigned = value.get("cosigned", seen.size)
    if not isinstance(cosigned, int) or isinstance(cosigned, bool) or cosigned < 0:
        raise Malformed("witness.memory", "`cosigned` is a number of entries")
    return Recollection(seen, _parse_head(value["final"]), log_key, pledge, cosigned)


def load_recollection(folder: Path) -> Recollection:
    """Read what a witness remembers in its folder; nothing, before it followed anything.

    Raises:
        Malformed: `witness.memory`, the file is damaged.
        Unavailable: it cannot be read.
    """
    path = folder / MEMORY
    try:
        return parse_recollection(path.read_bytes()) if path.exists() else Recollection()
    except OSError as error:
        raise Unavailable(f"`{path}` cannot be read: {error.strerror}") from error
    except Malformed as error:
        raise Malformed("witness.memory", f"`{path}` is damaged: {error.message}") from None


def save_recollection(folder: Path, recollection: Recollection) -> None:
    """Write what a witness remembers, whole or not at all.

    Raises:
        Unavailable: it cannot be written.
    """
    path = folder / MEMORY
    try:
        write_atomically(path, recollection.encode())
    except OSError as error:
        raise Unavailable(f"`{path}` cannot be written: {error.strerror}") from error


def _encode_head(head: Head) -> dict[str, Json]:
    return {"root": head.root.hex(), "size": head.size}


def _parse_head(value: Json) -> Head:
    if not isinstance(value, dict) or value.keys() != _HEAD:
        raise Malformed("witness.memory", "a head is a `root` and a `size`")
    size, root = value["size"], value["root"]
    try:
        raw = bytes.fromhex(root) if isinstance(root, str) else b""
    except ValueError:
        raw = b""
    if not isinstance(size, int) or isinstance(size, bool) or size < 0 or len(raw) != len(EMPTY_ROOT):
        raise Malformed("witness.memory", "expected a size and a root of 32 bytes")
    return Head(size, raw)
