"""Handover: another hub continues the log, because enough members say so.

The note that they sign is the entry itself, the first one on the new hub's log after what both logs share. Specified in
`docs/formats/handover.md`.
"""

from collections.abc import Iterable

from pydantic import ValidationError

from hansa.coalition.delegation import list_keys
from hansa.coalition.entry import Entry, Handover, make_entry, parse_entry
from hansa.coalition.snapshot import State, Tenure
from hansa.errors import Malformed, Refused
from hansa.transparency import Envelope, PublicKey, SigningKey, parse_envelope, parse_public_key
from hansa.transparency.canonical import Json


def draft_handover(
    state: State, *, author: str, key: SigningKey, log_key: PublicKey, addresses: Iterable[str]
) -> Envelope:
    """Write a handover after all that `state` has folded, signed by its author; the holder of the log key signs it next.

    Args:
        state: the author's own fold.
        author: a member; usually the one whose mirror the new hub begins with.
        key: its main key.
        log_key: the new hub's.
        addresses: where the new hub will be, such as `https://hub.example:8443`.

    Raises:
        Malformed: `handover.addresses`.
    """
    record = state.members[author]
    try:
        body = Handover(size=state.size, root=state.root, key=log_key.encode(), addresses=list(addresses))
    except ValidationError:
        raise Malformed(
            "handover.addresses", "expected at most 16 addresses such as `https://hub.example:8443`"
        ) from None
    return make_entry(
        body,
        coalition=state.coalition,
        author=author,
        seq=record.next_seq,
        prev=record.head,
        keys=(key,),
    )


def parse_handover(value: Json) -> tuple[Envelope, Handover]:
    """Read a handover from the JSON object that is passed around; no signature is verified yet.

    Raises:
        Malformed: `handover.kind` (another entry), and the rules of `envelope` and `entry`.
    """
    envelope = parse_envelope(value)
    return envelope, read_handover(envelope)


def read_handover(envelope: Envelope) -> Handover:
    """Return what a handover says.

    Raises:
        Malformed: `handover.kind`, and the rules of `entry`.
    """
    entry = parse_entry(envelope)
    if not isinstance(entry.body, Handover):
        raise Malformed("handover.kind", f"this is a `{entry.kind}`, and no handover")
    return entry.body


def verify_signers(state: State, envelope: Envelope) -> tuple[str, ...]:
    """Return who signed a handover, if that is enough: as many active members as make a checkpoint final.

    The new log key signs, too. Who decides by this whether to turn to another hub needs no more of it than its own fold.

    Raises:
        Malformed: `envelope.signer-unknown`, `signature.invalid`; `handover.key`, the new log key did not sign.
        Refused: `handover.signers`, too few members.
    """
    log_key = parse_public_key(read_handover(envelope).key)
    signers = list_signers(state, envelope)
    if all(signature.keyid != log_key.fingerprint for signature in envelope.signatures):
        raise Malformed(
            "handover.key", "the new log key did not sign the handover; nobody shows that it is there"
        )
    needed = state.charter.witnesses.threshold(max(1, len(state.active_members)))
    if len(signers) < needed:
        raise Refused(
            "handover.signers",
            f"signed by {len(signers)} active members ({', '.join(signers) or 'none'}), and {needed} must",
        )
    return signers


def list_signers(state: State, envelope: Envelope) -> tuple[str, ...]:
    """Return the active members that signed a handover so far, in order of id.

    Raises:
        Malformed: `envelope.signer-unknown` (neither an active member's main key nor the new log key), `signature.invalid`.
    """
    log_key = parse_public_key(read_handover(envelope).key)
    names = {state.members[member.id].key.fingerprint: member.id for member in state.active_members}
    keys = {state.members[name].key.fingerprint: state.members[name].key for name in names.values()}
    keys[log_key.fingerprint] = log_key
    for signature in envelope.signatures:
        key = keys.get(signature.keyid)
        if key is None:
            raise Malformed(
                "envelope.signer-unknown",
                f"the key `{signature.keyid[:16]}…` is neither an active member's main key nor the new log key",
            )
        key.verify(signature.sig, envelope.signed_bytes)
    return tuple(sorted(names[s.keyid] for s in envelope.signatures if s.keyid in names))


def verify_handover(state: State, entry: Entry, envelope: Envelope, body: Handover) -> None:
    """Check the signatures of a handover and that it continues exactly this log.

    Args:
        state: the fold before the entry.
        entry: the handover.
        envelope: with all signatures.
        body: what it says.

    Raises:
        Malformed, Refused: `handover.size`, `handover.root`, `handover.key`, `handover.author`, `handover.signers`, or as
            `verify_signers`.
    """
    if body.size != state.size:
        raise Refused(
            "handover.size",
            f"this handover follows on {body.size} entries, and there are {state.size}; nothing comes in between",
        )
    if body.root != state.root:
        raise Refused(
            "handover.root", f"the first {body.size} entries have the root `{state.root}`, not `{body.root}`"
        )
    key = parse_public_key(body.key)
    if key in set(_list_all_keys(state)):
        raise Refused("handover.key", "the new log key is or was the log's or a member's; draw another one")
    if entry.author not in verify_signers(state, envelope):
        raise Refused("handover.author", f"`{entry.author}`, who writes the handover, did not sign it")


def take_over(state: State, body: Handover) -> State:
    """Let the new key sign the log from here on."""
    tenure = Tenure(state.size, parse_public_key(body.key), tuple(body.addresses))
    return state._replace(tenures=(*state.tenures, tenure))


def _list_all_keys(state: State) -> Iterable[PublicKey]:
    yield from (tenure.key for tenure in state.tenures)
    for record in state.members.values():
        yield from list_keys(record)
