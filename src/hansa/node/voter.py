"""The voter: what a member says, in its own name and with its own key, which never leaves it."""

from hansa.coalition import Body, MemberRecord, State, make_entry
from hansa.errors import Refused
from hansa.transparency import Envelope, SigningKey


class Voter:
    """Writes the entries of one member.

    Args:
        member: this member's id.
        key: its identity key.
    """

    def __init__(self, member: str, key: SigningKey) -> None:
        self.member = member
        self._key = key

    def write(self, state: State, *bodies: Body) -> tuple[Envelope, ...]:
        """Write entries that continue this member's chain as `state`, its own fold, knows it.

        Raises:
            Refused: `author.unknown`, `author.left`, `author.expelled`: the member cannot speak (any more).
        """
        record = verify_may_speak(state, self.member)
        seq, prev = record.next_seq, record.head
        written: list[Envelope] = []
        for body in bodies:
            envelope = make_entry(
                body, coalition=state.coalition, author=self.member, seq=seq, prev=prev, keys=(self._key,)
            )
            written.append(envelope)
            seq, prev = seq + 1, envelope.id
        return tuple(written)


def verify_may_speak(state: State, member: str) -> MemberRecord:
    """Return the record of a member that may write entries.

    Raises:
        Refused: `author.unknown`, `author.left`, `author.expelled`.
    """
    record = state.members.get(member)
    if record is None:
        raise Refused("author.unknown", f"`{member}` is not a member of this coalition")
    if not record.belongs:
        raise Refused(f"author.{record.status}", f"`{member}` is no longer an active member")
    return record
