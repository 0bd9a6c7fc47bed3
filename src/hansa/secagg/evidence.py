"""Evidence: two statements that one member signed, of one kind and in one sum, and that differ.

An honest machine signs one statement of each kind in a sum. Whoever holds two has proof that needs no
trust in whoever found it: both signatures, and the first 40 bytes, which say kind, sender and sum.
"""

from dataclasses import dataclass
from typing import Literal, TypeAlias, cast

from hansa.errors import Malformed
from hansa.secagg.header import HEADER_BYTES, Bytes, Kind, parse_header
from hansa.secagg.session import Session
from hansa.secagg.statement import Statement, parse_advert, parse_consent, parse_masked

ConflictKind: TypeAlias = Literal["advert", "masked", "consent"]


@dataclass(frozen=True)
class Conflict:
    """Two signed statements of one member that cannot both be honest.

    Args:
        member: who signed them.
        kind: of which kind they are.
        first: the one that was seen first.
        second: another one.
    """

    member: str
    kind: ConflictKind
    first: Statement
    second: Statement


class Witness:
    """Checks who signed what in one sum, remembers what each member signed first, and what contradicts it.

    Args:
        session: the sum.
    Guarantees:
        At most one conflict a member and kind is kept. The same content again is none.
    """

    def __init__(self, session: Session) -> None:
        self._session = session
        self._first: dict[bytes, Statement] = {}
        self._conflicts: dict[bytes, Conflict] = {}

    @property
    def conflicts(self) -> tuple[Conflict, ...]:
        """All that were found, in the order of their finding."""
        return tuple(self._conflicts.values())

    def hear(self, index: int, statement: Statement) -> None:
        """Take a statement of this sum in the name of the member at a position.

        Raises:
            Malformed: `secagg.signature`, the member did not sign it.
        """
        party, header = self._session.cohort[index], statement.content[:HEADER_BYTES]
        if not party.is_signed(statement.signature, statement.signed_bytes):
            raise Malformed(
                "secagg.signature",
                f"the message `{statement.kind.label}` is not signed with the identity key on the record",
            )
        first = self._first.setdefault(header, statement)
        if first.content != statement.content:
            kind = cast("ConflictKind", statement.kind.label)
            self._conflicts.setdefault(header, Conflict(party.id, kind, first, statement))

    def overhear(self, index: int, message: Bytes) -> None:
        """Look whether a message that was refused contradicts what its sender signed before."""
        try:
            header = parse_header(message)
            if header.session != self._session.digest or header.sender != index:
                return
            if header.kind is Kind.ADVERT:
                self.hear(index, parse_advert(message).statement)
            elif header.kind is Kind.MASKED:
                self.hear(index, parse_masked(message, self._session.number_bits).statement)
            elif header.kind is Kind.CONSENT:
                self.hear(index, parse_consent(message).statement)
        except Malformed:
            return  # whatever it is, the member did not sign it
