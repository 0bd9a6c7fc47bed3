"""The `found` entry: a charter, a log key and members that all signed."""

from types import MappingProxyType

from hansa.coalition.entry import ZERO_DIGEST, Entry, Found
from hansa.coalition.snapshot import MemberRecord, State, Tenure
from hansa.errors import Malformed, Refused
from hansa.governance import Charter, Member, lint_charter, parse_charter, parse_member
from hansa.transparency import Envelope, parse_public_key, verify_envelope
from hansa.transparency.quoting import quote


def found(envelope: Envelope, entry: Entry, at: int) -> State:
    """Return the state of a coalition that consists of its `found` entry.

    Raises:
        Refused: `found.first`, `entry.coalition`, `found.charter`, `found.members`, `author.unknown`.
        Malformed: a founder's signature is missing or wrong, the author's chain does not begin at 0.
    """
    if not isinstance(entry.body, Found):
        raise Refused("found.first", f"the first entry founds the coalition; got `{entry.kind}`")
    if entry.coalition != ZERO_DIGEST:
        raise Refused("entry.coalition", "`found` names no coalition: expected 64 zeros")
    charter = parse_charter(entry.body.charter)
    members = tuple(parse_member(value) for value in entry.body.members)
    _verify_founders(charter, members)
    keys = {member.id: parse_public_key(member.key) for member in members}
    if entry.author not in keys:
        raise Refused("author.unknown", f"the author {quote(entry.author)} is not among the founders")
    verify_envelope(envelope, {key.fingerprint: key for key in keys.values()})
    if entry.seq != 0 or entry.prev != ZERO_DIGEST:
        raise Malformed("chain.seq", "`found` is its author's first entry: `seq` 0, `prev` 64 zeros")
    records = {m.id: MemberRecord(m, keys[m.id], "active", since=0) for m in members}
    author = records[entry.author]
    records[entry.author] = MemberRecord(author.member, author.key, "active", 0, next_seq=1, head=entry.id)
    tenure = Tenure(1, parse_public_key(entry.body.log.key))
    return State(entry.id, 1, at, charter, (tenure,), MappingProxyType(records))


def _verify_founders(charter: Charter, members: tuple[Member, ...]) -> None:
    problems = []
    ids = [member.id for member in members]
    if len(members) < 2:
        problems.append("a coalition has at least two founders")
    if ids != sorted(set(ids)):
        problems.append("founders are sorted by id, each once")
    if len({member.key for member in members}) != len(members):
        problems.append("each founder has a key of its own")
    problems += [
        f"`{m.id}` is of class `{m.member_class}`, which the charter does not know"
        for m in members
        if m.member_class not in charter.classes
    ]
    if problems:
        raise Refused("found.members", problems)
    errors = [finding.message for finding in lint_charter(charter, members) if finding.level == "error"]
    if charter.version != 1:
        errors.insert(0, f"the first charter has version 1, got {charter.version}")
    if errors:
        raise Refused("found.charter", errors)
