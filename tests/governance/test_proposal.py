import pytest

from hansa.errors import Malformed, Refused
from hansa.governance import (
    Admit,
    Amend,
    Expel,
    Release,
    Run,
    consent_message,
    decision_rule_for,
    parse_effect,
    verify_consent,
)
from hansa.transparency import encode_base64

COALITION = "9a" * 32
DIGEST = "ab" * 32


@pytest.fixture
def admission(make_member, make_key):
    member = make_member("eve")
    consent = make_key("eve").sign(consent_message(COALITION, member))
    return Admit(effect="admit", member=member, consent=encode_base64(consent))


def test_each_effect_is_written_and_read_again(admission, charter, plan):
    for effect in (
        admission,
        Expel(effect="expel", member="ada"),
        Amend(effect="amend", charter=charter.to_json()),
        Run(effect="run", plan=plan.to_json()),
        Release(effect="release", run=7, model=DIGEST, report=DIGEST),
    ):
        assert parse_effect(effect.to_json()) == effect


@pytest.mark.parametrize(
    "value", [None, 3, [], {}, {"effect": "buy"}, {"effect": 1}, {"effect": ["run"]}, {"effect": None}]
)
def test_an_unknown_effect_is_refused(value):
    with pytest.raises(Malformed) as caught:
        parse_effect(value)
    assert caught.value.rule == "effect.unknown"


@pytest.mark.parametrize(
    ("rule", "value"),
    [
        ("effect.field-missing", {"effect": "expel"}),
        ("effect.slug", {"effect": "expel", "member": "Ada"}),
        ("effect.field-unknown", {"effect": "expel", "member": "ada", "why": "rude"}),
        ("effect.not-canonical", {"effect": "expel", "member": 7}),
        ("effect.value", {"effect": "amend", "charter": "mine"}),
        ("effect.value", {"effect": "run", "plan": []}),
        ("effect.value", {"effect": "release", "run": -1, "model": DIGEST, "report": DIGEST}),
        ("effect.value", {"effect": "release", "run": "7", "model": DIGEST, "report": DIGEST}),
        ("effect.value", {"effect": "release", "run": True, "model": DIGEST, "report": DIGEST}),
        ("effect.digest", {"effect": "release", "run": 7, "model": "latest", "report": DIGEST}),
    ],
)
def test_a_wrong_effect_is_refused(rule, value):
    with pytest.raises(Malformed) as caught:
        parse_effect(value)
    assert caught.value.rule == rule


@pytest.mark.parametrize(
    ("rule", "changes"),
    [
        ("effect.consent", {"consent": "AAAA"}),
        ("effect.consent", {"consent": "not base64"}),
        ("effect.country", {"member": {"country": "XX"}}),
        ("effect.field-unknown", {"member": {"vote": True}}),
    ],
)
def test_a_wrong_admission_is_refused(admission, rule, changes):
    value = admission.to_json()
    for name, change in changes.items():
        value[name] = {**value[name], **change} if isinstance(change, dict) else change
    with pytest.raises(Malformed) as caught:
        parse_effect(value)
    assert caught.value.rule == rule


def test_a_newcomer_consents_to_one_coalition_and_to_its_own_particulars(admission):
    verify_consent(admission, COALITION)
    for effect, coalition in (
        (admission, "9b" * 32),
        (
            admission.model_copy(update={"member": admission.member.model_copy(update={"voting_weight": 2})}),
            COALITION,
        ),
        (admission.model_copy(update={"consent": encode_base64(bytes(64))}), COALITION),
    ):
        with pytest.raises(Malformed) as caught:
            verify_consent(effect, coalition)
        assert caught.value.rule == "admit.consent"


def test_nobody_else_can_consent_for_a_newcomer(admission, make_key):
    forged = make_key("ada").sign(consent_message(COALITION, admission.member))
    with pytest.raises(Malformed) as caught:
        verify_consent(admission.model_copy(update={"consent": encode_base64(forged)}), COALITION)
    assert caught.value.rule == "admit.consent"


def test_the_message_of_consent_begins_with_what_it_is(make_member):
    message = consent_message(COALITION, make_member("eve"))
    assert message.startswith(b'hansa/v1/admit\n{"coalition":"9a9a')


def test_an_effect_is_decided_by_its_rule(charter):
    assert decision_rule_for(charter, "run") == charter.decisions["run"]


def test_what_the_charter_does_not_list_cannot_be_decided(charter):
    closed = charter.model_copy(update={"decisions": {}})
    with pytest.raises(Refused) as caught:
        decision_rule_for(closed, "expel")
    assert caught.value.rule == "propose.undecidable"
