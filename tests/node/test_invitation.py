import json

import pytest
from threelog import CHARTER, key_of

from hansa.coalition import ZERO_DIGEST, Found, LogKey, Tick
from hansa.coalition.entry import write_payload
from hansa.errors import Malformed, Refused
from hansa.governance import InvalidDocument, Member, load_charter, parse_effect, verify_consent
from hansa.hub.authority import write_authority
from hansa.node.founding import Founding, name_coalition
from hansa.node.invitation import parse_invitation, read_invitation, write_admission
from hansa.transparency import canonical, encode_base64

NAMES = ("ada", "bob", "cyd")
CHARTER_JSON = load_charter(CHARTER, "charter.yaml").to_json()


def describe(name, key=None):
    member = Member(
        id=name,
        name=name.title(),
        member_class="bank",
        country="NL",
        voting_weight=1,
        key=key_of("x").public.encode(),
    ).to_json()
    del member["key"]
    return member if key is None else {**member, "key": key.public.encode()}


def invite(**changes):
    return {
        "format": "hansa/v1/invitation",
        "kind": "found",
        "hub": ["https://127.0.0.1:1"],
        "authority": write_authority(key_of("log")),
        "log_key": key_of("log").public.encode(),
        "coalition": None,
        "charter": CHARTER_JSON,
        "member": describe("ada"),
        "members": [describe(name) for name in NAMES],
        "token": encode_base64(bytes(32)),
        **changes,
    }


def parse(**changes):
    return parse_invitation(canonical.encode(invite(**changes)))


def test_an_invitation_reads_as_it_was_written():
    invitation = parse()
    assert invitation.encode() == canonical.encode(invite())
    assert (invitation.id, invitation.agreed.name) == ("ada", "Three")
    assert invitation.settings.coalition is None


def test_one_that_an_editor_changed_says_so(tmp_path):
    file = tmp_path / "invitation.json"
    file.write_bytes(canonical.encode(invite()) + b"\n")
    assert read_invitation(file) == parse()
    file.write_text(json.dumps(invite(), indent=2))
    with pytest.raises(Malformed, match=r"invitation.changed.*take the file as it was sent"):
        read_invitation(file)


@pytest.mark.parametrize(
    ("changes", "rule"),
    [
        ({"log_key": key_of("other").public.encode()}, "invitation.log-key"),
        ({"authority": "-----BEGIN"}, "authority.form"),
        ({"token": None}, "invitation.token"),
        ({"coalition": "a" * 64}, "invitation.coalition"),
        ({"member": describe("eve")}, "invitation.member"),
        ({"member": describe("ada") | {"voting_weight": 0}}, "member."),
        ({"charter": {"version": 1}}, "charter."),
        ({"kind": "other"}, "invitation."),
        ({"hub": ["http://hub.example"]}, "invitation."),
        ({"secret": 1}, "invitation."),
    ],
)
def test_an_invitation_that_contradicts_itself_is_refused(changes, rule):
    with pytest.raises((Malformed, InvalidDocument)) as caught:
        parse(**changes)
    assert rule in caught.value.rule or rule in str(caught.value)


def test_a_newcomer_signs_its_own_admission():
    invitation = parse(kind="admit", member=describe("eve"), members=[], token=None, coalition="a" * 64)
    effect = parse_effect(json.loads(json.dumps(write_admission(invitation, key_of("eve")))))
    verify_consent(effect, "a" * 64)
    assert effect.member.key == key_of("eve").public.encode()


def payload_of(author="ada", charter=CHARTER_JSON, log="log", members=None, **changes):
    if members is None:
        members = [describe(name, key_of(name)) for name in NAMES]
    body = Found(charter=charter, log=LogKey(key=key_of(log).public.encode()), members=members)
    place = {"coalition": ZERO_DIGEST, "seq": 0, "prev": ZERO_DIGEST} | changes
    return write_payload(body, author=author, **place)


@pytest.fixture
def founding():
    with Founding(parse(), key_of("ada")) as opened:
        yield opened


def test_a_founder_signs_what_was_agreed_and_sees_the_others_keys(founding):
    keys = founding.verify(payload_of())
    assert keys == {name: key_of(name).public for name in NAMES}
    assert name_coalition(payload_of()) != name_coalition(payload_of(author="bob"))


@pytest.mark.parametrize(
    ("payload", "says"),
    [
        (payload_of(charter={**CHARTER_JSON, "purpose": "Something else."}), "charter"),
        (payload_of(log="other"), "another key"),
        (payload_of(members=[describe(n, key_of(n)) for n in ("ada", "bob")]), "members"),
        (payload_of(members=[describe(n, key_of("x" if n == "ada" else n)) for n in NAMES]), "made here"),
        (
            payload_of(members=[describe(n, key_of(n)) | {"voting_weight": 1 + (n == "bob")} for n in NAMES]),
            "members",
        ),
        (payload_of(author="eve"), "first entry"),
        (payload_of(seq=1), "first entry"),
        (payload_of(coalition="b" * 64), "first entry"),
        (
            write_payload(Tick(), author="ada", coalition=ZERO_DIGEST, seq=0, prev=ZERO_DIGEST),
            "founds nothing",
        ),
    ],
)
def test_a_founder_signs_nothing_else(founding, payload, says):
    with pytest.raises(Refused, match=says) as caught:
        founding.verify(payload)
    assert caught.value.rule == "founding.payload"
