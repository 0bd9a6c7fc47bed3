"""The local engine: a coordinator and its contributors in one process, with only bytes between them."""

from collections.abc import Callable, Mapping
from types import MappingProxyType

from hansa.engine.turn import Traffic, Turn
from hansa.errors import HansaError


class LocalEngine:
    """Carries bytes to contributors and back, one turn at a time, and decides nothing.

    Args:
        contributors: by member id, what takes a message and returns the answer.
    """

    def __init__(self, contributors: Mapping[str, Callable[[bytes], bytes]]) -> None:
        self._contributors = dict(contributors)
        self._traffic = dict.fromkeys(self._contributors, Traffic())

    @property
    def traffic(self) -> Mapping[str, Traffic]:
        """Bytes carried so far, by member id; a read-only view."""
        return MappingProxyType(self._traffic)

    def turn(self, messages: Mapping[str, bytes]) -> Turn:
        """Bring one message to each contributor named and collect the answers.

        Args:
            messages: by member id; members who are not named are not asked.

        Returns:
            Answers and failures. A failure is an expected one (`HansaError`) of that member alone; a
            defect in a contributor's code is not caught.

        Raises:
            ValueError: a message is addressed to nobody.
        Guarantees:
            Bytes down are counted before a contributor sees them; an answer counts its length, a
            failure counts nothing up.
        """
        unknown = sorted(messages.keys() - self._contributors.keys())
        if unknown:
            raise ValueError(f"no contributor is called {', '.join(f'`{name}`' for name in unknown)}")
        answers: dict[str, bytes] = {}
        failures: dict[str, HansaError] = {}
        for member, message in messages.items():
            self._count(member, down=len(message))
            try:
                answer = self._contributors[member](message)
            except HansaError as failure:
                failures[member] = failure
                continue
            self._count(member, up=len(answer))
            answers[member] = answer
        return Turn(MappingProxyType(answers), MappingProxyType(failures))

    def tell(self, messages: Mapping[str, bytes]) -> None:
        """Bring one last message to each contributor named; whether anybody hears it changes nothing."""
        self.turn(messages)

    def _count(self, member: str, *, down: int = 0, up: int = 0) -> None:
        before = self._traffic[member]
        self._traffic[member] = Traffic(before.bytes_down + down, before.bytes_up + up)
