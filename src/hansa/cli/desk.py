"""The desk: where a person speaks for a member. On a stage one person plays all members; a house has one, and its node signs."""

from __future__ import annotations

import time
from pathlib import Path
from typing import TYPE_CHECKING, Final, Protocol, Self

from hansa.cli.options import stop
from hansa.errors import Refused, Unavailable

if TYPE_CHECKING:
    from collections.abc import Callable
    from types import TracebackType

    from hansa.coalition import Body, State
    from hansa.rehearsal import Stage

_STEP_SECONDS: Final = 0.02
_SEEN_SECONDS: Final = 5.0


class Desk(Protocol):
    """What commands need of a coalition in order to say something in it."""

    folder: Path

    @property
    def state(self) -> State:
        """The record, folded."""
        ...

    @property
    def voices(self) -> tuple[str, ...]:
        """The active members that can be spoken for here."""
        ...

    def say(self, member: str, *bodies: Body) -> int:
        """Write entries in a member's name and return the number of the first."""
        ...

    def settle(self) -> None:
        """Let everybody here see and cosign what was said."""
        ...

    def __enter__(self) -> Self: ...

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None: ...


class HouseDesk:
    """The desk in a member's house.

    Args:
        folder: the house.
    """

    def __init__(self, folder: Path) -> None:
        from hansa.node.house import House
        from hansa.node.intercom import Intercom

        self.folder = folder
        self.house = House(folder)
        self.node = Intercom(self.house)
        self._state: State | None = None

    @property
    def state(self) -> State:
        """The record as the mirror holds it now, folded here."""
        from hansa.cli.record import read_record
        from hansa.coalition import replay

        checkpoint = self.house.log / "checkpoint"
        end = time.monotonic() + _SEEN_SECONDS
        while not checkpoint.is_file() and time.monotonic() < end:
            self.node.status()  # says so when the node is not running; just begun, it sees the log in a moment
            time.sleep(10 * _STEP_SECONDS)
        if not checkpoint.is_file():
            raise Unavailable(
                f"the node of `{self.house.member}` has not seen the log yet; `hansa node status --folder {self.folder}` "
                "says why"
            )
        leaves = read_record(self.folder).leaves
        known = 0 if self._state is None else self._state.size
        state = replay(leaves[known:], self._state)
        assert state is not None  # a published log has an entry
        self._state = state
        return state

    @property
    def voices(self) -> tuple[str, ...]:
        """The member of the house, if it is active."""
        return tuple(member.id for member in self.state.active_members if member.id == self.house.member)

    def say(self, member: str, *bodies: Body) -> int:
        """Let the node sign entries, and return the number of the first once its fold has them.

        Args:
            member: that of the house, or it and the name of a key that lies here and that it delegates to, `ada/clara`.
            bodies: what to say.

        Raises:
            Refused: `house.member`, the node signs for its own member only; or what the fold says.
            Unavailable: the node is not running, or the hub does not take them.
        """
        member, _, name = member.partition("/")
        self._verify_own(member)
        first = self.node.say(bodies, name)[0]
        self._await(first + len(bodies) - 1)
        return first

    def rotate_key(self, member: str, ask: Callable[[], bytes]) -> int:
        """Let the node put another main key in the place of the present one, and return the number of the entry.

        Args:
            member: that of the house.
            ask: asked for the passphrase, if the present key has one; the other one gets the same.

        Raises:
            Refused: `house.member`, `key.passphrase`; or what the fold says.
            Unavailable: as `say`.
        """
        from hansa.node.keyfile import is_encrypted

        self._verify_own(member)
        self.node.status()  # nobody is asked for a passphrase while the node is not running
        number = self.node.rotate_key(ask() if is_encrypted(self.house.key) else None)
        self._await(number)
        return number

    def _verify_own(self, member: str) -> None:
        if member != self.house.member:
            raise Refused(
                "house.member",
                f"this is the house of `{self.house.member}`, whose node signs for nobody else; `{member}` speaks on its own machine",
            )

    def _await(self, number: int) -> None:
        """Wait until the mirror shows an entry that the node's own fold has."""
        end = time.monotonic() + _SEEN_SECONDS
        while self.state.size <= number:
            if time.monotonic() > end:
                raise Unavailable(f"it is entry {number} of the log; `{self.house.log}` does not show it yet")
            time.sleep(_STEP_SECONDS)

    def settle(self) -> None:
        """Do nothing: the nodes see to it."""

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        pass


def open_desk(folder: Path) -> HouseDesk | Stage:
    """Open the desk of a folder: a member's house, or a stage.

    Raises:
        Unavailable: there is neither.
    """
    from hansa.node.house import is_house
    from hansa.rehearsal import Stage

    return HouseDesk(folder) if is_house(folder) else Stage.open(folder)


def name_speaker(desk: Desk, speaker: str | None) -> str:
    """Return who speaks: who was named, or the member of the house.

    Raises:
        CycloptsError: nobody was named, and several members can be spoken for here.
    """
    if speaker is not None:
        return speaker
    if not isinstance(desk, HouseDesk):
        stop(f"`--as MEMBER` is missing: all members of `{desk.folder}` are here, so say who speaks")
    return desk.house.member


def spell_speaker(desk: Desk, member: str = "MEMBER") -> str:
    """Return the option that says who speaks, where one has to be named: the end of a command that is suggested."""
    return "" if isinstance(desk, HouseDesk) else f" --as {member}"
