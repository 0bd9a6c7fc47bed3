"""Keys that a member delegates to, at a real hub: what each may ask, and when no more."""

import pytest
from hubhouse import encode_entries, found_hub, key_of
from hubreader import state_of, wait_for

from hansa.coalition import Key, Tick, possession_message
from hansa.node import Voter
from hansa.transparency import encode_base64

ROLES = ("viewer", "representative", "data-steward")


def found_hub_with_roles(folder):
    """Return a running hub whose member `ada` has granted a key of each role, called after the role."""
    hub = found_hub(folder).start()
    state = state_of(hub)
    bodies = []
    for role in ROLES:
        key = key_of(role)
        message = possession_message(state.coalition, "ada", role, role)
        bodies.append(
            Key(
                act="grant",
                name=role,
                role=role,
                key=key.public.encode(),
                proof=encode_base64(key.sign(message)),
            )
        )
    envelopes = Voter("ada", key_of("ada")).write(state, *bodies)
    assert hub.ask("POST", "/v1/entries", encode_entries(*envelopes), member="ada").status == 200
    wait_for(hub, 4)
    return hub


@pytest.fixture(scope="module")
def hub(tmp_path_factory):
    """One for all tests that take no key away."""
    hub = found_hub_with_roles(tmp_path_factory.mktemp("roles"))
    yield hub
    hub.stop()


@pytest.fixture
def own_hub(tmp_path):
    """One whose keys may be taken away."""
    hub = found_hub_with_roles(tmp_path)
    yield hub
    hub.stop()


def as_role(role):
    return {"member": f"ada/{role}", "key": key_of(role)}


def tick_of(hub, key):
    return Voter("ada", key).write(state_of(hub), Tick())


@pytest.mark.parametrize("role", ROLES)
def test_every_role_reads_and_none_cosigns_or_brings_blobs(hub, role):
    assert hub.ask("GET", "/checkpoint", **as_role(role)).status == 200
    for method, path in (("POST", "/v1/cosignatures"), ("PUT", f"/v1/blobs/{'ab' * 32}")):
        answer = hub.ask(method, path, b"{}", **as_role(role))
        assert (answer.status, answer.rule) == (401, "request.role")


@pytest.mark.parametrize("role", ["representative", "data-steward"])
def test_a_role_brings_what_its_own_key_signed(hub, role):
    entries = encode_entries(*tick_of(hub, key_of(role)))
    answer = hub.ask("POST", "/v1/entries", entries, **as_role(role))
    assert answer.status == 200
    wait_for(hub, answer.json()["numbers"][0] + 1)  # or the next to read the log might write the same entry


@pytest.mark.parametrize("role", ROLES)
def test_a_run_speaks_with_the_main_key_alone(hub, role):
    answer = hub.ask("GET", f"/v1/runs/{'0' * 64}/0/turns/1", **as_role(role))
    assert (answer.status, answer.rule) == (401, "request.role")


def test_a_viewer_brings_nothing_and_its_key_signs_nothing(hub):
    entries = encode_entries(*tick_of(hub, key_of("viewer")))
    answer = hub.ask("POST", "/v1/entries", entries, **as_role("viewer"))
    assert (answer.status, answer.rule) == (401, "request.role")
    answer = hub.ask("POST", "/v1/entries", entries, member="bob")
    assert (answer.status, answer.rule) == (403, "key.role")


def test_a_name_goes_with_its_own_key_only(hub):
    answer = hub.ask("GET", "/checkpoint", member="ada/viewer", key=key_of("ada"))
    assert (answer.status, answer.rule) == (401, "signature.invalid")
    answer = hub.ask("GET", "/checkpoint", member="bob/viewer", key=key_of("viewer"))
    assert (answer.status, answer.rule) == (401, "request.member")


def test_a_revoked_key_is_nobodys(own_hub):
    hub = own_hub
    revoked = Key(act="revoke", name="viewer", role="", key="", proof="")
    envelopes = Voter("ada", key_of("ada")).write(state_of(hub), revoked)
    assert hub.ask("POST", "/v1/entries", encode_entries(*envelopes), member="ada").status == 200
    answer = hub.ask("GET", "/checkpoint", **as_role("viewer"))
    assert (answer.status, answer.rule) == (401, "request.member")
