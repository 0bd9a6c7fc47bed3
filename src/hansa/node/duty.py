"""What a node says by itself: that time has passed, when something waits for it."""

from typing import Final

from hansa.coalition import State

SECONDS_APART: Final = 2
"""Between two members that would note the time: the first one in order does, and the others see that it is done."""

_LAST_PLACE: Final = 15


def find_tick(state: State, member: str, now: int, *, is_late: bool) -> int | None:
    """Return when this member should move the log's clock, Unix seconds, or None when nothing waits for it.

    Args:
        state: its own fold.
        member: its id.
        now: its own clock.
        is_late: whether the newest checkpoint is too old for this member to cosign, and not final.

    Guarantees:
        Ticks do not follow from ticks: nobody ticks because somebody else cannot be reached.
    """
    names = [known.id for known in state.active_members]
    if member not in names:
        return None
    dues = [due for proposal in state.pending.values() if (due := proposal.due_at) is not None]
    if is_late:
        dues.append(now)
    if not dues:
        return None
    return min(dues) + SECONDS_APART * min(names.index(member), _LAST_PLACE)
