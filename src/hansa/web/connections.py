"""The connections of a hub: how many there may be, and who makes room when there are too many."""

import resource
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass
from ipaddress import IPv6Address, IPv6Network
from typing import Final

_ONE_ADDRESS: Final = 4
"""One address may hold a quarter of the connections; behind a proxy, where all are one, the proxy sets limits."""

_FILES_OF_ONE: Final = 2
"""A connection is a file, and what comes or goes on it may be one."""

_OWN_FILES: Final = 64
"""What a hub has open without anybody's asking."""


@dataclass(slots=True, eq=False)
class Place:
    """One connection among the others.

    Args:
        address: where it comes from.
        hang_up: ends it, without waiting for anybody; another one once its TLS handshake is made.
    """

    address: str
    hang_up: Callable[[], None]


class Connections:
    """The connections that there are. When there are too many, the oldest on which no member has asked makes room.

    So whoever holds many open keeps members out only by opening them faster than a member says its first words.

    Args:
        most: of all addresses together.
    """

    def __init__(self, most: int) -> None:
        self._most = most
        self._few = max(4, most // _ONE_ADDRESS)
        self._held: Counter[str] = Counter()
        self._strangers: dict[Place, None] = {}
        self._members: set[Place] = set()

    def take(self, place: Place) -> None:
        """Count one more, and hang up on another one, or on this, if it is one too many."""
        if self._held[place.address] >= self._few and place.address not in {"127.0.0.1", "::1"}:
            gone = next((other for other in self._strangers if other.address == place.address), place)
        elif self._held.total() >= self._most:
            gone = next(iter(self._strangers), place)
        else:
            gone = None
        self._held[place.address] += 1
        self._strangers[place] = None
        if gone is not None:
            self.give_back(gone)
            gone.hang_up()

    def vouch(self, place: Place) -> None:
        """Note that a member has asked on a connection."""
        if place in self._strangers:
            del self._strangers[place]
            self._members.add(place)

    def give_back(self, place: Place) -> None:
        """Count one less; one that was hung up on is lost a little later, and counted no longer."""
        if place not in self._strangers and place not in self._members:
            return
        self._strangers.pop(place, None)
        self._members.discard(place)
        self._held[place.address] -= 1
        if self._held[place.address] <= 0:
            del self._held[place.address]


def group_address(host: str) -> str:
    """Return the address under which somebody is counted: of IPv6 the first half, for the rest is the caller's to choose."""
    if ":" not in host:
        return host
    address = IPv6Address(host)
    if address.ipv4_mapped is not None:
        return str(address.ipv4_mapped)
    return str(address) if address.is_loopback else str(IPv6Network((address.packed[:8] + bytes(8), 64)))


def make_room_for_files(connections: int) -> int:
    """Let this process open as many files as so many connections need, and return how many connections it has room for.

    Args:
        connections: as many as are wanted.
    """
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    wanted = _OWN_FILES + _FILES_OF_ONE * connections
    if soft != resource.RLIM_INFINITY and soft < wanted:
        soft = wanted if hard == resource.RLIM_INFINITY else min(wanted, hard)
        resource.setrlimit(resource.RLIMIT_NOFILE, (soft, hard))
    return (
        connections
        if soft == resource.RLIM_INFINITY
        else min(connections, (soft - _OWN_FILES) // _FILES_OF_ONE)
    )
