"""Leaves: what the log keeps of an entry, namely the entry and the log's time.

`docs/formats/entry-and-leaf.md` is the specification. A leaf fits a C2SP entry bundle, whose lengths
are 16-bit numbers.
"""

from dataclasses import dataclass

from hansa.errors import Malformed
from hansa.transparency import canonical
from hansa.transparency.instant import format_instant, parse_instant
from hansa.transparency.statement import Envelope, parse_envelope

MAX_LEAF_BYTES = 65_535
"""The longest leaf, in bytes."""


@dataclass(frozen=True)
class Leaf:
    """An entry of the log with the time at which the log took it.

    Args:
        at: Unix seconds, the log's clock.
        envelope: the signed entry.
    """

    at: int
    envelope: Envelope

    def encode(self) -> bytes:
        """Return the leaf as the bytes that the log keeps and the tree hashes.

        Raises:
            Malformed: `leaf.too-long`, more than 65,535 bytes.
        """
        data = canonical.encode({"at": format_instant(self.at), "entry": self.envelope.to_json()})
        _check_length(data)
        return data


def parse_leaf(data: bytes) -> Leaf:
    """Read a leaf; signatures and meaning are not judged here.

    Raises:
        Malformed: `leaf.too-long`, `leaf.form`, and the rules of `canonical-json`, `instant`, `envelope`
            and `base64`.
    Guarantees:
        `parse_leaf(data).encode() == data`.
    """
    _check_length(data)
    value = canonical.parse(data)
    if not isinstance(value, dict) or value.keys() != {"at", "entry"}:
        raise Malformed("leaf.form", "expected an object with `at` and `entry` only")
    at = value["at"]
    if not isinstance(at, str):
        raise Malformed("leaf.form", "expected `at` as text")
    return Leaf(parse_instant(at), parse_envelope(value["entry"]))


def _check_length(data: bytes) -> None:
    if len(data) > MAX_LEAF_BYTES:
        raise Malformed("leaf.too-long", f"a leaf has at most {MAX_LEAF_BYTES:,} bytes, got {len(data):,}")
