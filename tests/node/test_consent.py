import pytest
from chain import Chain, key_of

from hansa.coalition import Key, introduce_key
from hansa.errors import Malformed, Refused
from hansa.governance import InvalidDocument, load_plan
from hansa.learning import recipe_digest
from hansa.node.consent import (
    CONSENT_TYPE,
    Consent,
    consent_path,
    find_stewards,
    keep_consent,
    parse_consent,
    read_consents,
    verify_consent,
)
from hansa.node.owntable import PlainHome
from hansa.node.rundata import RunData
from hansa.transparency import canonical, sign_envelope

DORIS = key_of("doris")
MAPPING = "ab" * 32


class Member:
    """Ada, her folder, and a record on which Doris is her data steward."""

    def __init__(self, folder):
        self.chain = Chain()
        self.home = PlainHome("ada", folder)
        grant = introduce_key(self.chain.state.coalition, "ada", DORIS, name="doris", role="data-steward")
        self.chain.say("ada", grant)

    @property
    def state(self):
        return self.chain.state

    def consent(self, *columns, key=DORIS, mapping=MAPPING, **changes):
        said = {"coalition": self.state.coalition, "member": "ada", "name": "doris"} | changes
        return keep_consent(self.home, Consent(**said, mapping=mapping, columns=columns), key)

    def verify(self, *columns, mapping=MAPPING):
        verify_consent(self.home, self.state, columns, mapping)

    def refuse(self, *columns, **words):
        with pytest.raises(Refused) as caught:
            self.verify(*columns, **words)
        assert caught.value.rule == "data.consent"
        return caught.value.reasons


@pytest.fixture
def ada(tmp_path):
    return Member(tmp_path)


def test_who_has_no_data_steward_answers_for_its_columns_itself(ada):
    verify_consent(PlainHome("bob", ada.home.folder), ada.state, ["x"], None)


def test_columns_to_which_a_steward_consented_are_there_for_plans_and_all_others_are_named(ada):
    assert len(ada.refuse("x", "y")) == 2
    ada.consent("x")
    ada.verify("x")
    (reason,) = ada.refuse("x", "y")
    assert reason == "column `y`: no data steward has consented to it; ask `ada/doris`"


def test_a_consent_holds_for_one_mapping(ada):
    ada.consent("x")
    assert "another mapping" in ada.refuse("x", mapping="cd" * 32)[0]
    assert "another mapping" in ada.refuse("x", mapping=None)[0]
    ada.consent("x", mapping=None)
    ada.verify("x", mapping=None)


def test_a_new_consent_takes_the_place_of_the_last(ada):
    ada.consent("x", "y")
    ada.consent("y")
    ada.verify("y")
    ada.refuse("x")


def test_a_steward_whose_key_was_revoked_consents_to_nothing(ada):
    ada.consent("x")
    erik = introduce_key(ada.state.coalition, "ada", key_of("erik"), name="erik", role="data-steward")
    ada.chain.say("ada", erik)
    ada.chain.say("ada", Key(act="revoke", name="doris", role="", key="", proof=""))
    assert list(find_stewards(ada.state, "ada")) == ["erik"]
    ada.refuse("x")
    ada.consent("x", name="erik", key=key_of("erik"))
    ada.verify("x")


@pytest.mark.parametrize("role", ["viewer", "representative"])
def test_nobody_else_consents(ada, role):
    carl = introduce_key(ada.state.coalition, "ada", key_of("carl"), name="carl", role=role)
    ada.chain.say("ada", carl)
    ada.consent("x", name="carl", key=key_of("carl"))
    ada.refuse("x")


def test_a_file_that_the_steward_did_not_sign_ends_it(ada):
    path = ada.consent("x", key=key_of("ada"))
    with pytest.raises(Malformed, match="is not what `ada/doris` signed"):
        ada.verify("x")
    path.write_bytes(ada.consent("x").read_bytes().replace(b'"sig":"', b'"sig":"AAAA'))
    with pytest.raises(Malformed):
        ada.verify("x")


@pytest.mark.parametrize("changes", [{"coalition": "0" * 64}, {"member": "bob"}])
def test_a_consent_of_another_coalition_or_member_ends_it(ada, changes):
    ada.consent("x", **changes)
    with pytest.raises(Malformed) as caught:
        read_consents(ada.home, ada.state)
    assert caught.value.rule == "consent.other"


def test_a_consent_in_the_place_of_anothers_ends_it(ada):
    other = ada.consent("x", name="erik")
    other.rename(consent_path(ada.home, "doris"))
    with pytest.raises(Malformed) as caught:
        read_consents(ada.home, ada.state)
    assert caught.value.rule == "consent.other"


def test_what_was_signed_as_something_else_is_no_consent(ada):
    made = Consent(coalition=ada.state.coalition, member="ada", name="doris", mapping=None, columns=("x",))
    payload = canonical.encode(made.to_json())
    envelope = sign_envelope("application/vnd.hansa.entry+json", payload, (DORIS,))
    with pytest.raises(Malformed) as caught:
        parse_consent(canonical.encode(envelope.to_json()), DORIS.public)
    assert caught.value.rule == "consent.type"
    assert parse_consent(made.sign(DORIS), DORIS.public) == made


@pytest.mark.parametrize(
    ("change", "rule"),
    [
        ({"columns": ["b", "a"]}, "consent.columns"),
        ({"columns": ["a", "a"]}, "consent.columns"),
        ({"until": 7}, "consent.field-unknown"),
        ({"mapping": "x"}, "consent.digest"),
    ],
)
def test_a_consent_of_another_form_is_refused(ada, change, rule):
    made = Consent(coalition=ada.state.coalition, member="ada", name="doris", mapping=None, columns=("x",))
    payload = canonical.encode(made.to_json() | change)
    data = canonical.encode(sign_envelope(CONSENT_TYPE, payload, (DORIS,)).to_json())
    with pytest.raises(InvalidDocument) as caught:
        parse_consent(data, DORIS.public)
    assert caught.value.rule == rule


PLAN = """
version: 1
name: A plan
purpose: Try things out.
recipe: {name: logistic}
label: {name: y, positive: "1", negative: "0"}
features: [{name: x, type: number, minimum: 0, maximum: 1}]
cohort: {members: all, minimum: 3}
split: {kind: group, column: person, test: 3/10}
privacy: {noise: none}
bars: [{metric: auc_together, at_least: 0.80}]
leaves: [{what: sums, to: members}]
"""


def test_a_run_is_refused_before_a_row_is_read(ada):
    plan = load_plan(PLAN, "plan.yaml", recipe_digest=recipe_digest())
    table = ada.home.folder / "data.csv"
    table.write_bytes(b"\xff no table at all")
    data = RunData(ada.home, lambda: ada.state)
    ada.consent("x", "y", mapping=None)
    with pytest.raises(Refused) as caught:
        data.load(plan)
    assert (caught.value.rule, len(caught.value.reasons)) == ("data.consent", 1)
    assert "column `person`" in caught.value.reasons[0]
    ada.consent("person", "x", "y", mapping=None)
    with pytest.raises(Refused) as caught:
        data.load(plan)
    assert caught.value.rule == "data.encoding"  # now it was opened
