"""What a member's data stewards consent to: the columns that plans may have, each by a file that the steward signed.

Who is a data steward is on the record. A member that has none answers for its columns itself; where there is one, a plan
gets no column that no steward has consented to. `docs/formats/consent.md` specifies the file.
"""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Annotated, Final, Literal

from pydantic import AfterValidator, Field

from hansa.coalition import State
from hansa.errors import Malformed, Refused, Unavailable
from hansa.governance.spelling import CellText, Digest, Several, Slug, fault
from hansa.governance.validation import Form, parse_model
from hansa.node.owntable import Home
from hansa.store import write_atomically
from hansa.transparency import (
    PublicKey,
    SigningKey,
    canonical,
    parse_envelope,
    sign_envelope,
    verify_envelope,
)

CONSENT_TYPE: Final = "application/vnd.hansa.consent+json"
CONSENTS: Final = "consents"
"""The folder in a member's house; a file in it has the name of the steward's key."""


def _check_order(columns: tuple[str, ...]) -> tuple[str, ...]:
    if list(columns) != sorted(set(columns)):
        raise fault("columns", "expected each column once, in the order of their code points")
    return columns


class Consent(Form):
    """What one data steward consents to, all of it."""

    format: Literal["hansa/v1/consent"] = "hansa/v1/consent"
    coalition: Digest
    member: Slug
    name: Slug
    """Of the steward's key."""
    mapping: Digest | None
    """Under which the columns have their names; None for a table that is read as it is."""
    columns: Annotated[Several[CellText], Field(max_length=10_000), AfterValidator(_check_order)]

    def sign(self, key: SigningKey) -> bytes:
        """Return the file: a canonical envelope."""
        payload = canonical.encode(self.to_json())
        return canonical.encode(sign_envelope(CONSENT_TYPE, payload, (key,)).to_json())


def parse_consent(data: bytes, key: PublicKey) -> Consent:
    """Read a consent that a key signed.

    Raises:
        Malformed: `canonical-json.*`, `envelope.*`, `signature.invalid`; `consent.*`, a field is missing, unknown or wrong;
            `consent.type`, it is signed as something else.
    """
    envelope = parse_envelope(canonical.parse(data))
    verify_envelope(envelope, {key.fingerprint: key})
    if envelope.payload_type != CONSENT_TYPE:
        raise Malformed("consent.type", f"expected `{CONSENT_TYPE}`, got `{envelope.payload_type}`")
    return parse_model(Consent, canonical.parse(envelope.payload), "consent")


def find_stewards(state: State, member: str) -> Mapping[str, PublicKey]:
    """Return the keys of a member's data stewards, by name; those that were revoked are none."""
    record = state.members.get(member)
    delegates = () if record is None else record.delegates.values()
    return {d.name: d.key for d in delegates if d.role == "data-steward" and not d.is_revoked}


def read_consents(home: Home, state: State) -> dict[str, Consent]:
    """Return the consents in a member's folder, by data steward; who has given none is not there.

    Raises:
        Malformed: as `parse_consent`, with the file's name; `consent.other`, it is of another coalition, member or steward.
        Unavailable: the disk fails.
    """
    found = {}
    for name, key in find_stewards(state, home.member).items():
        path = consent_path(home, name)
        try:
            data = path.read_bytes()
        except FileNotFoundError:
            continue
        except OSError as error:
            raise Unavailable(f"`{path}` cannot be read: {error.strerror}") from error
        try:
            consent = parse_consent(data, key)
        except Malformed as error:
            raise Malformed(
                error.rule, f"`{path}` is not what `{home.member}/{name}` signed: {error.message}"
            ) from error
        if (consent.coalition, consent.member, consent.name) != (state.coalition, home.member, name):
            raise Malformed("consent.other", f"`{path}` is a consent of another coalition, member or steward")
        found[name] = consent
    return found


def keep_consent(home: Home, consent: Consent, key: SigningKey) -> Path:
    """Sign a consent and put it in the place of the steward's last one.

    Raises:
        Unavailable: the disk fails.
    """
    path = consent_path(home, consent.name)
    try:
        path.parent.mkdir(exist_ok=True)
        write_atomically(path, consent.sign(key))
    except OSError as error:
        raise Unavailable(f"`{path}` cannot be written: {error.strerror}") from error
    return path


def verify_consent(home: Home, state: State, columns: Sequence[str], mapping: str | None) -> None:
    """Check that a data steward consented to each column, if the member has data stewards.

    Args:
        home: the member's folder.
        state: this member's own fold.
        columns: those that a plan reads.
        mapping: the digest of the one in force, or None.

    Raises:
        Refused: `data.consent`, every column that nobody consented to.
        Malformed, Unavailable: see `read_consents`.
    """
    stewards = find_stewards(state, home.member)
    if not stewards:
        return
    consents = read_consents(home, state).values()
    given = {column for consent in consents if consent.mapping == mapping for column in consent.columns}
    before = {column for consent in consents for column in consent.columns}
    who = " or ".join(f"`{home.member}/{name}`" for name in stewards)
    reasons = [
        f"column `{column}`: "
        + (
            f"the consent to it was given under another mapping; ask {who} to look at the present one"
            if column in before
            else f"no data steward has consented to it; ask {who}"
        )
        for column in columns
        if column not in given
    ]
    if reasons:
        raise Refused("data.consent", reasons)


def consent_path(home: Home, name: str) -> Path:
    """Return where a steward's consent lies."""
    return home.folder / CONSENTS / f"{name}.json"
