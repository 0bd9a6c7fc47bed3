import make_evidence
import pytest
from vectorfiles import VECTORS, read, spell

from hansa.coalition import Evidence, SignedStatement, Tick
from hansa.coalition.evidence import verify_contradiction
from hansa.errors import Malformed, Refused
from hansa.transparency import encode_base64, parse_public_key

SESSION = bytes(range(32))
KINDS = {"advert": 1, "masked": 5, "consent": 7}


def header(kind="advert", sender=3, session=SESSION, version=1, magic=b"HSUM"):
    return magic + bytes((version, KINDS[kind])) + sender.to_bytes(2, "little") + session


@pytest.fixture
def state(keys):
    """Make a statement of a member, signed as in a secure sum."""

    def make(content, member="dan", kind="advert"):
        signature = keys(member).sign(b"hansa/v1/secure-sum/" + kind.encode() + b"\n" + content)
        return SignedStatement(content=encode_base64(content), signature=encode_base64(signature))

    return make


@pytest.fixture
def contested(chain, approve, fail):
    """A coalition in which an attempt at a run was made."""
    return chain, fail(chain, approve(chain))


def show(run, first, second, **changes):
    return Evidence(
        **({"run": run.id, "member": "dan", "kind": "advert", "first": first, "second": second} | changes)
    )


def refused(chain, body, rule):
    before = chain.state
    with pytest.raises((Refused, Malformed)) as caught:
        chain.say("ada", body)
    assert caught.value.rule == rule
    assert chain.state is before


@pytest.mark.parametrize("kind", KINDS)
def test_two_statements_that_contradict_each_other_go_on_the_record(contested, state, kind):
    chain, run = contested
    before = chain.state.digest
    first, second = (state(header(kind) + end, kind=kind) for end in (b"one", b"two"))
    number = chain.say("bob", show(run, first, second, kind=kind))
    (kept,) = chain.state.evidence
    assert (kept.number, kept.author, kept.run, kept.member, kept.kind) == (
        number,
        "bob",
        run.id,
        "dan",
        kind,
    )
    assert chain.state.digest != before


def test_evidence_is_kept_once_for_each_run_member_and_kind(contested, state):
    chain, run = contested
    one, two, three = (state(header() + end) for end in (b"one", b"two", b"three"))
    chain.say("ada", show(run, one, two))
    refused(chain, show(run, two, three), "evidence.known")
    consents = (state(header("consent") + end, kind="consent") for end in (b"one", b"two"))
    chain.say("ada", show(run, *consents, kind="consent"))
    assert len(chain.state.evidence) == 2


def test_one_contradiction_is_evidence_once_whatever_attempt_it_is_brought_against(
    contested, state, approve, fail
):
    chain, run = contested
    another = fail(chain, chain.state.proposals[run.proposal])
    one, two, three = (state(header() + end) for end in (b"one", b"two", b"three"))
    chain.say("ada", show(run, one, two))
    for pair in ((one, two), (two, one), (two, three)):
        refused(chain, show(another, *pair), "evidence.known")
    elsewhere = [state(header(session=bytes(32)) + end) for end in (b"one", b"two")]
    chain.say("ada", show(another, *elsewhere))


def test_evidence_against_one_member_hides_nothing_of_another(contested, state, members, approve, fail):
    chain, run = contested
    pairs = {
        name: [state(header(sender=sender) + end, member=name) for end in (b"one", b"two")]
        for name, sender in (("cyd", 2), ("dan", 3))
    }
    for name, pair in pairs.items():
        chain.say("ada", show(run, *pair, member=name))
    assert [kept.member for kept in chain.state.evidence] == ["cyd", "dan"]


def test_evidence_punishes_nobody_by_itself(contested, state):
    chain, run = contested
    chain.say("ada", show(run, state(header() + b"one"), state(header() + b"two")))
    chain.say("dan", Tick())


def test_the_same_statement_twice_shows_nothing(contested, state):
    chain, run = contested
    refused(chain, show(run, state(header() + b"one"), state(header() + b"one")), "evidence.same")


def test_a_forged_statement_shows_nothing(contested, state):
    chain, run = contested
    forged = state(header() + b"two", member="ada")
    refused(chain, show(run, state(header() + b"one"), forged), "evidence.signature")
    refused(chain, show(run, forged, state(header() + b"one")), "evidence.signature")


def test_what_was_signed_as_another_kind_shows_nothing(contested, state):
    chain, run = contested
    other = state(header() + b"two", kind="consent")
    refused(chain, show(run, state(header() + b"one"), other), "evidence.signature")


def test_statements_of_another_member_show_nothing_of_this_one(contested, state):
    chain, run = contested
    for sender, rule in ((0, "evidence.header"), (3, "evidence.signature")):
        pair = [state(header(sender=sender) + end, member="ada") for end in (b"one", b"two")]
        refused(chain, show(run, *pair), rule)


@pytest.mark.parametrize(
    "second",
    [
        header(session=bytes(32)),  # of another sum
        header(sender=2),  # of another sender
        header("consent"),  # of another kind
        header()[:39],
    ],
)
def test_statements_about_different_things_contradict_nothing(contested, state, second):
    chain, run = contested
    refused(chain, show(run, state(header() + b"one"), state(second + b"two")), "evidence.header")


@pytest.mark.parametrize(
    "start",
    [
        header(magic=b"HSUX"),
        header(version=2),
        header("consent"),
        header(sender=4),
        header(sender=2),
        header()[:39],
        b"",
    ],
)
def test_what_is_no_statement_of_the_member_in_a_secure_sum_shows_nothing(contested, state, start):
    chain, run = contested
    refused(
        chain, show(run, state(start), state(start + b"x" if len(start) == 40 else start)), "evidence.header"
    )


def test_evidence_is_about_a_run_of_this_coalition_and_somebody_who_took_part(contested, state):
    chain, run = contested
    pair = [state(header() + end) for end in (b"one", b"two")]
    elsewhere = show(run, *pair).model_copy(update={"run": "ab" * 32})
    refused(chain, elsewhere, "run.unknown")
    refused(chain, show(run, *pair, member="zoe"), "evidence.member")


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("content", "A" * 1_372),
        ("content", "AAAA\n"),
        ("content", "AB=="),
        ("signature", "A" * 84),
        ("signature", "!" * 88),
    ],
)
def test_statements_are_short_and_in_base64(state, field, value):
    with pytest.raises(ValueError, match=field):
        SignedStatement(**(state(header() + b"one").model_dump() | {field: value}))


def test_vectors_are_fresh():
    made = {name: spell(case) for name, case in make_evidence.cases()}
    kept = {path.name: path.read_text(encoding="ascii") for path in (VECTORS / "evidence").glob("*.json")}
    assert made == kept, "run `python tests/vectors/make_evidence.py`"


@pytest.mark.parametrize(("rule", "case"), read("evidence").values(), ids=read("evidence"))
def test_vectors_are_judged_as_their_names_say(rule, case):
    body, key = Evidence.model_validate(case["body"]), parse_public_key(case["key"])
    if rule is None:
        verify_contradiction(body, key, case["position"])
        return
    with pytest.raises((Refused, Malformed)) as caught:
        verify_contradiction(body, key, case["position"])
    assert caught.value.rule == rule
