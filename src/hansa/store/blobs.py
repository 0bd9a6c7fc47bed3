"""Large things, kept under their SHA-256: in a folder here, in a bucket in `bucket`."""

import hashlib
import os
import re
import threading
from abc import ABC, abstractmethod
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Final

from hansa.errors import Malformed, Unavailable
from hansa.store.files import sync_folder, unfinished_path, write_chunks

CHUNK_BYTES: Final = 1 << 20
"""How much of a blob is in memory at a time, where it goes from file to file."""

_DIGEST = re.compile(r"[0-9a-f]{64}")


class Blobs(ABC):
    """A place for blobs, whatever keeps them.

    Guarantees:
        `get(put(data)) == data`, and nothing ever comes back that does not have the digest.
        A blob is there as a whole or not at all. Putting it twice, also at the same time, is putting it
        once; one that was damaged is replaced.
    """

    def put(self, data: bytes) -> str:
        """Keep bytes and return their name, which is SHA-256 in lower-case hexadecimal.

        Raises:
            Unavailable: they cannot be written.
        """
        digest = hashlib.sha256(data).hexdigest()
        self._write(digest, (data,))
        return digest

    def get(self, digest: str) -> bytes:
        """Return the bytes with this digest.

        Raises:
            Malformed: `blob.digest` (other bytes are kept there), `blob.name`.
            Unavailable: there is no such blob, or it cannot be read.
        """
        return b"".join(self._read_verified(digest))

    def adopt(self, path: Path, digest: str) -> None:
        """Move a file into this place.

        Args:
            path: gone afterwards; for a folder it has to be on the same disk.
            digest: SHA-256 that the caller has compared with the file's bytes.

        Raises:
            Malformed: `blob.name`.
            Unavailable: the file cannot be read, or its bytes cannot be written.
        """
        check_name(digest)
        try:
            self._write(digest, _read_unchanged(path, digest))
            path.unlink()
        except OSError as error:
            raise Unavailable(f"the blob `{digest}` cannot be written: {error.strerror}") from error

    def holds(self, digest: str) -> bool:
        """Say whether something is kept under this digest; `get` says whether it is whole. Raises as `measure`."""
        return self.measure(digest) is not None

    @abstractmethod
    def measure(self, digest: str) -> int | None:
        """Return how many bytes are kept under this digest, or None when there is no such blob.

        Raises:
            Malformed: `blob.name`.
            Unavailable: nobody can tell.
        """

    @abstractmethod
    def read_part(self, digest: str, start: int, stop: int) -> Iterator[bytes]:
        """Read bytes `start` to `stop` (not included), chunk by chunk, to pass them on.

        A part has no digest: whoever puts the parts together compares the whole.

        Raises:
            Malformed: `blob.name`.
            Unavailable: there is no such blob, it is shorter, or it cannot be read.
        """

    @abstractmethod
    def forget(self, digest: str) -> None:
        """Remove a blob; one that is not there is removed already.

        Raises:
            Malformed: `blob.name`.
            Unavailable: it cannot be removed.
        """

    @abstractmethod
    def _write(self, digest: str, chunks: Iterable[bytes]) -> None:
        """Keep a blob as a whole; when `chunks` raises, keep nothing."""

    @abstractmethod
    def _read(self, digest: str) -> Iterator[bytes]:
        """Read what is kept, chunk by chunk."""

    def _read_verified(self, digest: str) -> Iterator[bytes]:
        check_name(digest)
        seen = hashlib.sha256()
        for chunk in self._read(digest):
            seen.update(chunk)
            yield chunk
        if seen.hexdigest() != digest:
            raise Malformed(
                "blob.digest", f"expected the bytes with the digest `{digest}`, got `{seen.hexdigest()}`"
            )


class BlobStore(Blobs):
    """A folder of blobs.

    Args:
        folder: made if it is missing.

    Raises:
        Unavailable: it cannot be made.
    """

    def __init__(self, folder: Path) -> None:
        self._folder = Path(folder)
        try:
            self._folder.mkdir(parents=True, exist_ok=True)
        except OSError as error:
            raise Unavailable(f"the folder `{folder}` cannot be made: {error.strerror}") from error

    def path(self, digest: str) -> Path:
        """Return where the blob with this digest lies, or would lie.

        Raises:
            Malformed: `blob.name`, not 64 lower-case hexadecimal digits; no other name reaches the disk.
        """
        check_name(digest)
        return self._folder / digest

    def adopt(self, path: Path, digest: str) -> None:
        """Move a file into this place by giving it another name; see `Blobs.adopt`."""
        place = self.path(digest)
        try:
            with path.open("rb") as file:
                os.fsync(file.fileno())
            path.replace(place)
            sync_folder(place.parent)
        except OSError as error:
            raise Unavailable(f"the blob `{digest}` cannot be written: {error.strerror}") from error

    def measure(self, digest: str) -> int | None:
        """Return how long the file of this name is, if there is one."""
        try:
            return self.path(digest).stat().st_size
        except FileNotFoundError:
            return None
        except OSError as error:
            raise Unavailable(f"the blob `{digest}` cannot be read: {error.strerror}") from error

    def read_part(self, digest: str, start: int, stop: int) -> Iterator[bytes]:
        """Read a part of the file of this name; see `Blobs.read_part`."""
        try:
            with self.path(digest).open("rb", buffering=0) as file:
                file.seek(start)
                while start < stop:
                    chunk = file.read(min(CHUNK_BYTES, stop - start))
                    if not chunk:
                        raise Unavailable(f"the blob `{digest}` became shorter while it was read")
                    start += len(chunk)
                    yield chunk
        except OSError as error:
            raise Unavailable(f"the blob `{digest}` cannot be read: {error.strerror}") from error

    def forget(self, digest: str) -> None:
        """Remove the file of this name."""
        try:
            self.path(digest).unlink(missing_ok=True)
        except OSError as error:
            raise Unavailable(f"the blob `{digest}` cannot be removed: {error.strerror}") from error

    def _write(self, digest: str, chunks: Iterable[bytes]) -> None:
        path = self.path(digest)
        # Each thread has its own unfinished file: two that put the same blob must not write into one.
        unfinished = unfinished_path(path.with_name(f"{digest}.{os.getpid()}-{threading.get_ident()}"))
        try:
            if not self._is_whole(path, digest):
                write_chunks(path, chunks, unfinished)
        except OSError as error:
            raise Unavailable(f"the blob `{digest}` cannot be written: {error.strerror}") from error

    def _is_whole(self, path: Path, digest: str) -> bool:
        if not path.is_file():
            return False
        with path.open("rb") as file:
            return hashlib.file_digest(file, "sha256").hexdigest() == digest

    def _read(self, digest: str) -> Iterator[bytes]:
        try:
            with self.path(digest).open("rb") as file:
                while chunk := file.read(CHUNK_BYTES):
                    yield chunk
        except FileNotFoundError:
            raise Unavailable(f"there is no blob `{digest}` in `{self._folder}`") from None
        except OSError as error:
            raise Unavailable(f"the blob `{digest}` cannot be read: {error.strerror}") from error


def check_name(digest: str) -> None:
    """Refuse what is no blob's name.

    Raises:
        Malformed: `blob.name`.
    """
    if not _DIGEST.fullmatch(digest):
        raise Malformed("blob.name", f"expected 64 lower-case hexadecimal digits, got `{digest[:70]}`")


def open_blobs(where: Path | str) -> Blobs:
    """Return the blobs at a folder's path or at `s3://BUCKET/PREFIX`.

    Raises:
        Malformed: `blobs.address`.
        Unavailable: the folder cannot be made, or the client for S3 is not installed.
    """
    if isinstance(where, str) and "://" in where:
        from hansa.store.bucket import BlobBucket

        return BlobBucket(where)
    return BlobStore(Path(where))


def _read_unchanged(path: Path, digest: str) -> Iterator[bytes]:
    """Read a file again, and fail at its end when it is not what it was."""
    seen = hashlib.sha256()
    with path.open("rb") as file:
        while chunk := file.read(CHUNK_BYTES):
            seen.update(chunk)
            yield chunk
    if seen.hexdigest() != digest:
        raise Unavailable(f"`{path}` was changed while it was being kept")
