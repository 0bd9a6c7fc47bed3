"""Attendance: who of a run's cohort is still there, and why the others are not.

Whoever fails, refuses or answers something that the protocol does not allow is out of the run from then on,
by name and by the name of a rule; the run goes on while enough are left. What a contributor writes in its own
words goes no further than this module.
"""

import re
from collections.abc import Callable, Mapping, Sequence
from types import MappingProxyType
from typing import Final

from hansa.engine import Engine, Frame, parse_frame
from hansa.errors import Malformed, Refused

_RULE: Final = re.compile(r"[a-z0-9-]{1,40}(?:\.[a-z0-9-]{1,40})?")


class Attendance:
    """The members of one attempt, as its coordinator reaches them.

    Args:
        engine: carries the bytes.
        run: the id of the `run_open` entry, hex.
        cohort: who takes part.
        required: members without whom the run cannot go on.
        tell: told who is out, and why, at once.
        confirm: called before anybody is given up or told to stop; raises when the run is not this coordinator's any more, and
            then nobody is.
    """

    def __init__(
        self,
        engine: Engine,
        run: str,
        cohort: Sequence[str],
        required: int,
        tell: Callable[[str, str], None],
        *,
        confirm: Callable[[], None] = lambda: None,
    ) -> None:
        self._engine = engine
        self._run = run
        self._present = list(cohort)
        self._gone: dict[str, str] = {}
        self._required = required
        self._tell = tell
        self._confirm = confirm

    @property
    def present(self) -> tuple[str, ...]:
        """Who is still there, in order."""
        return tuple(self._present)

    @property
    def gone(self) -> Mapping[str, str]:
        """Why each of the others is not; a read-only view."""
        return MappingProxyType(self._gone)

    def ask_all(self, frame: Frame, *expected: str, tries: int = 1) -> Mapping[str, Frame]:
        """Bring one frame to everybody who is still there, see `exchange`."""
        return self.exchange(dict.fromkeys(self._present, frame), *expected, tries=tries)

    def exchange(self, frames: Mapping[str, Frame], *expected: str, tries: int = 1) -> Mapping[str, Frame]:
        """Take one turn with those named that are still there; who does not answer as expected is out.

        Args:
            frames: by member id.
            expected: the words of right answers.
            tries: how often a member that does not answer at all is asked; more than once only where asking
                twice does no harm.

        Returns:
            The right answers.
        """
        right: dict[str, Frame] = {}
        # One frame for everybody is encoded once.
        encoded = {id(frame): frame.encode() for frame in frames.values()}
        messages = {name: encoded[id(frame)] for name, frame in frames.items()}
        self.gather(messages, expected, right.__setitem__, tries=tries)
        return right

    def gather(
        self,
        messages: Mapping[str, bytes],
        expected: tuple[str, ...],
        take: Callable[[str, Frame], None],
        *,
        tries: int = 1,
    ) -> None:
        """Take one turn with encoded frames, and hand over each right answer as it arrives, so that none must be kept; see `exchange`."""
        waiting = {name: message for name, message in messages.items() if name in self._present}
        for _ in range(tries):
            if not waiting:
                return
            answers = self._engine.turn(waiting).answers
            for name in answers:
                del waiting[name]
                self._judge(name, answers[name], expected, take)
        for name in waiting:
            self.drop(name, "did not answer")

    def _judge(
        self,
        name: str,
        answer: bytes | memoryview,
        expected: tuple[str, ...],
        take: Callable[[str, Frame], None],
    ) -> None:
        try:
            frame = parse_frame(answer)
        except Malformed as error:
            self.drop(name, f"sent something else than a frame ({error.rule})")
            return
        del answer  # it may be large
        if frame.word in expected:
            take(name, frame)
        elif frame.word == "refused":
            self.drop(name, f"refused: {_read_rule(frame)}")
        else:
            self.drop(
                name, f"answered with another word than {' or '.join(f'`{word}`' for word in expected)}"
            )

    def drop(self, name: str, why: str) -> None:
        """Let a member be out of the run, and tell it so."""
        self._confirm()
        self._present.remove(name)
        self._gone[name] = why
        self._tell(name, why)
        self._stop([name], why)

    def require(self) -> None:
        """Check that enough members are left.

        Raises:
            Refused: `run.contributor`, with everybody who is not and why.
        """
        if len(self._present) < self._required:
            count = (
                f"{len(self._present)} members are left, and at least {self._required} must be; begin again when the "
                "others can take part"
            )
            raise Refused(
                "run.contributor", [*(f"`{name}` {why}" for name, why in self._gone.items()), count]
            )

    def end(self, reason: str) -> None:
        """Tell everybody who is still there that the run is over."""
        self._confirm()
        self._stop(self._present, reason)

    def _stop(self, names: Sequence[str], reason: str) -> None:
        """Say it once; whether anybody hears it changes nothing."""
        message = Frame("stop", {"run": self._run, "reason": reason}).encode()
        self._engine.tell(dict.fromkeys(names, message))


def _read_rule(frame: Frame) -> str:
    """Return the rule that a contributor names, if it is one; a contributor's own words go no further."""
    rule = frame.fields.get("rule")
    return rule if isinstance(rule, str) and _RULE.fullmatch(rule) else "for a reason it does not name"
