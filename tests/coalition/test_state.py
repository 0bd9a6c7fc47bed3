import json

import pytest

from hansa.coalition import ZERO_DIGEST, Ballot, Brake, Found, LogKey, Tick, make_entry, replay
from hansa.errors import Malformed, Refused
from hansa.transparency import ENTRY_TYPE, MAX_LEAF_BYTES, Leaf, canonical, sign_envelope


def refused(chain, envelope, rule, at=None):
    before = chain.state
    with pytest.raises((Refused, Malformed)) as caught:
        chain.take(envelope, at)
    assert caught.value.rule == rule
    assert chain.state is before


def test_everybody_reaches_the_same_state_alone(chain):
    chain.say("ada", Tick())
    alone = replay(chain.leaves)
    assert alone.digest == chain.state.digest
    chain.say("bob", Tick())
    assert alone.digest != chain.state.digest


def test_nothing_comes_before_found_and_nothing_founds_twice(chain, keys):
    envelope = chain.write("ada", Tick())
    with pytest.raises(Refused) as caught:
        replay([Leaf(chain.at, envelope).encode()])
    assert caught.value.rule == "found.first"
    with pytest.raises(Refused) as caught:
        replay([*chain.leaves, chain.leaves[0]])
    assert caught.value.rule == "found.again"
    assert "entry 1" in str(caught.value)


def test_a_clock_that_runs_back_is_refused(chain):
    refused(chain, chain.write("ada", Tick()), "clock.backwards", at=chain.at - 1)


def test_two_entries_with_one_seq_are_refused(chain):
    chain.say("ada", Tick())
    record = chain.state.members["ada"]
    twin = chain.write("ada", Tick(), seq=record.next_seq - 1, prev=record.head)
    refused(chain, twin, "chain.seq")


def test_a_dropped_entry_is_noticed_by_the_next(chain):
    first = chain.write("ada", Tick())
    second = chain.write("ada", Tick(), seq=2, prev=first.id)
    refused(chain, second, "chain.seq")
    chain.take(first)
    chain.take(second)


def test_a_reordered_chain_is_refused(chain):
    first = chain.write("bob", Tick())
    second = chain.write("bob", Tick(), seq=1, prev=first.id)
    refused(chain, second, "chain.seq")
    unlinked = chain.write("bob", Tick(), prev="ab" * 32)
    refused(chain, unlinked, "chain.prev")


def test_an_entry_signed_by_another_is_refused(chain, keys):
    refused(chain, chain.write("ada", Tick(), keys=(keys("bob"),)), "envelope.signer-unknown")
    refused(chain, chain.write("ada", Tick(), keys=(keys("ada"), keys("bob"))), "envelope.signer-unknown")


def test_a_changed_signature_is_refused(chain):
    envelope = chain.write("ada", Tick())
    other = chain.write("ada", Brake(proposal="ab" * 32, reason=""))
    forged = type(envelope)(envelope.payload_type, envelope.payload, other.signatures)
    refused(chain, forged, "signature.invalid")


def test_a_stranger_is_refused(chain):
    refused(chain, chain.write("eve", Tick()), "author.unknown")


def payload(chain, **changes):
    record = chain.state.members["ada"]
    return {
        "v": 1,
        "coalition": chain.state.coalition,
        "kind": "tick",
        "author": "ada",
        "seq": record.next_seq,
        "prev": record.head,
        "body": {},
    } | changes


@pytest.mark.parametrize(
    ("changes", "rule"),
    [
        ({"kind": "decide"}, "entry.kind"),
        ({"kind": ["tick"]}, "entry.kind"),
        ({"v": 2}, "entry.version"),
        ({"v": True}, "entry.version"),
        ({"extra": 1}, "entry.fields"),
        ({"seq": "0"}, "entry.fields"),
        ({"seq": -1}, "entry.fields"),
        ({"author": None}, "entry.fields"),
        ({"body": {"note": "hello"}}, "entry.body"),
        ({"body": []}, "entry.body"),
        ({"kind": "ballot", "body": {"proposal": "ab" * 32, "choice": "maybe", "reason": ""}}, "entry.body"),
        ({"kind": "ballot", "body": {"proposal": "ab" * 32, "choice": "yes"}}, "entry.body"),
        ({"kind": "run_open", "body": {"proposal": "ab" * 32, "attempt": "1"}}, "entry.body"),
    ],
)
def test_what_is_not_of_the_form_is_refused(chain, keys, changes, rule):
    data = canonical.encode(payload(chain, **changes))
    refused(chain, sign_envelope(ENTRY_TYPE, data, (keys("ada"),)), rule)


@pytest.mark.parametrize(
    ("spoil", "rule"),
    [
        (lambda text: text.replace('"v":1', '"v":1.0'), "canonical-json.float"),
        (lambda text: text.replace('"v":1', '"v":1,"v":1'), "canonical-json.duplicate-name"),
        (lambda text: text.replace('"v":1', '"v": 1'), "canonical-json.not-canonical"),
        (lambda text: text.replace('"v":1', '"v":9007199254740992'), "canonical-json.integer-range"),
        (lambda text: json.dumps(dict(reversed(json.loads(text).items()))), "canonical-json.not-canonical"),
    ],
)
def test_a_payload_has_one_spelling(chain, keys, spoil, rule):
    text = spoil(canonical.encode(payload(chain)).decode())
    refused(chain, sign_envelope(ENTRY_TYPE, text.encode(), (keys("ada"),)), rule)


HOSTILE = "\x1b[2J\nentry 7 accepted\u202e" + "x" * 1_000


@pytest.mark.parametrize("field", ["kind", "author", "coalition", "prev"])
def test_what_a_stranger_wrote_stands_in_a_message_as_one_printable_line(chain, keys, field):
    data = canonical.encode(payload(chain, **{field: HOSTILE}))
    with pytest.raises((Refused, Malformed)) as caught:
        chain.take(sign_envelope(ENTRY_TYPE, data, (keys("ada"),)))
    assert str(caught.value).isprintable()
    assert len(str(caught.value)) < 500


def test_titles_and_reasons_are_printable(chain, keys):
    for kind, body in (
        ("propose", {"title": HOSTILE[:50], "reason": "", "effect": {"effect": "expel", "member": "dan"}}),
        ("leave", {"reason": HOSTILE[:50]}),
        ("propose", {"title": "two\nlines", "reason": "", "effect": {"effect": "expel", "member": "dan"}}),
    ):
        data = canonical.encode(payload(chain, kind=kind, body=body))
        refused(chain, sign_envelope(ENTRY_TYPE, data, (keys("ada"),)), "entry.body")


def test_a_payload_of_another_type_is_refused(chain, keys):
    data = canonical.encode(payload(chain))
    refused(chain, sign_envelope("application/json", data, (keys("ada"),)), "entry.type")


def test_base64_has_one_spelling(chain):
    text = Leaf(chain.at, chain.write("ada", Tick())).encode().decode()
    value = json.loads(text)
    encoded = value["entry"]["payload"]
    value["entry"]["payload"] = encoded.rstrip("=") if encoded.endswith("=") else encoded + "===="
    with pytest.raises(Malformed) as caught:
        replay([json.dumps(value, sort_keys=True, separators=(",", ":")).encode()], chain.state)
    assert caught.value.rule == "base64.not-canonical"


def test_a_leaf_of_65536_bytes_is_refused_and_one_byte_less_is_not_too_long(chain, keys):
    def leaf(padding):
        body = Ballot(proposal="ab" * 32, choice="yes", reason="").model_dump()
        data = canonical.encode(payload(chain, kind="ballot", body=body | {"reason": "x" * padding}))
        return Leaf(chain.at, sign_envelope(ENTRY_TYPE, data, (keys("ada"),)))

    padding = next(n for n in range(48_000, 50_000) if _size(leaf(n)) > MAX_LEAF_BYTES)
    with pytest.raises(Malformed) as caught:
        replay([_raw(leaf(padding))], chain.state)
    assert caught.value.rule == "leaf.too-long"
    with pytest.raises((Malformed, Refused)) as caught:
        replay([_raw(leaf(padding - 1))], chain.state)
    assert caught.value.rule == "entry.body"


def _raw(leaf):
    return canonical.encode({"at": "2023-11-14T22:13:20Z", "entry": leaf.envelope.to_json()})


def _size(leaf):
    return len(_raw(leaf))


def found_with(chain, key_of, members, **changes):
    body = Found(
        charter=changes.pop("charter", chain.charter.to_json()),
        log=LogKey(key=key_of("log").public.encode()),
        members=[member.to_json() for member in members],
    )
    fields = {
        "coalition": ZERO_DIGEST,
        "author": members[0].id,
        "seq": 0,
        "prev": ZERO_DIGEST,
        "keys": tuple(key_of(member.id) for member in members),
    } | changes
    return Leaf(chain.at, make_entry(body, **fields)).encode()


def founding_refused(leaf, rule):
    with pytest.raises((Refused, Malformed)) as caught:
        replay([leaf])
    assert caught.value.rule == rule


def test_every_founder_signs_or_nothing_is_founded(chain, keys, members):
    three = [members(name) for name in ("ada", "bob", "cyd")]
    assert replay([found_with(chain, keys, three)]).size == 1
    founding_refused(
        found_with(chain, keys, three, keys=(keys("ada"), keys("bob"))), "envelope.signer-missing"
    )
    strangers = (*(keys(m.id) for m in three), keys("eve"))
    founding_refused(found_with(chain, keys, three, keys=strangers), "envelope.signer-unknown")


def test_founders_are_sorted_and_distinct_and_of_known_classes(chain, keys, members):
    founding_refused(
        found_with(chain, keys, [members("bob"), members("ada"), members("cyd")]), "found.members"
    )
    founding_refused(found_with(chain, keys, [members("ada")]), "found.members")
    odd = members("cyd", member_class="clinic")
    founding_refused(found_with(chain, keys, [members("ada"), members("bob"), odd]), "found.members")
    twin = members("cyd").model_copy(update={"key": members("bob").key})
    founding_refused(
        found_with(chain, keys, [members("ada"), members("bob"), twin], keys=(keys("ada"), keys("bob"))),
        "found.members",
    )


def test_the_first_charter_has_version_1(chain, keys, members):
    three = [members(name) for name in ("ada", "bob", "cyd")]
    founding_refused(
        found_with(chain, keys, three, charter=chain.charter.to_json() | {"version": 2}), "found.charter"
    )


def test_found_names_no_coalition_and_begins_its_authors_chain(chain, keys, members):
    three = [members(name) for name in ("ada", "bob", "cyd")]
    founding_refused(found_with(chain, keys, three, coalition="ab" * 32), "entry.coalition")
    founding_refused(found_with(chain, keys, three, seq=1), "chain.seq")
    founding_refused(found_with(chain, keys, three, author="eve"), "author.unknown")
