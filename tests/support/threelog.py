"""A log of three members in SQLite, for tests of those who write it and those who follow it."""

from hashlib import sha256

from hansa.coalition import ZERO_DIGEST, Found, LogKey, Tick, make_entry
from hansa.governance import Member, load_charter
from hansa.hub import Sequencer
from hansa.node import Voter
from hansa.store import LogStore, NoLog
from hansa.transparency import SigningKey

CHARTER = """
version: 1
name: Three
origin: three.example/log
purpose: Try things out.
classes: {bank: {votes: true}}
decisions:
  run: {passes: "> 1/2 of cast", quorum: 1/2, period: 3d, timelock: 1d}
  amend: {passes: ">= 2/3 of cast", quorum: 1/2, period: 3d, timelock: 1d}
privacy: {minimum_cohort: 3, unnoised_sums: allowed}
clock: {tolerance: 5m}
"""
NAMES = ("ada", "bob", "cyd")
START = 1_700_000_000


def key_of(name):
    return SigningKey.from_seed(sha256(name.encode()).digest())


class Clock:
    def __init__(self):
        self.now = START

    def __call__(self):
        return self.now


OPENED = []


def open_log(where):
    """Open a log, made anew when it is not there; `close_logs` closes all of them."""
    try:
        store = LogStore.open(where)
    except NoLog:
        store = LogStore.create(where)
    OPENED.append(store)
    return store


def close_logs():
    while OPENED:
        OPENED.pop().close()


def found(path, clock):
    members = [
        Member(
            id=n, name=n, member_class="bank", country="NL", voting_weight=1, key=key_of(n).public.encode()
        )
        for n in NAMES
    ]
    body = Found(
        charter=load_charter(CHARTER, "charter.yaml").to_json(),
        log=LogKey(key=key_of("log").public.encode()),
        members=[member.to_json() for member in members],
    )
    hub = Sequencer(open_log(path), key_of("log"), clock)
    hub.submit(
        make_entry(
            body,
            coalition=ZERO_DIGEST,
            author="ada",
            seq=0,
            prev=ZERO_DIGEST,
            keys=tuple(map(key_of, NAMES)),
        )
    )
    return hub


def tick(hub, name):
    hub.submit(*Voter(name, key_of(name)).write(hub.state, Tick()))


def note_of(hub):
    return hub.sign_checkpoint().encode()
