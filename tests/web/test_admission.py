"""A newcomer's node at a real hub: it follows, acknowledges by itself, and from then on counts."""

import time

from hubhouse import encode_entries, key_of
from hubreader import state_of
from nodehouse import make_member

from hansa.coalition import Ballot, Propose, Tick
from hansa.governance import Member, consent_message
from hansa.node import Voter
from hansa.transparency import encode_base64


def say(hub, name, body):
    envelopes = Voter(name, key_of(name)).write(state_of(hub), body)
    answer = hub.ask("POST", "/v1/entries", encode_entries(*envelopes), member=name)
    assert answer.status == 200, answer.body
    return envelopes[0].id, answer.json()["numbers"][0]


def wait_for_size(hub, size):
    end = time.monotonic() + 10
    while state_of(hub).size < size:
        assert time.monotonic() < end
        time.sleep(0.05)


def test_a_newcomers_node_acknowledges_by_itself_and_then_it_counts(hubs, tmp_path):
    hub = hubs()
    coalition = state_of(hub).coalition
    eve = Member(
        id="eve",
        name="Eve",
        member_class="bank",
        country="NL",
        voting_weight=1,
        key=key_of("eve").public.encode(),
    )
    consent = encode_base64(key_of("eve").sign(consent_message(coalition, eve)))
    effect = {"effect": "admit", "member": eve.to_json(), "consent": consent}
    node = make_member(tmp_path / "eve", hub, "eve", coalition)
    try:
        node.start()
        proposal, number = say(hub, "ada", Propose(title="Admit Eve", reason="", effect=effect))
        for name in ("ada", "bob"):
            wait_for_size(hub, number + 1)
            _, number = say(hub, name, Ballot(proposal=proposal, choice="yes", reason=""))
        wait_for_size(hub, number + 1)
        say(hub, "ada", Tick())
        node.wait_until(lambda found: found["standing"] == "active")
    finally:
        node.stop()
    state = state_of(hub)
    assert state.members["eve"].is_active
    assert not state.newcomers
