"""The gate, step by step; over a wire it stands in tests/web/test_attackers.py."""

from hashlib import sha256

import pytest
from threelog import START, Clock, close_logs, found, key_of

from hansa.coalition import Leave
from hansa.errors import Malformed, Refused
from hansa.hub import Gate, TooOften
from hansa.hub.gate import GRACE_SECONDS, TOLERANCE_SECONDS
from hansa.hub.limits import Limiter
from hansa.node import Voter
from hansa.transparency.request import Target, sign_request

TARGET = Target("GET", "hub.example", "/checkpoint")


@pytest.fixture
def clock():
    return Clock()


@pytest.fixture
def log(tmp_path, clock):
    yield found(tmp_path / "log.sqlite", clock)
    close_logs()


@pytest.fixture
def gate(log, clock):
    return Gate(["hub.example"], lambda: log.state, clock, Limiter(1, 5))


def signed(nonce=0, *, member="ada", created=START, target=TARGET, key=None):
    return sign_request(
        target,
        sha256(b"").digest(),
        key_id=member,
        key=key or key_of(member),
        created=created,
        nonce=nonce.to_bytes(16, "big"),
    )


def refused(rule, call, *arguments):
    with pytest.raises((Refused, Malformed)) as caught:
        call(*arguments)
    assert caught.value.rule == rule


def test_a_member_is_let_in_once_with_each_nonce(gate):
    caller = gate.admit(TARGET, signed(), 0)
    assert (caller.member, caller.body_digest) == ("ada", sha256(b"").digest())
    refused("request.replay", gate.admit, TARGET, signed(), 0)
    gate.admit(TARGET, signed(1), 0)
    gate.admit(TARGET, signed(member="bob"), 0)  # a nonce is one member's


@pytest.mark.parametrize("off", [-TOLERANCE_SECONDS, TOLERANCE_SECONDS])
def test_the_clock_may_be_off_so_much_and_no_more(gate, clock, off):
    clock.now += 10_000
    gate.admit(TARGET, signed(created=clock.now + off), 0)
    beyond = clock.now + off + (1 if off > 0 else -1)
    refused("request.clock", gate.admit, TARGET, signed(1, created=beyond), 0)


def test_a_nonce_is_remembered_as_long_as_it_could_be_used(gate, clock):
    ahead = signed(created=START + TOLERANCE_SECONDS)
    gate.admit(TARGET, ahead, 0)
    for later in (0, TOLERANCE_SECONDS, 2 * TOLERANCE_SECONDS):
        clock.now = START + later
        refused("request.replay", gate.admit, TARGET, ahead, later)
    clock.now += 1
    refused("request.clock", gate.admit, TARGET, ahead, 0)


def test_what_was_signed_before_the_gate_stood_is_refused(gate):
    refused("request.replay", gate.admit, TARGET, signed(created=START - 1), 0)


def test_only_whoever_signs_spends_what_a_member_may_ask(gate):
    for nonce in range(20):
        forged = signed(nonce, key=key_of("eve"))
        refused("signature.invalid", gate.admit, TARGET, forged, 0)
    for nonce in range(5):
        gate.admit(TARGET, signed(nonce), 0)
    with pytest.raises(TooOften) as caught:
        gate.admit(TARGET, signed(5), 0)
    assert (caught.value.rule, caught.value.wait_seconds) == ("request.rate", 1)
    gate.admit(TARGET, signed(6), 1)
    gate.admit(TARGET, signed(0, member="bob"), 1)


def test_whoever_left_may_see_the_log_for_a_day_and_no_longer(gate, clock, log):
    log.submit(*Voter("cyd", key_of("cyd")).write(log.state, Leave(reason="")))
    tile = Target("GET", "hub.example", "/tile/entries/000.p/2")
    gate.admit(TARGET, signed(0, member="cyd"), 0)
    gate.admit(tile, signed(1, member="cyd", target=tile), 0)
    for method, path in (("POST", "/v1/entries"), ("GET", "/v1/blobs/x"), ("HEAD", "/checkpoint")):
        other = Target(method, "hub.example", path)
        refused("request.member", gate.admit, other, signed(2, member="cyd", target=other), 0)
    refused("signature.invalid", gate.admit, TARGET, signed(3, member="cyd", key=key_of("eve")), 0)
    clock.now += GRACE_SECONDS
    gate.admit(TARGET, signed(4, member="cyd", created=clock.now), 0)
    clock.now += 1
    refused("request.member", gate.admit, TARGET, signed(5, member="cyd", created=clock.now), 0)


def test_strangers_other_hosts_and_unsigned_requests_are_refused(gate):
    refused("request.member", gate.admit, TARGET, signed(member="eve"), 0)
    other = Target("GET", "other.example", "/checkpoint")
    refused("request.host", gate.admit, other, signed(target=other), 0)
    refused("request.unsigned", gate.admit, TARGET, {}, 0)


def test_whoever_asked_longest_ago_is_forgotten_first():
    limiter = Limiter(1, 1, names=2)
    limiter.spend("ada", 0)
    limiter.spend("bob", 0)
    with pytest.raises(TooOften):
        limiter.spend("ada", 0)
    limiter.spend("cyd", 0)  # forgets bob
    limiter.spend("bob", 0)
    with pytest.raises(TooOften):
        limiter.spend("cyd", 0)
