"""A mapping that never changes and is cheap to extend: for what only ever grows."""

import re
from collections.abc import Iterator, Mapping
from typing import Final, TypeVar

BUCKETS: Final = 256
_HEX: Final = re.compile(r"[0-9a-f]{2}")

T = TypeVar("T")


class Archive(Mapping[str, T]):
    """Values by digest, in buckets by the digest's first two digits.

    `put` copies one bucket, not the whole, so a log of n entries costs n small copies to fold and not n
    squared. Iteration goes by bucket, then by insertion.
    """

    __slots__ = ("_buckets", "_size")

    def __init__(self) -> None:
        self._buckets: tuple[dict[str, T], ...] = ({},) * BUCKETS
        self._size = 0

    def put(self, digest: str, value: T) -> "Archive[T]":
        """Return the mapping with one more value, or another value under a digest that it has."""
        index = int(digest[:2], 16)
        bucket = {**self._buckets[index], digest: value}
        new: Archive[T] = Archive()
        new._buckets = (*self._buckets[:index], bucket, *self._buckets[index + 1 :])
        new._size = self._size + len(bucket) - len(self._buckets[index])
        return new

    def __getitem__(self, digest: str) -> T:
        if not _HEX.fullmatch(digest[:2]):
            raise KeyError(digest)
        return self._buckets[int(digest[:2], 16)][digest]

    def __iter__(self) -> Iterator[str]:
        for bucket in self._buckets:
            yield from bucket

    def __len__(self) -> int:
        return self._size
