import pytest

from hansa.coalition import (
    KINDS,
    MAY_WRITE,
    Ballot,
    Brake,
    Key,
    Leave,
    Propose,
    Tick,
    apply,
    find_key,
    possession_message,
    replay,
)
from hansa.errors import Malformed, Refused
from hansa.transparency import ENTRY_TYPE, Leaf, canonical, encode_base64, sign_envelope

ROLES = tuple(MAY_WRITE)


def refused(rule, call, *arguments, **options):
    with pytest.raises((Refused, Malformed)) as caught:
        call(*arguments, **options)
    assert caught.value.rule == rule


@pytest.fixture
def propose_key(chain, keys):
    """Write what gives a member another key; `seed` names the key."""

    def write(member, seed, label="", purpose="", **changes):
        message = possession_message(chain.state.coalition, member, label, purpose)
        fields = {
            "act": "grant" if purpose else "rotate",
            "name": label,
            "role": purpose,
            "key": keys(seed).public.encode(),
            "proof": encode_base64(keys(seed).sign(message)),
        }
        return Key(**fields | changes)

    return write


@pytest.fixture
def delegated(chain, propose_key):
    """Ada has granted a key of each role, called as the role."""
    for role in ROLES:
        chain.say("ada", propose_key("ada", f"ada's {role}", role, role))
    return chain


def revoke(name):
    return Key(act="revoke", name=name, role="", key="", proof="")


def test_a_representative_votes_with_its_own_key_in_its_members_name(delegated, keys, plan):
    key = keys("ada's representative")
    effect = {"effect": "run", "plan": plan.to_json()}
    number = delegated.say("ada", Propose(title="Run", reason="", effect=effect), keys=(key,))
    proposal = delegated.state.proposal(number)
    assert proposal.author == "ada"
    delegated.say("ada", Ballot(proposal=proposal.id, choice="yes", reason=""), keys=(key,))
    assert delegated.look(proposal).ballots == {"ada": "yes"}
    again = Ballot(proposal=proposal.id, choice="no", reason="")
    refused("ballot.double", delegated.say, "ada", again)


@pytest.mark.parametrize("role", ROLES)
def test_each_role_writes_what_the_table_says_and_nothing_else(delegated, keys, role):
    """The role is judged before the kind's own rule, and a body may therefore be anything that has the form."""
    state = delegated.state
    record = state.members["ada"]
    for kind in KINDS:
        if kind in {"found", "handover"}:  # which members sign together
            continue
        payload = {"v": 1, "coalition": state.coalition, "kind": kind, "author": "ada"}
        payload |= {"seq": record.next_seq, "prev": record.head, "body": BODIES[kind]}
        envelope = sign_envelope(ENTRY_TYPE, canonical.encode(payload), (keys(f"ada's {role}"),))
        rule = judge(delegated, envelope)
        assert (rule == "key.role") is (kind not in MAY_WRITE[role]), (kind, rule)


def judge(chain, envelope):
    """Return the rule that refuses an entry, or None; the coalition stays as it is."""
    try:
        apply(chain.state, Leaf(chain.at, envelope).encode())
    except (Refused, Malformed) as error:
        return error.rule
    return None


ID = "ab" * 32
STATEMENT = {"content": "", "signature": encode_base64(bytes(64))}
BODIES = {
    "tick": {},
    "acknowledge": {"size": 1, "state": ID},
    "key": {"act": "revoke", "name": "viewer", "role": "", "key": "", "proof": ""},
    "propose": {"title": "Out", "reason": "", "effect": {"effect": "expel", "member": "zoe"}},
    "withdraw": {"proposal": ID},
    "ballot": {"proposal": ID, "choice": "yes", "reason": ""},
    "recuse": {"proposal": ID, "reason": ""},
    "leave": {"reason": ""},
    "brake": {"proposal": ID, "reason": ""},
    "run_open": {"proposal": ID, "plan": ID, "recipe": ID, "attempt": 1, "cohort": [], "threshold": 1},
    "run_seal": {"run": ID, "transcript": ID, "result": ID},
    "run_close": {
        "run": ID,
        "status": "failed",
        "transcript": ID,
        "model": ID,
        "report": ID,
        "metrics": {},
        "dropped": {},
        "reason": "",
    },
    "evidence": {"run": ID, "member": "bob", "kind": "advert", "first": STATEMENT, "second": STATEMENT},
}


def test_a_revoked_key_says_nothing_more_and_its_name_is_not_used_again(delegated, keys, propose_key):
    key = keys("ada's representative")
    delegated.say("ada", Tick(), keys=(key,))
    delegated.say("ada", revoke("representative"))
    refused("key.revoked", delegated.say, "ada", Tick(), keys=(key,))
    refused("key.revoked", delegated.say, "ada", revoke("representative"))
    again = propose_key("ada", "another", "representative", "representative")
    refused("key.known", delegated.say, "ada", again)
    refused("key.unknown", delegated.say, "ada", revoke("nobody"))


def test_a_delegated_key_speaks_for_its_own_member_only_and_never_beside_another(delegated, keys):
    key = keys("ada's representative")
    refused("envelope.signer-unknown", delegated.say, "bob", Tick(), keys=(key,))
    refused("envelope.signer-unknown", delegated.say, "ada", Tick(), keys=(key, keys("ada")))


def test_what_a_key_signed_before_it_was_revoked_stands(delegated, keys):
    delegated.say("ada", Tick(), keys=(keys("ada's representative"),))
    delegated.say("ada", revoke("representative"))
    assert replay(delegated.leaves).digest == delegated.state.digest


def test_a_rotated_key_speaks_at_once_and_the_old_one_no_more(chain, keys, propose_key):
    chain.say("ada", propose_key("ada", "ada's second"))
    refused("envelope.signer-unknown", chain.say, "ada", Tick())
    chain.say("ada", Tick(), keys=(keys("ada's second"),))
    record = chain.state.members["ada"]
    assert record.member.key == keys("ada's second").public.encode()
    assert record.retired == (keys("ada").public,)


@pytest.mark.parametrize("seed", ["bob", "ada", "ada's viewer", "bob's first"])
def test_no_key_is_used_twice_whoever_holds_it(delegated, keys, propose_key, seed):
    message = possession_message(delegated.state.coalition, "bob")
    second = keys("bob's second")
    delegated.say("bob", propose_key("bob", "bob's first"))
    rotation = Key(
        act="rotate",
        name="",
        role="",
        key=second.public.encode(),
        proof=encode_base64(second.sign(message)),
    )
    delegated.say("bob", rotation, keys=(keys("bob's first"),))
    refused("key.used", delegated.say, "cyd", propose_key("cyd", seed, "clara", "viewer"))
    refused("key.used", delegated.say, "cyd", propose_key("cyd", seed))


def test_a_newcomer_brings_no_key_that_somebody_delegates_to(delegated, members, keys):
    newcomer = members("eve").model_copy(update={"key": keys("ada's viewer").public.encode()})
    refused("admit.key", delegated.admit, newcomer)


def test_a_key_that_its_holder_did_not_agree_to_is_not_taken(chain, keys, propose_key):
    for changes in (
        {"role": "representative"},
        {"name": "other"},
        {"key": keys("somebody else's").public.encode()},
        {"proof": encode_base64(bytes(64))},
    ):
        body = propose_key("ada", "new", "clara", "viewer", **changes)
        refused("key.proof", chain.say, "ada", body)
    refused("key.proof", chain.say, "bob", propose_key("ada", "new"))


@pytest.mark.parametrize(
    "changes",
    [
        {"act": "grant", "role": ""},
        {"act": "rotate", "name": "clara"},
        {"act": "revoke"},
        {"name": "Clara"},
        {"name": "clara\n"},
        {"role": "owner"},
        {"proof": "="},
        {"key": "A" * 45},
    ],
)
def test_what_is_not_of_the_form_is_refused(chain, keys, propose_key, changes):
    body = propose_key("ada", "new", "clara", "viewer").model_dump() | changes
    record = chain.state.members["ada"]
    payload = {"v": 1, "coalition": chain.state.coalition, "kind": "key", "author": "ada"}
    payload |= {"seq": record.next_seq, "prev": record.head, "body": body}
    refused("entry.body", chain.take, sign_envelope(ENTRY_TYPE, canonical.encode(payload), (keys("ada"),)))


def test_a_weak_key_is_not_taken(chain, propose_key):
    body = propose_key("ada", "new", "clara", "viewer", key=encode_base64(bytes(32)))
    refused("key.weak", chain.say, "ada", body)


def test_a_key_is_found_by_its_name_while_it_may_be_used(delegated, keys):
    state = delegated.state
    record, delegate, key = find_key(state, "ada")
    assert (record.member.id, delegate, key) == ("ada", None, keys("ada").public)
    _, delegate, key = find_key(state, "ada/viewer")
    assert (delegate.role, key) == ("viewer", keys("ada's viewer").public)
    refused("author.unknown", find_key, state, "zoe/viewer")
    refused("key.unknown", find_key, state, "ada/nobody")
    delegated.say("ada", revoke("viewer"))
    refused("key.revoked", find_key, delegated.state, "ada/viewer")
    delegated.say("ada", Leave(reason=""))
    refused("author.left", find_key, delegated.state, "ada")


def test_the_sums_of_an_attempt_stay_with_the_keys_that_it_was_opened_with(
    chain, approve, fail, keys, propose_key
):
    run = fail(chain, approve(chain))
    chain.say("dan", propose_key("dan", "dan's second"))
    assert chain.state.runs[run.id].keys["dan"] == keys("dan").public
    assert fail_again(chain, run, fail).keys["dan"] == keys("dan's second").public


def fail_again(chain, run, fail):
    return fail(chain, chain.state.proposals[run.proposal])


def test_a_brake_is_the_members_whichever_of_its_keys_pulls_it(delegated, approve, keys):
    proposal = approve(delegated)
    delegated.say("ada", Brake(proposal=proposal.id, reason=""), keys=(keys("ada's data-steward"),))
    refused("brake.used", delegated.say, "ada", Brake(proposal=proposal.id, reason=""))
