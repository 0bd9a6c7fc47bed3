"""The one long message: a member's numbers, masked and tagged in the place from which they leave.

At millions of numbers every copy of them costs as much as a mask, so they are copied once, when they come in.
"""

from collections.abc import Callable, Sequence
from dataclasses import replace
from io import SEEK_END, BytesIO

import numpy as np
from numpy.typing import NDArray

from hansa.secagg.masking import Mask, Numbers, apply_masks, number_type
from hansa.secagg.statement import NUMBERS_START, Masked
from hansa.secagg.tagging import Tagger


class Outgoing:
    """Numbers on their way out.

    Args:
        vector: shape (length,), int64 or uint64, of a magnitude that fits; copied.
        number_bits: 32 or 64.
    """

    def __init__(self, vector: NDArray[np.int64] | NDArray[np.uint64], number_bits: int) -> None:
        self._type = number_type(number_bits)
        self._message = BytesIO()
        self._message.seek(NUMBERS_START + len(vector) * self._type.itemsize - 1)
        self._message.write(b"\0")
        with self._message.getbuffer() as buffer:
            numbers = self._view(buffer)
            np.copyto(numbers, vector, casting="unsafe")  # modulo 2^number_bits
            del numbers  # or the buffer could not be given back

    def mask(
        self, masks: Sequence[Mask], masked: Masked, tag_key: bytes, sign: Callable[[bytes], bytes]
    ) -> Masked:
        """Put masks on the numbers, tag and sign them; once.

        Args:
            masks: all that belong on the numbers.
            masked: the message but for its numbers, tag and signature.
            tag_key: from `derive_tag_key`.
            sign: signs bytes with the member's identity key.

        Returns:
            `masked` with tag and signature, still without the numbers.
        """
        tagger = Tagger(tag_key)
        tagger.update(masked.opening)
        with self._message.getbuffer() as buffer:
            numbers = self._view(buffer)
            apply_masks(numbers, masks, tagger.update)
            del numbers
        masked = replace(masked, tag=tagger.finish())
        masked = replace(masked, signature=sign(masked.statement.signed_bytes))
        self._message.seek(0)
        self._message.write(masked.opening)
        self._message.seek(0, SEEK_END)
        self._message.write(masked.dealers + masked.tag + masked.signature)
        return masked

    def encode(self) -> bytes:
        """Return the whole message; it is given away and not copied."""
        return self._message.getvalue()

    def _view(self, buffer: memoryview) -> Numbers:
        return np.frombuffer(buffer[NUMBERS_START:], dtype=self._type)
