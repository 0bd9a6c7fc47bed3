"""The gate: who asks, checked before anything that is asked counts.

The steps carry the numbers of `docs/formats/wire.md`. A request that came through was signed by a key that the
hub's own fold knows, for this host, now, and for the first time.
"""

from collections import deque
from collections.abc import Callable, Collection, Mapping
from typing import Final, NamedTuple

from hansa.coalition import MemberRecord, Role, State, find_key
from hansa.errors import Malformed, Refused
from hansa.hub.limits import Limiter, TooOften
from hansa.transparency.quoting import quote
from hansa.transparency.request import Target, parse_signed_request

TOLERANCE_SECONDS: Final = 300
"""How far a request's time may be off the hub's own clock."""

GRACE_SECONDS: Final = 86_400
"""How long whoever is no longer a member may still read the log: its node sees for itself that it has left."""

MAX_NONCES: Final = 200_000
"""Nonces of one member that are remembered at a time."""


class Caller(NamedTuple):
    """Who asks.

    Args:
        member: id on the record.
        body_digest: SHA-256 that the body must have, 32 bytes.
        role: of the delegated key that signed; None for the main key.
    """

    member: str
    body_digest: bytes
    role: Role | None = None


class Gate:
    """Lets members in. Not for several threads.

    Args:
        authorities: host and port under which this hub was told that it is reached.
        state: returns the hub's fold.
        clock: returns Unix seconds.
        limiter: how often a member may ask.
    """

    def __init__(
        self,
        authorities: Collection[str],
        state: Callable[[], State],
        clock: Callable[[], float],
        limiter: Limiter,
    ) -> None:
        self._authorities = frozenset(authorities)
        self._state = state
        self._clock = clock
        self._limiter = limiter
        self._nonces: dict[str, _Nonces] = {}
        # What was signed before this hub began could have been said to the hub before it.
        self._began = int(clock())

    def admit(self, target: Target, headers: Mapping[str, str], tick: float) -> Caller:
        """Check who asks.

        Args:
            target: what is asked, with the host as the request names it.
            headers: by name in lower case, each of them once.
            tick: seconds of a clock that never runs back.

        Raises:
            Malformed: `request.unsigned`, `request.form`, `signature.invalid`.
            Refused: `request.host`, `request.member`, `request.clock`, `request.replay`, `request.rate`.
        """
        # 1. The form, and that it is for this host.
        request = parse_signed_request(headers)
        if target.authority not in self._authorities:
            raise Refused("request.host", f"this hub is not called {quote(target.authority, 80)}")
        # 2. A key of a member.
        state = self._state()
        now = int(self._clock())
        try:
            record, delegate, key = find_key(state, request.key_id)
        except Refused as refusal:
            former = state.members.get(request.key_id)
            if former is None or not _may_look_back(former, target, now):
                raise Refused("request.member", refusal.reasons) from None
            record, delegate, key = former, None, former.key
        # 3. Now.
        if abs(request.created - now) > TOLERANCE_SECONDS:
            raise Refused(
                "request.clock",
                f"the request was signed {request.created - now} seconds off the hub's clock; "
                f"at most {TOLERANCE_SECONDS} are let pass",
            )
        # 4. The signature.
        request.verify(target, key)
        # 5. For the first time.
        if request.created < self._began:
            raise Refused("request.replay", "the request was signed before this hub began; sign it again")
        nonces = self._nonces.setdefault(request.key_id, _Nonces())
        nonces.require_new(request.nonce, now)
        # 6. Not too often. Only now: nobody else can spend what is the member's, also not with what it said before.
        self._limiter.spend(record.member.id, tick)
        nonces.keep(request.nonce, now)
        return Caller(record.member.id, request.body_digest, None if delegate is None else delegate.role)


def _may_look_back(former: MemberRecord, target: Target, now: int) -> bool:
    """Say whether somebody who is no longer a member asks for the log, and not too late to see that it is none."""
    is_log = target.path == "/checkpoint" or target.path.startswith("/tile/")
    return target.method == "GET" and is_log and not former.belongs and now - former.since <= GRACE_SECONDS


class _Nonces:
    """What a member has used within the time in which it could be used again."""

    def __init__(self) -> None:
        self._used: set[bytes] = set()
        self._order: deque[tuple[int, bytes]] = deque()

    def require_new(self, nonce: bytes, now: int) -> None:
        # Twice the tolerance: a request may be signed ahead of the hub's clock.
        while self._order and self._order[0][0] < now - 2 * TOLERANCE_SECONDS:
            self._used.discard(self._order.popleft()[1])
        if nonce in self._used:
            raise Refused("request.replay", "this request was made before; sign it again")

    def keep(self, nonce: bytes, now: int) -> None:
        if len(self._used) >= MAX_NONCES:
            raise TooOften(TOLERANCE_SECONDS)
        self._used.add(nonce)
        self._order.append((now, nonce))


def verify_role(caller: Caller, *, entries: bool = False) -> None:
    """Check that the key that signed a request may ask for more than to read.

    Args:
        caller: who asks.
        entries: whether entries are brought; what they may say the fold knows, by the keys that signed them.

    Raises:
        Refused: `request.role`.
    """
    if caller.role is not None and not (entries and caller.role != "viewer"):
        raise Refused("request.role", f"this takes the main key of `{caller.member}`, not a {caller.role}'s")


def verify_body(caller: Caller, digest: bytes) -> None:
    """Check, when a body is whole, that it is the one that was signed.

    Raises:
        Malformed: `request.digest`.
    """
    # 7. The digest.
    if digest != caller.body_digest:
        raise Malformed("request.digest", "the body is not the one that was signed")
