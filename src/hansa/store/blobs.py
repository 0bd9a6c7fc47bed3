"""Large things, kept as files named by their SHA-256."""

import hashlib
import os
import re
from pathlib import Path

from hansa.errors import Malformed, Unavailable
from hansa.store.files import sync_folder, write_atomically

_DIGEST = re.compile(r"[0-9a-f]{64}")


class BlobStore:
    """A folder of blobs.

    Args:
        folder: made if it is missing.

    Guarantees:
        `get(put(data)) == data`, and `get` never returns bytes that do not have the digest.
    """

    def __init__(self, folder: Path) -> None:
        self._folder = Path(folder)
        try:
            self._folder.mkdir(parents=True, exist_ok=True)
        except OSError as error:
            raise Unavailable(f"the folder `{folder}` cannot be made: {error.strerror}") from error

    def put(self, data: bytes) -> str:
        """Keep bytes and return their name, which is SHA-256 in lower-case hexadecimal.

        A file of this name that holds other bytes was damaged, and is replaced.

        Raises:
            Unavailable: the disk fails.
        """
        digest = hashlib.sha256(data).hexdigest()
        path = self.path(digest)
        try:
            if not (path.is_file() and path.read_bytes() == data):
                write_atomically(path, data)
        except OSError as error:
            raise Unavailable(f"the blob `{digest}` cannot be written: {error.strerror}") from error
        return digest

    def adopt(self, path: Path, digest: str) -> None:
        """Move a file into this store.

        Args:
            path: on the same disk; gone afterwards.
            digest: SHA-256 that the caller has compared with the file's bytes.

        Raises:
            Malformed: `blob.name`.
            Unavailable: the disk fails.
        """
        place = self.path(digest)
        try:
            with path.open("rb") as file:
                os.fsync(file.fileno())
            path.replace(place)
            sync_folder(place.parent)
        except OSError as error:
            raise Unavailable(f"the blob `{digest}` cannot be written: {error.strerror}") from error

    def get(self, digest: str) -> bytes:
        """Return the bytes with this digest.

        Raises:
            Malformed: `blob.digest` (the file holds other bytes), `blob.name`.
            Unavailable: there is no such blob, or the disk fails.
        """
        path = self.path(digest)
        try:
            data = path.read_bytes()
        except FileNotFoundError:
            raise Unavailable(f"there is no blob `{digest}` in `{self._folder}`") from None
        except OSError as error:
            raise Unavailable(f"the blob `{digest}` cannot be read: {error.strerror}") from error
        got = hashlib.sha256(data).hexdigest()
        if got != digest:
            raise Malformed("blob.digest", f"expected the bytes with the digest `{digest}`, got `{got}`")
        return data

    def path(self, digest: str) -> Path:
        """Return where the blob with this digest lies, or would lie.

        Raises:
            Malformed: `blob.name`, not 64 lower-case hexadecimal digits; no other name reaches the disk.
        """
        if not _DIGEST.fullmatch(digest):
            raise Malformed("blob.name", f"expected 64 lower-case hexadecimal digits, got `{digest[:70]}`")
        return self._folder / digest
