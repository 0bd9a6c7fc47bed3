"""Who is whose neighbour: all of all in a small cohort, a ring of neighbours drawn from a seed in a large one.

Masks and shares go between neighbours only, so that the cost of a member stops growing with the cohort.
"""

from collections.abc import Collection, Iterable, Iterator
from dataclasses import dataclass
from functools import cached_property
from hashlib import sha256
from itertools import count
from typing import Final

_GRAPH_LABEL: Final = b"hansa/v1/secure-sum/graph\n"


@dataclass(frozen=True)
class Graph:
    """The neighbours of a cohort's positions.

    Args:
        size: how many positions, >= 1.
        degree: neighbours of each, even and below `size - 1`; 0 for the complete graph.
        seed: 32 public bytes from which a sparse graph is drawn.
    Guarantees:
        Being neighbours is mutual, and nobody is its own neighbour.
    Source: Bell et al. 2020, "Secure single-server aggregation with (poly)logarithmic overhead", the
        k-regular graph of section 3, here as a ring with a drawn order.
    """

    size: int
    degree: int
    seed: bytes

    @cached_property
    def circle(self) -> tuple[int, ...]:
        """The positions in the order in which they sit in a circle; in a complete graph their own order."""
        return tuple(range(self.size)) if self.degree == 0 else draw_order(self.seed, self.size)

    @cached_property
    def _places(self) -> tuple[int, ...]:
        places = [0] * self.size
        for place, position in enumerate(self.circle):
            places[position] = place
        return tuple(places)

    def list_neighbours(self, position: int) -> tuple[int, ...]:
        """Name the neighbours of a position, ascending."""
        if self.degree == 0:
            return (*range(position), *range(position + 1, self.size))
        place, reach = self._places[position], self.degree // 2
        steps = (*range(-reach, 0), *range(1, reach + 1))
        return tuple(sorted(self.circle[(place + step) % self.size] for step in steps))

    @cached_property
    def neighbourhoods(self) -> tuple[int, ...]:
        """Of each position, itself and its neighbours as a set of bits (`as_bits`)."""
        if self.degree == 0:
            return (2**self.size - 1,) * self.size
        return tuple(as_bits((own, *self.list_neighbours(own))) for own in range(self.size))

    def count_thinnest(self, members: Collection[int]) -> int:
        """Count the members in the window that holds fewest of them.

        A window is `degree / 2` neighbouring places of the circle; whoever sits just before one has all
        of it on one side. In a complete graph everybody is in one window.
        """
        if self.degree == 0:
            return len(members)
        reach = self.degree // 2
        seats = [position in members for position in self.circle]
        fewest = held = sum(seats[:reach])
        for place in range(self.size):
            held += seats[(place + reach) % self.size] - seats[place]
            fewest = min(fewest, held)
        return fewest


def draw_order(seed: bytes, size: int) -> tuple[int, ...]:
    """Put the positions 0 to `size - 1` into an order that depends on the seed alone.

    Source: Fisher and Yates's shuffle, from the last place down, over numbers from SHA-256 with those
        left out that would favour some places.
    """
    numbers = _draw_numbers(seed)
    order = list(range(size))
    for last in range(size - 1, 0, -1):
        fair = 2**32 - 2**32 % (last + 1)
        number = next(number for number in numbers if number < fair)
        other = number % (last + 1)
        order[last], order[other] = order[other], order[last]
    return tuple(order)


def as_bits(positions: Iterable[int]) -> int:
    """Write a set of positions as an integer whose bit `i` tells whether `i` is in it."""
    bits = 0
    for position in positions:
        bits |= 1 << position
    return bits


def _draw_numbers(seed: bytes) -> Iterator[int]:
    for block in count():
        digest = sha256(_GRAPH_LABEL + seed + block.to_bytes(4, "little")).digest()
        for start in range(0, len(digest), 4):
            yield int.from_bytes(digest[start : start + 4], "little")
