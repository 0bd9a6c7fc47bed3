"""The frame in which a coordinator and a contributor of a run speak: a word, a few fields, raw bytes.

Layout: 4 bytes big-endian, the length of the header; the header, a canonical JSON object with the field
`word`; then the body until the end. Specified in `docs/formats/run.md`.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from types import MappingProxyType
from typing import Final

from hansa.errors import Malformed
from hansa.transparency import canonical

MAX_HEADER_BYTES: Final = 4 * 1024 * 1024


@dataclass(frozen=True, slots=True)
class Frame:
    """One message of a run.

    Args:
        word: what is asked or answered.
        fields: canonical JSON values beside the word.
        body: raw bytes, such as a message of the secure sum; not copied.
    """

    word: str
    fields: Mapping[str, canonical.Json] = field(default_factory=lambda: MappingProxyType({}))
    body: bytes | memoryview = b""

    def encode(self) -> bytes:
        """Return the bytes of this frame."""
        header = canonical.encode({**self.fields, "word": self.word})
        return len(header).to_bytes(4, "big") + header + self.body


def parse_frame(data: bytes | memoryview) -> Frame:
    """Read a frame; its body is a view of `data`.

    Raises:
        Malformed: `frame.length`, `frame.word`, `canonical-json.*`.
    """
    size = int.from_bytes(data[:4], "big")
    if len(data) < 4 or size > min(len(data) - 4, MAX_HEADER_BYTES):
        raise Malformed("frame.length", f"the header says {size} bytes, the message has {len(data)}")
    view = memoryview(data)
    header = canonical.parse(bytes(view[4 : 4 + size]))
    if not isinstance(header, dict) or not isinstance(header.get("word"), str):
        raise Malformed("frame.word", "the header is an object with a text `word`")
    word = str(header.pop("word"))
    return Frame(word, MappingProxyType(header), view[4 + size :])
