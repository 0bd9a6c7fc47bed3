"""Fixed-point integers: real numbers with a declared bound, as integers whose total cannot overflow."""

from collections.abc import Iterator
from functools import cached_property
from hashlib import sha256
from typing import Final, Literal

import numpy as np
from numpy.typing import NDArray

from hansa.errors import Refused

SPARE_BITS: Final = 2
"""Totals of 64-bit integers stay within 2^62, half of what they hold with a sign: room for rounding."""

LARGEST_SCALE_BITS: Final = 50
"""Binary places after which more precision would only describe the rounding of a float64."""

_SCALE_LABEL: Final = b"hansa/v1/secure-sum/scale\n"
_NAMED_COORDINATES: Final = 5
_PIECE: Final = 2**15
"""Coordinates that are worked on at a time: they stay in the cache, and nothing but the result is as long as the vector."""


class Quantiser:
    """The scale of each coordinate of a sum, derived from public bounds alone.

    Coordinate `j` is multiplied by 2^bits_j with bits_j = number_bits - 2 - ceil(log2(contributors *
    bounds_j)), kept between 0 and 50, and rounded to the nearest integer, ties to even.

    Args:
        bounds: shape (n,), float64, finite, >= 0; the largest magnitude one contributor may send. Copied unless read-only.
        contributors: how many vectors are summed, >= 1.
        number_bits: bits of the integers of the sum, 32 or 64.

    Raises:
        Refused: `secagg.range`, a bound is not a finite number >= 0, or the total of a coordinate
            could pass 2^62 (2^30 for integers of 32 bits) even without binary places.
        ValueError: the shape is not (n,), or there is no contributor.
    Guarantees:
        The total of `contributors` encoded vectors, taken modulo 2^number_bits, is their exact sum.
        `decode(encode(values))` differs from `values` by at most 2^(-bits_j - 1) a contributor.
    """

    def __init__(
        self, bounds: NDArray[np.float64], contributors: int, number_bits: Literal[32, 64] = 64
    ) -> None:
        if contributors < 1:
            raise ValueError(f"a sum needs contributors, got {contributors}")
        if bounds.ndim != 1:
            raise ValueError(f"bounds have the shape (n,), got {bounds.shape}")
        self._bounds = np.array(bounds, dtype=np.float64) if bounds.flags.writeable else bounds
        total_bits = number_bits - SPARE_BITS
        self.bits: NDArray[np.uint8] = np.empty(len(bounds), dtype=np.uint8)
        """Shape (n,), uint8: binary places of each coordinate."""
        unfit, excessive = _Places(), _Places()
        for piece in self._pieces():
            unfit.note(piece, ~(np.isfinite(self._bounds[piece]) & (self._bounds[piece] >= 0)))
            with np.errstate(
                over="ignore", invalid="ignore"
            ):  # what overflows or is no number is refused below
                largest_total = self._bounds[piece] * contributors
                excessive.note(piece, largest_total > 2.0**total_bits)
                mantissa, exponent = np.frexp(largest_total)
            ceiling = np.where(mantissa == 0.5, exponent - 1, exponent)
            bits = np.where(largest_total > 0, total_bits - ceiling, LARGEST_SCALE_BITS)
            self.bits[piece] = np.clip(bits, 0, LARGEST_SCALE_BITS)
        unfit.refuse("a bound must be a finite number >= 0")
        excessive.refuse(f"the total of {contributors} contributors could pass 2^{total_bits}")

    @cached_property
    def digest(self) -> bytes:
        """32 bytes over the scale; two parties with the same digest mean the same numbers."""
        return sha256(_SCALE_LABEL + len(self.bits).to_bytes(8, "little") + self.bits.tobytes()).digest()

    def encode(self, values: NDArray[np.float64]) -> NDArray[np.int64]:
        """Write one contributor's values as integers.

        Args:
            values: shape (n,), float64.

        Returns:
            Shape (n,), int64.

        Raises:
            Refused: `secagg.range`, a value is not finite or passes its bound; `secagg.length`, the
                shape is another one.
        """
        self._check_shape(values.shape)
        wrong = _Places()
        for piece in self._pieces():
            with np.errstate(invalid="ignore"):  # comparing with NaN is what finds it
                wrong.note(piece, ~(np.abs(values[piece]) <= self._bounds[piece]))
        wrong.refuse("a value is not finite or passes its declared bound")
        encoded = np.empty(len(values), dtype=np.int64)
        for piece in self._pieces():
            encoded[piece] = np.rint(values[piece] * self._scale(piece))
        return encoded

    def decode(self, total: NDArray[np.int64]) -> NDArray[np.float64]:
        """Read a total of encoded vectors.

        Args:
            total: shape (n,), int64.

        Returns:
            Shape (n,), float64.

        Raises:
            Refused: `secagg.length`, the shape is another one.
        """
        self._check_shape(total.shape)
        decoded = np.empty(len(total))
        for piece in self._pieces():
            np.divide(total[piece], self._scale(piece), out=decoded[piece])
        return decoded

    def _pieces(self) -> Iterator[slice]:
        return (slice(start, start + _PIECE) for start in range(0, len(self.bits), _PIECE))

    def _scale(self, piece: slice) -> NDArray[np.float64]:
        return np.ldexp(1.0, self.bits[piece].astype(np.int32))

    def _check_shape(self, shape: tuple[int, ...]) -> None:
        if shape != self.bits.shape:
            raise Refused("secagg.length", f"expected {len(self.bits)} numbers, got the shape {shape}")


class _Places:
    """Coordinates at which something is wrong."""

    def __init__(self) -> None:
        self._first: list[int] = []
        self._count = 0

    def note(self, piece: slice, wrong: NDArray[np.bool_]) -> None:
        """Note which coordinates of a piece are wrong."""
        found = np.flatnonzero(wrong) + piece.start
        self._count += len(found)
        self._first += found[: _NAMED_COORDINATES - len(self._first)].tolist()

    def refuse(self, what: str) -> None:
        """Refuse when any coordinate is wrong, naming the first ones but never their values."""
        if self._count:
            names = ", ".join(map(str, self._first))
            rest = self._count - len(self._first)
            more = f" and {rest} more" if rest else ""
            raise Refused("secagg.range", f"{what} (coordinates {names}{more})")
