"""The survivor set: who is in the total, and what a member checks of it before it signs."""

from hansa.errors import Malformed, Refused
from hansa.secagg.graph import as_bits
from hansa.secagg.message import Survivors
from hansa.secagg.session import Session
from hansa.secagg.statement import Masked, digest_dealers


def verify_survivors(session: Session, me: int, held: int, survivors: Survivors) -> None:
    """Check a survivor set as the hub announces it to one member.

    Args:
        session: what this member knows about the sum.
        me: its position.
        held: whose shares it holds, as a set of bits.
        survivors: what the hub says.

    Raises:
        Malformed: `secagg.set`, both secrets of somebody would be asked for, the set is not about the
            dealers, or this member is not in it; `secagg.unknown-member`; `secagg.signature`, a
            neighbour did not sign that it masked with exactly these dealers.
        Refused: `secagg.dropout`, too few are left, in all or in one part of the graph.
    """
    alive, dropped = set(survivors.survivors), set(survivors.dropped)

    def name(position: int) -> str:
        return session.cohort[position].id

    # 1. The two lists part those of our neighbourhood whose shares we hold: nobody in both, nobody in neither.
    if alive & dropped:
        names = ", ".join(f"`{name(position)}`" for position in sorted(alive & dropped))
        raise Malformed(
            "secagg.set", f"{names} is named both survivor and dropped: that asks for both secrets"
        )
    if max(alive | dropped, default=0) >= len(session.cohort):
        raise Malformed("secagg.unknown-member", "the survivor set names somebody outside the cohort")
    dealers = as_bits(alive | dropped)
    neighbourhoods = session.topology.neighbourhoods
    if dealers & neighbourhoods[me] != held:
        raise Malformed("secagg.set", "the survivor set is not about the members that dealt shares")
    # 2. It counts us in, and enough others, everywhere.
    if me not in alive:
        raise Malformed("secagg.set", "the survivor set leaves out this member, whose numbers were sent")
    verify_enough(session, alive)
    # 3. In a sparse graph, every neighbour that survived signed that it masked with exactly those dealers.
    backed = [backing.sender for backing in survivors.backings]
    expected = (
        [near for near in session.topology.list_neighbours(me) if near in alive] if session.degree else []
    )
    if backed != expected:
        raise Malformed("secagg.backing", "the survivor set does not come with what each neighbour signed")
    for backing in survivors.backings:
        sender = backing.sender
        masked = Masked(
            session.digest,
            sender,
            session.length,
            b"",
            digest_dealers(dealers & neighbourhoods[sender]),
            backing.tag,
            backing.signature,
        )
        if not session.cohort[sender].is_signed(backing.signature, masked.statement.signed_bytes):
            raise Malformed(
                "secagg.backing", f"`{name(sender)}` did not sign that it masked with exactly these dealers"
            )


def verify_enough(session: Session, alive: set[int]) -> None:
    """Check that enough survived, in all and in every window of the circle.

    Raises:
        Refused: `secagg.dropout`.
    """
    if len(alive) < session.required:
        raise Refused(
            "secagg.dropout",
            f"the survivor set holds {len(alive)} members, this sum asks for {session.required}",
        )
    if (fewest := session.topology.count_thinnest(alive)) < session.required_in_window:
        raise Refused(
            "secagg.dropout",
            f"{fewest} of {session.degree // 2} neighbours in a row survived, this sum asks for {session.required_in_window}",
        )
