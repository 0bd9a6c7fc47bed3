"""Blobs in a bucket of S3-compatible storage."""

import importlib.util
import itertools
import os
import re
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from datetime import timedelta
from typing import Final

from hansa.errors import Malformed, Unavailable
from hansa.store.blobs import CHUNK_BYTES, Blobs, check_name
from hansa.transparency.quoting import quote

_ADDRESS: Final = re.compile(r"s3://([a-z0-9][a-z0-9.-]{1,61}[a-z0-9])((?:/[A-Za-z0-9_-][A-Za-z0-9_.-]*)*)/?")

_PART_BYTES: Final = 8 << 20
_PARTS: Final = 2
"""How much of an upload is in memory at a time."""


class BlobBucket(Blobs):
    """A bucket of blobs, each an object under its digest.

    Where the service is and who asks comes from the environment, as for other clients of S3:
    `AWS_ENDPOINT_URL`, `AWS_REGION`, `AWS_ACCESS_KEY_ID`, `AWS_SECRET_ACCESS_KEY` and the like. Without TLS it
    goes only where `AWS_ALLOW_HTTP` is `true`.

    Args:
        address: `s3://BUCKET` or `s3://BUCKET/PREFIX`.

    Raises:
        Malformed: `blobs.address`.
        Unavailable: the client is not installed.
    """

    def __init__(self, address: str) -> None:
        found = _ADDRESS.fullmatch(address)
        if found is None:
            raise Malformed("blobs.address", "expected `s3://BUCKET` or `s3://BUCKET/PREFIX`")
        if importlib.util.find_spec("obstore") is None:
            raise Unavailable("S3 needs a client: install `hansa[s3]`")
        from obstore.store import S3Store

        self._address = address
        self._store = S3Store(
            found[1],
            prefix=found[2].strip("/") or None,
            client_options={
                "allow_http": os.environ.get("AWS_ALLOW_HTTP") == "true",
                "connect_timeout": "10s",
                "read_timeout": "30s",
                "timeout": "15m",
            },
            retry_config={"max_retries": 3, "retry_timeout": timedelta(seconds=30)},
        )

    def measure(self, digest: str) -> int | None:
        """Return how long the object of this name is, if there is one."""
        import obstore

        check_name(digest)
        try:
            with self._translated(digest, "looked for"):
                return int(obstore.head(self._store, digest)["size"])
        except _Missing:
            return None

    def read_part(self, digest: str, start: int, stop: int) -> Iterator[bytes]:
        """Read a part of the object of this name; see `Blobs.read_part`."""
        check_name(digest)
        place = 0
        # From its beginning, because not every service keeps to ranges.
        for chunk in self._read(digest):
            part = chunk[max(0, start - place) : max(0, stop - place)]
            place += len(chunk)
            if part:
                yield part
            if place >= stop:
                return
        if place < stop:
            raise Unavailable(f"the blob `{digest}` in `{self._address}` is shorter than it was")

    def forget(self, digest: str) -> None:
        """Remove the object of this name."""
        import obstore

        check_name(digest)
        try:
            with self._translated(digest, "removed"):
                obstore.delete(self._store, digest)
        except _Missing:
            return

    def _write(self, digest: str, chunks: Iterable[bytes]) -> None:
        import obstore

        # Always: an object of this name is the same or damaged, and either way it becomes what it should be.
        first, rest = _cut(chunks)
        with self._translated(digest, "written"):
            if rest is None:
                obstore.put(self._store, digest, first, use_multipart=False)
            else:
                parts = itertools.chain((first,), rest)
                obstore.put(self._store, digest, parts, chunk_size=_PART_BYTES, max_concurrency=_PARTS)

    def _read(self, digest: str) -> Iterator[bytes]:
        import obstore

        with self._translated(digest, "read"):
            for chunk in obstore.get(self._store, digest).stream(min_chunk_size=CHUNK_BYTES):
                yield bytes(chunk)

    @contextmanager
    def _translated(self, digest: str, done: str) -> Iterator[None]:
        """Turn the client's failures into `Unavailable`, in one line."""
        from obstore.exceptions import BaseError

        try:
            yield
        except FileNotFoundError:
            raise _Missing(f"there is no blob `{digest}` in `{self._address}`") from None
        except (BaseError, PermissionError) as error:
            reason = quote(str(error).partition("\n")[0], 200)
            raise Unavailable(
                f"the blob `{digest}` cannot be {done} in `{self._address}`: {reason}"
            ) from error


class _Missing(Unavailable):
    """There is no such object."""


def _cut(chunks: Iterable[bytes]) -> tuple[bytes, Iterator[bytes] | None]:
    """Return what goes up in one request, and what remains if that is not all."""
    rest, first = iter(chunks), bytearray()
    for chunk in rest:
        first += chunk
        if len(first) >= _PART_BYTES:
            return bytes(first), rest
    return bytes(first), None
