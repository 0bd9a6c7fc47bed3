"""Who belongs: admission, expulsion, leaving."""

from hansa.coalition.entry import Entry, Leave
from hansa.coalition.snapshot import MemberRecord, State
from hansa.errors import Refused
from hansa.governance import Admit, Expel, verify_consent
from hansa.transparency import parse_public_key


def verify_admission(state: State, effect: Admit) -> None:
    """Refuse an admission that could not take effect.

    Raises:
        Refused: `admit.known`, `admit.key`, `admit.class`.
        Malformed: the newcomer did not sign its own admission (`admit.consent`).
    """
    newcomer = effect.member
    if newcomer.id in state.members:
        raise Refused("admit.known", f"the id `{newcomer.id}` is or was a member's; ids are never used again")
    if any(record.member.key == newcomer.key for record in state.members.values()):
        raise Refused("admit.key", f"the key of `{newcomer.id}` is or was another member's")
    if newcomer.member_class not in state.charter.classes:
        raise Refused("admit.class", f"the charter does not know the class `{newcomer.member_class}`")
    verify_consent(effect, state.coalition)


def admit(state: State, effect: Admit) -> State:
    """Make the newcomer a member."""
    verify_admission(state, effect)
    record = MemberRecord(effect.member, parse_public_key(effect.member.key), "active", since=state.at)
    return state.with_member(record)


def verify_expulsion(state: State, effect: Expel) -> None:
    """Refuse an expulsion of nobody.

    Raises:
        Refused: `expel.unknown`.
    """
    record = state.members.get(effect.member)
    if record is None or not record.is_active:
        raise Refused("expel.unknown", f"`{effect.member}` is not an active member")


def expel(state: State, effect: Expel) -> State:
    """End a membership by decision of the others."""
    verify_expulsion(state, effect)
    return state.with_member(state.members[effect.member]._replace(status="expelled", since=state.at))


def leave(state: State, entry: Entry, _body: Leave) -> State:
    """End a membership by decision of the member itself: at once, and without asking."""
    return state.with_member(state.members[entry.author]._replace(status="left", since=state.at))
