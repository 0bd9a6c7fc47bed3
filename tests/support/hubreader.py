"""What tests of a running hub do again and again: read its log, bring an entry, cosign."""

import time

from hubhouse import encode_entries, key_of

from hansa.coalition import Tick, replay
from hansa.node import Follower, Voter
from hansa.transparency import cut_entry_bundle, tile_path


def read_log(hub, size):
    leaves, connection = [], hub.connect()
    while len(leaves) < size:
        width = min(256, size - len(leaves))
        path = "/" + tile_path("entries", len(leaves) // 256, width)
        leaves += cut_entry_bundle(hub.ask("GET", path, member="ada", connection=connection).body)
    return leaves


def read_size(answer):
    return int(answer.body.split(b"\n")[1])


def state_of(hub):
    return replay(read_log(hub, read_size(hub.ask("GET", "/checkpoint", member="ada"))))


def bring_tick(hub, name):
    """Bring a tick; other tests may bring entries of other members at the same time."""
    (tick,) = Voter(name, key_of(name)).write(state_of(hub), Tick())
    answer = hub.ask("POST", "/v1/entries", encode_entries(tick), member=name)
    assert answer.status == 200, answer
    return tick, answer.json()["numbers"][0]


def wait_for(hub, size):
    deadline = time.monotonic() + 20
    while read_size(answer := hub.ask("GET", "/checkpoint", member="ada")) < size:
        assert time.monotonic() < deadline
        time.sleep(0.05)
    return answer


def cosign(hub, name, answer):
    size = read_size(answer)
    follower = Follower(name, key_of(name), lambda: int(time.time()))
    follower.follow(read_log(hub, size), answer.body.decode())
    line = follower.cosign().encode().rstrip("\n").replace('"', "")
    body = f'{{"signatures":["{line}"],"size":{size}}}'.encode()
    return hub.ask("POST", "/v1/cosignatures", body, member=name)
