"""The one long message: a member's numbers, masked and tagged in the place from which they leave.

At millions of numbers every copy of them costs as much as a mask, so they are copied once, when they come in.
"""

from collections.abc import Callable, Sequence
from dataclasses import replace
from io import BytesIO
from typing import Final

import numpy as np
from numpy.typing import NDArray

from hansa.errors import Refused
from hansa.secagg.masking import Mask, Numbers, apply_masks, number_type
from hansa.secagg.statement import MASKED_END_BYTES, NUMBERS_START, Masked
from hansa.secagg.tagging import Tagger

_PIECE: Final = 2**15
"""Numbers that are checked and copied at a time."""


class Outgoing:
    """Numbers on their way out.

    Args:
        vector: shape (length,), int64 or uint64; copied.
        number_bits: 32 or 64.
        limit: the largest magnitude that a number may have.

    Raises:
        Refused: `secagg.range`, a number passes the limit.
    """

    def __init__(self, vector: NDArray[np.int64] | NDArray[np.uint64], number_bits: int, limit: int) -> None:
        self._type = number_type(number_bits)
        self._size_bytes = len(vector) * self._type.itemsize
        # Zeros that nobody wrote yet cost nothing, and the stream takes them over without a copy.
        self._message = BytesIO(bytes(NUMBERS_START + self._size_bytes + MASKED_END_BYTES))
        with self._message.getbuffer() as buffer:
            numbers = self._view(buffer)
            # Looked at and copied piece by piece, so that all but the first look finds it in the cache.
            largest = 0
            for start in range(0, len(vector), _PIECE):
                piece = vector[start : start + _PIECE]
                largest = max(largest, int(piece.max()), -int(piece.min()))
                np.copyto(numbers[start : start + _PIECE], piece, casting="unsafe")  # modulo 2^number_bits
            del numbers  # or the buffer could not be given back
        if largest > limit:
            raise Refused(
                "secagg.range", f"a number is larger in magnitude than {limit}, the total could overflow"
            )

    def mask(
        self,
        masks: Sequence[Mask],
        masked: Masked,
        tag_key: bytes,
        sign: Callable[[bytes], bytes],
        *,
        threads: int = 1,
    ) -> Masked:
        """Put masks on the numbers, tag and sign them; once.

        Args:
            masks: all that belong on the numbers.
            masked: the message but for its numbers, tag and signature.
            tag_key: from `derive_tag_key`.
            sign: signs bytes with the member's identity key.
            threads: how many parts of long numbers are masked at the same time.

        Returns:
            `masked` with tag and signature, still without the numbers.
        """
        tagger = Tagger(tag_key)
        tagger.update(masked.opening)
        with self._message.getbuffer() as buffer:
            numbers = self._view(buffer)
            apply_masks(numbers, masks, tagger.update, threads=threads)
            del numbers
        masked = replace(masked, tag=tagger.finish())
        masked = replace(masked, signature=sign(masked.statement.signed_bytes))
        self._message.seek(0)
        self._message.write(masked.opening)
        self._message.seek(NUMBERS_START + self._size_bytes)
        self._message.write(masked.dealers + masked.tag + masked.signature)
        return masked

    def encode(self) -> bytes:
        """Return the whole message; it is given away and not copied."""
        return self._message.getvalue()

    def _view(self, buffer: memoryview) -> Numbers:
        return np.frombuffer(buffer[NUMBERS_START:-MASKED_END_BYTES], dtype=self._type)
