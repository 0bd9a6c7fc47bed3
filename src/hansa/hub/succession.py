"""Succession: a member's mirror and a handover become the log of a new hub, and that member's minutes become its minutes."""

import shutil
from collections.abc import Callable, Sequence
from pathlib import Path

from hansa.coalition import read_handover
from hansa.engine import copy_minutes
from hansa.errors import Refused, Unavailable
from hansa.hub.clerk import Clerk
from hansa.hub.folder import KEY_FILE, HubFolder, make_folder, write_settings
from hansa.hub.papers import SharedPapers
from hansa.hub.sequencer import Sequencer
from hansa.store import FolderPapers, LogStore, open_blobs, read_seed
from hansa.transparency import Envelope, SigningKey


def succeed_hub(
    path: Path,
    addresses: Sequence[str],
    listen: str | None,
    *,
    readers: str = "members",
    log: str = "log.sqlite",
    blobs: str = "blobs",
    leaves: Sequence[bytes],
    handover: Envelope,
    clock: Callable[[], int],
    minutes: Path | None = None,
) -> HubFolder:
    """Make the folder of a hub that another one is handed over to.

    Args:
        path: holds nothing but the log key that was drawn when the handover was drafted.
        addresses: as `init_hub`.
        listen: as `init_hub`.
        readers: as `init_hub`.
        log: as `init_hub`.
        blobs: as `init_hub`.
        leaves: of a mirror.
        handover: signed by enough members and by that key.
        clock: returns Unix seconds.
        minutes: of runs under way, as the house that the mirror is from heard them; None when nobody has any.

    Raises:
        Refused: `hub.exists`, there is more in the folder than a key; or as `init_hub` and `take_over`.
        Malformed: as `init_hub` and `take_over`.
        Unavailable: there is no key, or the disk or the database fails.
    Guarantees:
        A database holds the whole log, or, when it raises, nothing; only if minutes cannot be brought there, it holds the log
        of a hub that is not made, and another database has to be named.
    """
    key = read_seed(path / KEY_FILE)
    if {found.name for found in path.iterdir()} != {KEY_FILE}:
        raise Refused("hub.exists", f"`{path}` holds more than the key of the handover")
    made = path.with_name(f".{path.name}.unfinished")

    def make_log(where: Path | str) -> None:
        # First in a file in any case, where what fails leaves nothing.
        draft = where if isinstance(where, Path) else made / "log.sqlite"
        take_over(draft, leaves, handover, key, clock)
        if isinstance(where, str):
            _fill_database(where, draft)

    try:
        shutil.rmtree(made, ignore_errors=True)
        text = write_settings(addresses, listen, readers=readers, log=log, blobs=blobs)
        folder = make_folder(made, text, make_log, path / KEY_FILE)
        if minutes is not None and minutes.is_dir():
            _take_minutes(minutes, folder, clock)
        (path / KEY_FILE).unlink()
        made.replace(path)
    except OSError as error:
        raise Unavailable(f"`{path}` cannot be written: {error.strerror}") from error
    finally:
        shutil.rmtree(made, ignore_errors=True)
    return HubFolder(path)


def take_over(
    path: Path, leaves: Sequence[bytes], handover: Envelope, key: SigningKey, clock: Callable[[], int]
) -> None:
    """Make the log file of a new hub: what the handover follows on, then the handover, then a checkpoint.

    Args:
        path: the new file; its folder exists.
        leaves: of a mirror; those after the handover's size are left out, because they were never final.
        handover: signed by enough members and by `key`.
        key: the new hub's log key.
        clock: returns Unix seconds.

    Raises:
        Malformed, Refused: `handover.log-key` (for another hub's key), `handover.mirror` (the mirror holds too little), or what
            the fold says of the entries or the handover.
        Unavailable: the disk fails.
    Guarantees:
        When it raises, there is no file.
    """
    body = read_handover(handover)
    if body.key != key.public.encode():
        raise Refused("handover.log-key", "the handover is to another log key than that of this hub")
    if len(leaves) < body.size:
        raise Refused(
            "handover.mirror",
            f"the handover follows on {body.size} entries, and the mirror holds {len(leaves)}",
        )
    store = LogStore.create(path)
    try:
        with store:
            store.append(leaves[: body.size])
            sequencer = Sequencer(store, key, clock)
            sequencer.submit(handover)
            sequencer.sign_checkpoint()
    except BaseException:
        path.unlink(missing_ok=True)
        raise


def _fill_database(database: str, draft: Path) -> None:
    """Bring a log from a file into a database at one go, and remove the file."""
    with LogStore.open(draft) as log:
        LogStore.create(database, tuple(log.leaves()), log.checkpoint()).close()
    for path in draft.parent.glob(f"{draft.name}*"):
        path.unlink()


def _take_minutes(minutes: Path, folder: HubFolder, clock: Callable[[], int]) -> None:
    """Put the minutes of a house where the new hub looks for them."""
    runs = sorted(path for path in minutes.iterdir() if path.is_dir())
    if not folder.is_shared:
        for run in runs:
            copy_minutes(FolderPapers(run), FolderPapers(folder.runs / run.name))
        return
    clerk = Clerk(lambda: LogStore.open(folder.log), folder.key, clock, lambda: None)
    try:
        totals = open_blobs(folder.totals)
        for run in runs:
            # Nobody else is at a run of a hub that is not made yet.
            papers = SharedPapers(run.name, clerk, totals, is_given_up=lambda: True, give_up=lambda: None)
            copy_minutes(FolderPapers(run), papers)
    finally:
        clerk.close()
