import threading
import time

from hubhouse import encode_entries, key_of, make_hub, write_found
from hubreader import bring_tick, cosign, read_log, read_size, state_of, wait_for

from hansa.coalition import Tick, make_entry, replay
from hansa.node import Follower, Voter
from hansa.node.trust import read_authority
from hansa.transparency import parse_leaf, parse_note, tile_path


def test_an_entry_is_sequenced_and_stands_under_a_checkpoint_and_in_the_tiles(running_hub):
    tick, number = bring_tick(running_hub, "ada")
    answer = wait_for(running_hub, number + 1)
    assert answer.headers["content-type"].startswith("text/plain")
    leaves = read_log(running_hub, number + 1)
    assert parse_leaf(leaves[number]).envelope == tick
    follower = Follower("ada", key_of("ada"), lambda: int(time.time()))
    follower.follow(read_log(running_hub, read_size(answer)), answer.body.decode())


def test_entries_brought_again_are_answered_with_their_numbers(running_hub):
    tick, number = bring_tick(running_hub, "ada")
    again = running_hub.ask("POST", "/v1/entries", encode_entries(tick), member="ada")
    assert again.json() == {"numbers": [number]}
    # Also by another member, for an entry is its author's whoever brings it; and beside a new one.
    author = replay(read_log(running_hub, wait_for(running_hub, number + 1) and number + 1)).members["ada"]
    new = make_entry(
        Tick(),
        coalition=state_of(running_hub).coalition,
        author="ada",
        seq=author.next_seq,
        prev=author.head,
        keys=(key_of("ada"),),
    )
    both = running_hub.ask("POST", "/v1/entries", encode_entries(tick, new), member="bob")
    assert both.json()["numbers"][0] == number
    assert both.json()["numbers"][1] > number


def test_what_the_fold_refuses_is_not_sequenced_and_the_answer_says_why(running_hub):
    state = state_of(running_hub)
    (forged,) = Voter("bob", key_of("cyd")).write(state, Tick())
    answer = running_hub.ask("POST", "/v1/entries", encode_entries(forged), member="cyd")
    assert (answer.status, answer.rule) == (400, "envelope.signer-unknown")
    again = write_found(key_of("another log"))
    answer = running_hub.ask("POST", "/v1/entries", encode_entries(again), member="cyd")
    assert (answer.status, answer.rule) == (403, "found.again")
    assert answer.headers["content-type"] == "application/problem+json"


def test_a_bundle_of_entries_is_sequenced_whole_or_not_at_all(running_hub):
    state = state_of(running_hub)
    (good,) = Voter("bob", key_of("bob")).write(state, Tick())
    (bad,) = Voter("cyd", key_of("ada")).write(state, Tick())
    answer = running_hub.ask("POST", "/v1/entries", encode_entries(good, bad), member="bob")
    assert answer.status == 400
    assert state_of(running_hub).members["bob"].head == state.members["bob"].head


def test_a_waiting_reader_is_woken_by_a_new_checkpoint_and_told_when_nothing_came(hubs):
    hub = hubs()
    tag = hub.ask("GET", "/checkpoint", member="ada").headers["etag"]
    woken = []

    def wait():
        woken.append(
            hub.ask(
                "GET",
                "/checkpoint",
                member="bob",
                headers={"If-None-Match": tag, "Prefer": "wait=20"},
            )
        )

    waiter = threading.Thread(target=wait)
    waiter.start()
    time.sleep(0.3)
    began = time.monotonic()
    bring_tick(hub, "ada")
    waiter.join(20)
    assert woken[0].status == 200
    assert read_size(woken[0]) == 2
    assert time.monotonic() - began < 15
    newest = {"If-None-Match": woken[0].headers["etag"], "Prefer": "wait=1"}
    answer = hub.ask("GET", "/checkpoint", member="bob", headers=newest)
    assert (answer.status, answer.body) == (304, b"")


def test_cosignatures_make_a_checkpoint_final_and_outlive_the_hub(hubs):
    hub = hubs()
    first = hub.ask("GET", "/checkpoint", member="ada")
    for name in ("ada", "bob", "cyd"):
        assert cosign(hub, name, first).status == 204
    assert cosign(hub, "cyd", first).status == 204  # twice is the same
    whole = hub.ask("GET", "/checkpoint", member="ada")
    assert len(parse_note(whole.body.decode()).signatures) == 4
    assert "hansa_log_final_entries 1\n" in hub.ask("GET", "/metrics").body.decode()
    hub.stop()
    hub.start()
    assert hub.ask("GET", "/checkpoint", member="ada").body == whole.body
    assert "hansa_log_final_entries 1\n" in hub.ask("GET", "/metrics").body.decode()


def test_a_cosignature_is_verified_before_it_is_kept(hubs):
    hub = hubs()
    answer = hub.ask("GET", "/checkpoint", member="ada")
    follower = Follower("ada", key_of("ada"), lambda: int(time.time()))
    follower.follow(read_log(hub, 1), answer.body.decode())
    line = follower.cosign().encode().rstrip("\n")

    def bring(line, size=1):
        body = f'{{"signatures":["{line}"],"size":{size}}}'.encode()
        answer = hub.ask("POST", "/v1/cosignatures", body, member="ada")
        return answer.status, answer.rule

    forged = line[:-8] + ("A" if line[-8] != "A" else "B") + line[-7:]
    assert bring(forged) == (401, "signature.invalid")
    assert bring(line.replace("/ada", "/eve")) == (403, "cosignature.witness")
    assert bring(line.replace("/ada", "/bob"))[0] == 400
    assert bring(line, size=7) == (409, "checkpoint.unknown")
    assert hub.ask("GET", "/checkpoint", member="ada").body == answer.body


def test_tiles_are_of_the_checkpointed_log_only_and_full_ones_may_be_kept_for_ever(running_hub):
    size = read_size(running_hub.ask("GET", "/checkpoint", member="ada"))
    for path, rule in (
        (tile_path(0, 0, min(255, size + 60)), "tile.unknown"),
        (tile_path("entries", 5, 1), "tile.unknown"),
        (tile_path(1, 0, 1), "tile.unknown"),
        (tile_path(40, 0, 1), "tile.unknown"),
        ("tile/0/0", "tile.path"),
        ("tile/entries/../../v1/authority", "tile.path"),
        ("tile/entries/..%2f..%2fkey", "request.unknown"),
    ):
        answer = running_hub.ask("GET", f"/{path}", member="ada")
        assert (answer.status, answer.rule) == (404, rule)


def test_a_part_of_a_bundle_is_enough_for_whoever_has_the_rest(running_hub):
    whole = running_hub.ask("GET", "/tile/entries/000.p/1", member="ada").body
    part = running_hub.ask("GET", "/tile/entries/000.p/1", member="ada", headers={"Range": "bytes=100-"})
    assert (part.status, part.body) == (206, whole[100:])
    assert part.headers["content-range"] == f"bytes 100-{len(whole) - 1}/{len(whole)}"
    for other in ("bytes=-5", "bytes=0-1,4-5", "lines=1-2"):
        answer = running_hub.ask("GET", "/tile/entries/000.p/1", member="ada", headers={"Range": other})
        assert (answer.status, answer.body) == (200, whole)


def test_the_authority_is_the_logs_key(running_hub):
    answer = running_hub.ask("GET", "/v1/authority")
    assert answer.status == 200
    assert read_authority(answer.body.decode()) == state_of(running_hub).log_key


def test_a_log_is_for_members_unless_the_hub_was_told_otherwise(hubs, running_hub):
    assert running_hub.ask("GET", "/checkpoint").rule == "request.unsigned"
    open_hub = hubs(readers="anyone")
    answer = open_hub.ask("GET", "/checkpoint")
    assert answer.status == 200
    assert answer.headers["cache-control"].startswith("public")
    assert open_hub.ask("GET", "/tile/0/000.p/1").status == 200
    assert open_hub.ask("POST", "/v1/entries", b"{}").rule == "request.unsigned"


def test_a_hub_without_a_coalition_says_so(tmp_path):
    hub = make_hub(tmp_path).start()
    try:
        assert hub.ask("GET", "/ready").json() == {"status": "waits for its founders"}
        answer = hub.ask("GET", "/checkpoint", member="ada")
        assert (answer.status, answer.rule) == (404, "log.empty")
    finally:
        hub.stop()
