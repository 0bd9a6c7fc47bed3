"""Restoring a log from what its members hold: a mirror is a whole backup, and every entry in it is signed."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from hansa.coalition import Audit, audit_log
from hansa.errors import Refused
from hansa.store import LogStore, NoLog, PublishedTree, read_tree


@dataclass(frozen=True, slots=True)
class Restoration:
    """What was done.

    Args:
        before: how many entries the log had, 0 when it was made anew.
        after: how many it has.
        mirror: the folder of which the newest entries came.
        audit: what that mirror proves.
    """

    before: int
    after: int
    mirror: Path
    audit: Audit


def restore_log(where: Path | str, mirrors: Sequence[Path]) -> Restoration:
    """Bring a log up to the longest of its members' mirrors, or make it anew from that.

    Args:
        where: the log, as `LogStore.open` takes it; no hub has it open.
        mirrors: published logs, at least one. The more members' mirrors, the less can be missing: an entry
            that somebody saw under a checkpoint and that is in none of them would be contradicted by the
            next one that is sequenced in its place.

    Raises:
        Malformed: a mirror is damaged, or the log is.
        Refused: a mirror does not follow from its first entry on; `restore.fork`, mirrors or log contradict
            each other.
        Unavailable: a mirror cannot be read, or the log cannot be written.
    Guarantees:
        Whatever is appended is signed by its author, follows, and stands under the log's own signature.
        When it raises, the log is as it was.
    """
    # 1. Every mirror is whole, and follows.
    read = [(path, read_tree(path)) for path in mirrors]
    audits = {path: audit_log(tree.leaves, tree.note_text) for path, tree in read}
    # 2. They are one history.
    longest, tree = max(read, key=lambda each: len(each[1].leaves))
    for path, other in read:
        _check_beginning(other.leaf_hashes, tree, f"the mirror `{path}`", longest)
    # 3. So is what the log holds.
    with _open_or_make(where) as log:
        before = log.size
        shared = min(before, len(tree.leaves))
        _check_beginning(log.leaf_hashes()[:shared], tree, "the log", longest)
        # 4. What it lacks is added, and the checkpoint that members cosigned.
        if before <= len(tree.leaves):
            log.append(tree.leaves[before:])
            if before < len(tree.leaves) or log.checkpoint() is None:
                log.save_checkpoint(tree.note_text)
        return Restoration(before, log.size, longest, audits[longest])


def _check_beginning(hashes: Sequence[bytes], tree: PublishedTree, what: str, longest: Path) -> None:
    for number, (ours, theirs) in enumerate(zip(hashes, tree.leaf_hashes, strict=False)):
        if ours != theirs:
            raise Refused(
                "restore.fork", f"entry {number} of {what} is another one than in the mirror `{longest}`"
            )


def _open_or_make(where: Path | str) -> LogStore:
    try:
        return LogStore.open(where)
    except NoLog:
        return LogStore.create(where)
