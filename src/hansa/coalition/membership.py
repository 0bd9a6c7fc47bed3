"""Who belongs: admission, acknowledgement, expulsion, leaving."""

from collections.abc import Mapping
from types import MappingProxyType

from hansa.coalition.delegation import list_keys
from hansa.coalition.entry import Acknowledge, Entry, Leave
from hansa.coalition.snapshot import MemberRecord, Milestone, State
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
    if any(newcomer.key == key.encode() for record in state.members.values() for key in list_keys(record)):
        raise Refused("admit.key", f"the key of `{newcomer.id}` is or was another member's")
    if newcomer.member_class not in state.charter.classes:
        raise Refused("admit.class", f"the charter does not know the class `{newcomer.member_class}`")
    verify_consent(effect, state.coalition)


def admit(state: State, effect: Admit) -> State:
    """Make the newcomer a member that counts nowhere until it has acknowledged the state."""
    verify_admission(state, effect)
    record = MemberRecord(effect.member, parse_public_key(effect.member.key), "admitted", since=state.at)
    newcomers = MappingProxyType({**state.newcomers, record.member.id: None})
    return state.with_member(record)._replace(newcomers=newcomers)


def note_milestone(state: State) -> State:
    """Note for who was admitted with the newest entry what it will have to acknowledge.

    Fixed at that moment, so that whatever is sequenced meanwhile makes nothing impossible.
    """
    if None not in state.newcomers.values():
        return state
    here = Milestone(state.size, state.digest)
    return state._replace(
        newcomers=MappingProxyType({name: then or here for name, then in state.newcomers.items()})
    )


def write_acknowledgement(state: State, member: str) -> Acknowledge:
    """Return what a newcomer says once its own fold, `state`, has reached its admission.

    Raises:
        Refused: `acknowledge.known`, nothing is to be acknowledged.
    """
    then = _find_milestone(state, member)
    return Acknowledge(size=then.size, state=then.state)


def acknowledge(state: State, entry: Entry, body: Acknowledge) -> State:
    """Let a newcomer count, which says that its own fold came to the same state.

    Raises:
        Refused: `acknowledge.known` (it counts already), `acknowledge.size`, `acknowledge.state`.
    """
    then = _find_milestone(state, entry.author)
    if body.size != then.size:
        raise Refused(
            "acknowledge.size",
            f"`{entry.author}` was admitted with {then.size} entries on the log, and acknowledges the state after those; "
            f"got {body.size}",
        )
    if body.state != then.state:
        raise Refused(
            "acknowledge.state",
            f"after {then.size} entries the state is `{then.state}`, and `{entry.author}` comes to `{body.state}`; one of "
            "both sides was shown another log or runs another version",
        )
    record = state.members[entry.author]._replace(status="active")
    return state.with_member(record)._replace(newcomers=_without(state, entry.author))


def _find_milestone(state: State, member: str) -> Milestone:
    then = state.newcomers.get(member)
    if then is None:
        raise Refused("acknowledge.known", f"`{member}` has nothing to acknowledge")
    return then


def _without(state: State, member: str) -> Mapping[str, Milestone | None]:
    return MappingProxyType({name: then for name, then in state.newcomers.items() if name != member})


def verify_expulsion(state: State, effect: Expel) -> None:
    """Refuse an expulsion of nobody.

    Raises:
        Refused: `expel.unknown`.
    """
    record = state.members.get(effect.member)
    if record is None or not record.belongs:
        raise Refused("expel.unknown", f"`{effect.member}` is not a member, or is none any more")


def expel(state: State, effect: Expel) -> State:
    """End a membership by decision of the others."""
    verify_expulsion(state, effect)
    record = state.members[effect.member]._replace(status="expelled", since=state.at)
    return state.with_member(record)._replace(newcomers=_without(state, effect.member))


def leave(state: State, entry: Entry, _body: Leave) -> State:
    """End a membership by decision of the member itself: at once, and without asking."""
    record = state.members[entry.author]._replace(status="left", since=state.at)
    return state.with_member(record)._replace(newcomers=_without(state, entry.author))
