"""What an engine is: it takes messages to contributors and brings their answers, one turn after the other."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Protocol

from hansa.errors import HansaError


@dataclass(frozen=True)
class Traffic:
    """What one contributor received and sent so far."""

    bytes_down: int = 0
    bytes_up: int = 0


@dataclass(frozen=True)
class Turn:
    """What came back: an answer or a failure for each contributor that was asked, never both.

    Args:
        answers: by member id. Where contributors are far away, going through it waits for the next one that
            arrives, and each answer is read when it is looked up, a long one from the disk as it is used.
        failures: whole once `answers` was gone through.
    """

    answers: Mapping[str, bytes | memoryview]
    failures: Mapping[str, HansaError]


class Engine(Protocol):
    """Carries bytes between a coordinator and its contributors, and decides nothing."""

    def turn(self, messages: Mapping[str, bytes]) -> Turn:
        """Bring one message to each contributor named and collect the answers."""

    def tell(self, messages: Mapping[str, bytes]) -> None:
        """Bring one last message to each contributor named; whether anybody hears it changes nothing."""
