import pytest
from chain import Chain, key_of, member_of

from hansa.coalition import (
    Handover,
    Leave,
    Tick,
    draft_handover,
    list_signers,
    parse_handover,
    replay,
    verify_signers,
)
from hansa.errors import Malformed, Refused
from hansa.transparency import Leaf

ADDRESS = "https://hub.example:8443"


@pytest.fixture
def chain():
    """Four banks, of which three make a checkpoint final, and a log of three entries."""
    chain = Chain()
    chain.say("ada", Tick())
    chain.say("bob", Tick())
    return chain


def refused(rule, call, *arguments, **options):
    with pytest.raises((Refused, Malformed)) as caught:
        call(*arguments, **options)
    assert caught.value.rule == rule


def draft(chain, signers=("ada", "bob", "cyd"), author="ada", log_key="new log"):
    envelope = draft_handover(
        chain.state, author=author, key=key_of(author), log_key=key_of(log_key).public, addresses=[ADDRESS]
    ).sign(key_of(log_key))
    for name in signers:
        envelope = envelope.sign(key_of(name))
    return envelope


def rewrite(chain, signers=("ada", "bob", "cyd", "new log"), **changes):
    body = Handover(
        size=chain.state.size,
        root=chain.state.root,
        key=key_of("new log").public.encode(),
        addresses=[ADDRESS],
    )
    return chain.write("ada", body.model_copy(update=changes), keys=tuple(key_of(name) for name in signers))


def test_enough_members_hand_the_log_over_to_another_key(chain):
    number = chain.take(draft(chain))
    state = chain.state
    assert state.log_key == key_of("new log").public
    assert state.tenures[-1].addresses == (ADDRESS,)
    assert state.log_key_at(number) == key_of("log").public
    assert state.log_key_at(number + 1) == key_of("new log").public
    chain.say("ada", Tick())
    assert replay(chain.leaves).digest == chain.state.digest


def test_a_log_can_be_handed_over_again(chain):
    chain.take(draft(chain))
    chain.say("bob", Tick())
    chain.take(draft(chain, author="bob", log_key="third log"))
    assert [tenure.key for tenure in chain.state.tenures] == [
        key_of(name).public for name in ("log", "new log", "third log")
    ]


def test_too_few_hand_nothing_over_and_each_counts_once(chain):
    refused("handover.signers", chain.take, draft(chain, signers=("ada", "bob")))
    refused("handover.signers", chain.take, draft(chain, signers=("bob", "bob", "ada")))
    chain.take(draft(chain, signers=("ada", "bob", "dan")))


def test_who_has_left_or_was_not_a_member_or_signs_with_another_key_does_not_count(chain):
    refused("envelope.signer-unknown", chain.take, draft(chain, signers=("ada", "bob", "eve")))
    written = draft(chain, signers=("ada", "bob", "dan"))
    chain.say("dan", Leave(reason=""))
    refused("envelope.signer-unknown", verify_signers, chain.state, written)
    assert verify_signers(chain.state, draft(chain)) == ("ada", "bob", "cyd")


def test_a_newcomer_that_has_not_acknowledged_does_not_count():
    chain = Chain()
    chain.admit(member_of("eve"))
    refused("envelope.signer-unknown", chain.take, draft(chain, signers=("ada", "bob", "eve")))


def test_the_new_key_signs_too_and_the_author_as_well(chain):
    refused("handover.key", chain.take, rewrite(chain, signers=("ada", "bob", "cyd")))
    refused("handover.author", chain.take, rewrite(chain, signers=("bob", "cyd", "dan", "new log")))
    chain.take(rewrite(chain))


@pytest.mark.parametrize("name", ["log", "ada", "cyd"])
def test_the_new_key_is_nobodys_yet(chain, name):
    names = {"ada", "bob", "cyd", "dan", name}
    envelope = rewrite(chain, signers=names, key=key_of(name).public.encode())
    refused("handover.key", chain.take, envelope)


def test_a_handover_follows_on_exactly_this_log(chain):
    refused("handover.size", chain.take, rewrite(chain, size=chain.state.size - 1))
    refused("handover.size", chain.take, rewrite(chain, size=chain.state.size + 1))
    refused("handover.root", chain.take, rewrite(chain, root="ab" * 32))
    written = draft(chain)
    chain.say("dan", Tick())
    refused("handover.size", chain.take, written)


def test_a_forged_signature_spoils_a_handover(chain):
    written = draft(chain)
    first, *rest = written.signatures
    forged = type(written)(
        written.payload_type, written.payload, (type(first)(first.keyid, rest[0].sig), *rest)
    )
    refused("signature.invalid", chain.take, forged)


@pytest.mark.parametrize(
    "addresses",
    [["hub.example"], ["https://Hub.example"], ["https://hub.example/\n"], ["https://a b"], [ADDRESS] * 17],
)
def test_an_address_is_one(chain, addresses):
    refused("entry.body", chain.take, rewrite(chain, addresses=addresses))


def test_signatures_come_together_in_any_order(chain):
    written = draft(chain, signers=())
    assert list_signers(chain.state, written) == ("ada",)
    refused("handover.signers", verify_signers, chain.state, written)
    together = written.sign(key_of("cyd")).merge(written.sign(key_of("bob")))
    assert together == written.sign(key_of("bob")).sign(key_of("cyd"))
    assert parse_handover(together.to_json())[0] == together
    assert verify_signers(chain.state, together) == ("ada", "bob", "cyd")
    chain.take(together)


def test_signatures_of_two_statements_do_not_come_together(chain):
    with pytest.raises(ValueError, match="two different statements"):
        draft(chain).merge(draft(chain, log_key="third log"))


def test_another_entry_is_no_handover(chain):
    refused("handover.kind", parse_handover, chain.write("ada", Tick()).to_json())


def test_a_handover_is_an_entry_like_any_other_to_the_clock_and_to_its_authors_chain(chain):
    written = draft(chain)
    refused("clock.backwards", chain.take, written, at=chain.at - 1)
    number = chain.take(written)
    assert chain.state.members["ada"].head == written.id
    refused("handover.size", chain.take, written)
    assert Leaf(chain.at, written).encode() == chain.leaves[number]


def test_what_is_no_address_is_said_when_it_is_drafted(chain):
    for addresses in (["hub.example"], [ADDRESS] * 17):
        refused(
            "handover.addresses",
            draft_handover,
            chain.state,
            author="ada",
            key=key_of("ada"),
            log_key=key_of("new log").public,
            addresses=addresses,
        )
