"""What is kept on a machine's disk: the log, blobs, and the public folder of a log.

This room knows bytes and hashes, not what an entry means. It must never: make up an entry, change or
remove one, say that something is stored before it is on the disk, or return a leaf or a whole blob that it
has not compared with the hash by which it is known.

Example: a log that survives, and the folder that shows it to the world.

    >>> import tempfile
    >>> from pathlib import Path
    >>> from hansa.store import LogStore, publish, read_tree
    >>> from hansa.transparency import Checkpoint, SigningKey, sign_checkpoint
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     with LogStore.create(Path(folder, "log.sqlite")) as log:
    ...         size = log.append([b"one", b"two", b"three"])
    ...         head = Checkpoint("log.example", size, log.frontier.root)
    ...         note = sign_checkpoint(head, SigningKey.from_seed(bytes(32)), head.origin)
    ...         log.save_checkpoint(note.encode())
    ...     with LogStore.open(Path(folder, "log.sqlite")) as log:
    ...         publish(Path(folder, "public"), list(log.leaves()), log.checkpoint() or "")
    ...     read_tree(Path(folder, "public")).leaves
    (b'one', b'two', b'three')
"""

from hansa.store.blobs import Blobs, BlobStore, check_name, open_blobs
from hansa.store.database import NoLog
from hansa.store.files import sync_folder, write_atomically
from hansa.store.lock import BeingWritten
from hansa.store.log import LogReader, LogStore
from hansa.store.papers import OUTCOME, FolderPapers
from hansa.store.seed import read_seed, write_seed
from hansa.store.tree import PublishedTree, publish, read_tree, tidy

__all__ = [
    "OUTCOME",
    "BeingWritten",
    "BlobStore",
    "Blobs",
    "FolderPapers",
    "LogReader",
    "LogStore",
    "NoLog",
    "PublishedTree",
    "check_name",
    "open_blobs",
    "publish",
    "read_seed",
    "read_tree",
    "sync_folder",
    "tidy",
    "write_atomically",
    "write_seed",
]
