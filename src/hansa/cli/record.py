"""The record as anybody can read it: a published log, a coalition's folder, or the hub's own file.

Reading needs no key and no lock, and changes nothing, so it also works while a run is going on.
"""

import shutil
import tempfile
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from hansa.coalition import ProposalRecord, State, replay
from hansa.errors import Malformed, Refused, Unavailable
from hansa.store import LogStore, read_tree
from hansa.store.lock import held_still
from hansa.transparency import hash_leaf, parse_checkpoint, parse_note

CHECKPOINT: Final = "checkpoint"
LOG: Final = "log"
BLOBS: Final = "blobs"
HUB: Final = "hub"
STRAY: Final = frozenset({".DS_Store", "Thumbs.db", "desktop.ini"})
"""What file managers leave in the folders that they show."""


@dataclass(frozen=True, slots=True)
class Record:
    """A log as it was read.

    Args:
        path: where.
        form: `folder` for a published log, of which every byte was accounted for; `file` for the hub's file.
        leaves: the entries that the checkpoint covers.
        leaf_hashes: their hashes.
        note_text: the checkpoint.
        beyond: entries in the hub's file that no checkpoint covers yet.
        blobs: the folder of models and reports that belongs to it, if it is there.
    """

    path: Path
    form: str
    leaves: tuple[bytes, ...]
    leaf_hashes: tuple[bytes, ...]
    note_text: str
    beyond: tuple[bytes, ...]
    blobs: Path | None


def read_record(path: Path) -> Record:
    """Read a log.

    Args:
        path: a published log, a coalition's folder (then its `log`), or a file `log.sqlite`.

    Raises:
        Malformed: something in it is wrong; the message names the first wrong entry.
        Unavailable: there is no log.
    """
    if path.is_file():
        return _read_file(path)
    if not path.exists():
        raise Unavailable(f"there is nothing at `{path}`")
    if (path / CHECKPOINT).is_file():
        return _read_folder(path)
    if (path / LOG / CHECKPOINT).is_file():
        return _read_folder(path / LOG)
    if (path / HUB / "key").is_file():
        raise Unavailable(
            f"`{path}` holds a coalition without a published log: its founding was interrupted (then remove the folder "
            "and found it anew), or `log` was removed (then `hansa log tick` publishes it again)"
        )
    raise Unavailable(
        f"`{path}` holds no coalition and no published log; found one with `hansa coalition found`, or name its "
        "folder with `--folder`"
    )


def read_state(folder: Path) -> tuple[Record, State]:
    """Read the record of a coalition and fold it.

    Raises:
        Malformed, Refused: the first entry that does not follow.
        Unavailable: there is no log.
    """
    record = read_record(folder)
    state = replay(record.leaves)
    if state is None:
        raise Refused("log.empty", "the log holds no entry yet")
    return record, state


def find_proposal(state: State, number: int) -> ProposalRecord:
    """Return the proposal with this number.

    Raises:
        Refused: `proposal.unknown`.
    """
    proposal = state.proposal(number)
    if proposal is None:
        raise Refused("proposal.unknown", f"entry {number} is not a proposal; see `hansa proposal list`")
    return proposal


def _read_folder(path: Path) -> Record:
    try:
        with held_still(path):
            tree = read_tree(path)
    except Malformed as error:
        stray = next((name for name in sorted(STRAY) if f"{name}`" in error.message), None)
        if error.rule != "tree.unexpected-file" or stray is None:
            raise
        hint = f"{error.message}; file managers leave `{stray}` behind, it says nothing about the entries: remove it"
        raise Malformed(error.rule, hint) from None
    return Record(path, "folder", tree.leaves, tree.leaf_hashes, tree.note_text, (), _find_blobs(path.parent))


def _read_file(path: Path) -> Record:
    # A copy is opened, because opening a log locks it and may tidy up after a crash: what is looked at stays as it is.
    with tempfile.TemporaryDirectory() as folder:
        copy = Path(folder, "log.sqlite")
        shutil.copyfile(path, copy)
        ahead = path.with_name(f"{path.name}-wal")
        if ahead.is_file():
            shutil.copyfile(ahead, copy.with_name(f"{copy.name}-wal"))
        try:
            with LogStore.open(copy) as store:
                leaves, note_text = tuple(store.leaves()), store.checkpoint()
        except Malformed as error:
            raise Malformed(error.rule, error.message.replace(str(copy), str(path))) from error
    if note_text is None:
        raise Malformed("log.checkpoint", f"checkpoint: `{path}` holds none")
    size = parse_checkpoint(parse_note(note_text).body).size
    covered, beyond = leaves[:size], leaves[size:]
    hashes = tuple(map(hash_leaf, covered))
    return Record(path, "file", covered, hashes, note_text, beyond, _find_blobs(path.parent.parent))


def _find_blobs(folder: Path) -> Path | None:
    blobs = folder / BLOBS
    return blobs if blobs.is_dir() else None
