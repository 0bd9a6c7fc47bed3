"""Ways to the hub that repeat, lose, delay and hold back what is sent, or forget that there was a connection."""

import time

import pytest
from line import Line
from machines import NAMES
from outage import Cable
from relay import Relay, Repeater

from hansa.errors import HansaError


@pytest.fixture
def relay(outage):
    outage.found(NAMES, absent_seconds=5)
    made = Relay(outage.hub.port)
    outage.reach_hub(f"https://127.0.0.1:{made.port}")
    outage.lead("dan", f"https://127.0.0.1:{made.port}")
    yield made
    outage.stop()
    made.stop()


def test_every_request_made_twice_and_some_answers_lost_change_nothing(outage, tell):
    outage.found(NAMES)
    repeater = Repeater(outage.hub, lost=7)
    outage.reach_hub(f"https://127.0.0.1:{repeater.port}")
    outage.lead("dan", f"https://127.0.0.1:{repeater.port}")
    outage.hub.start()
    repeater.start()
    try:
        outage.start()
        outage.settle()
        began = time.monotonic()
        outage.approve_run()
        said = outage.hansa("run", "start", 1, "--folder", "ada", "--json").json
        assert (said["dropped"], outage.last_run("ada").status) == ({}, "completed")
        for _ in range(3):
            outage.say("dan")
        outage.settle()
        seconds = time.monotonic() - began
        assert repeater.count > 20
        assert {status for status, _ in repeater.second} == {401}
        assert all(b"request.replay" in body for _, body in repeater.second)
        # An hour later is too late as well, and so is another hub process.
        entries = next(request for request in repeater.seen if request[1] == "/v1/entries")
        outage.hub.stop()
        outage.hub.start()
        assert b"request.replay" in repeater.bring(*entries)[2]
    finally:
        outage.stop()
        repeater.stop()
    tell(
        "every request of a member arrives twice, and every seventh answer is lost",
        "nothing: the second one is refused (`request.replay`), the lost one asked for again; a run ends with all four",
        seconds,
    )
    outage.verify_nothing_lost()


def test_who_is_cut_off_for_a_while_goes_on_where_it_was(relay, outage, tell):
    outage.up()
    relay.freeze()
    for name in ("ada", "bob", "cyd"):
        outage.say(name)
    outage.settle("ada", "bob", "cyd")
    relay.thaw()
    recovery = outage.settle(*NAMES)
    relay.cut()
    outage.say("ada")
    outage.settle(*NAMES)
    tell(
        "a member's connections stall, and go on",
        "the others make checkpoints final without it",
        recovery,
    )
    outage.verify_nothing_lost()


@pytest.mark.slow
def test_a_slow_way_makes_a_run_slow_and_nothing_else(relay, outage, tell):
    outage.up()
    relay.delay_seconds = 0.2
    outage.approve_run()
    began = time.monotonic()
    said = outage.hansa("run", "start", 1, "--folder", "ada", "--json").json
    assert said["dropped"] == {}
    seconds = time.monotonic() - began
    outage.settle(*NAMES)
    tell("everything of a member takes 0.2 s more, each way", "a run takes longer, with all four", seconds)
    outage.verify_nothing_lost()


@pytest.mark.slow
def test_a_way_that_stops_in_a_run_costs_that_member_its_place_in_it(relay, outage, tell):
    outage.up()
    relay.delay_seconds = 0.05
    outage.approve_run()
    under_way = outage.begin("run", "start", 1, "--folder", "ada", "--json")
    outage.nodes["dan"].wait_until(lambda said: said["runs"])
    time.sleep(1)
    relay.freeze()
    said = outage.end(under_way, 90)
    assert said.code == 0, said.err + outage.journals()
    assert list(said.json["dropped"]) == ["dan"]
    outage.settle("ada", "bob", "cyd")
    relay.thaw()
    recovery = outage.settle(*NAMES)
    tell(
        "a member's connections stall in a run and do not go on",
        "it is given up after `absent_seconds`; `dropped` names it",
        recovery,
    )
    outage.verify_nothing_lost()


@pytest.fixture
def cable():
    try:
        made = Cable()
    except PermissionError as error:
        pytest.skip(f"NOT TESTED, a cable that is unplugged: {error}")
    yield made
    made.remove()


@pytest.mark.slow
def test_half_open_connections_are_noticed_by_the_operating_system(cable, outage, tell):
    """The hub is started anew while the cable is out: nobody tells the node that its connections are gone."""
    outage.found(NAMES, host="0.0.0.0")
    address = f"https://{cable.near}:{outage.hub.port}"
    outage.reach_hub(address)
    outage.lead("cyd", address)
    outage.nodes["cyd"].inside = cable.inside
    outage.up()
    cable.unplug()
    outage.hub.stop()
    outage.hub.start()
    outage.say("ada")
    outage.settle("ada", "bob", "dan")
    cable.plug()
    recovery = outage.settle()
    assert recovery < 40
    outage.say("cyd")
    tell(
        "the hub is started anew while a member's cable is out",
        "the others make checkpoints final without it; it notices its dead connections by itself",
        recovery,
    )
    outage.settle()
    outage.verify_nothing_lost()


@pytest.mark.slow
def test_a_member_behind_an_unplugged_cable_keeps_what_it_says(cable, outage, tell):
    outage.found(NAMES, host="0.0.0.0")
    address = f"https://{cable.near}:{outage.hub.port}"
    outage.reach_hub(address)
    outage.lead("cyd", address)
    outage.nodes["cyd"].inside = cable.inside
    outage.up()
    cable.unplug()
    with pytest.raises(HansaError, match="kept"):
        outage.say("cyd")
    cable.plug()
    recovery = outage.settle()
    tell(
        "a member speaks while its cable is out",
        "nothing; it says `signed and kept`, and its entry comes when the cable is in again",
        recovery,
    )
    outage.verify_nothing_lost()


@pytest.fixture
def line():
    try:
        made = Line(seed=7)
    except PermissionError as error:
        pytest.skip(f"NOT TESTED, a line that loses packets, and a partition: {error}")
    yield made
    made.remove()


def put_behind(outage, line, *names):
    """Found a coalition, some members of which reach the hub over the line only."""
    outage.found(NAMES, host="0.0.0.0")
    address = f"https://{line.near}:{outage.hub.port}"
    outage.reach_hub(address)
    for name in names:
        outage.lead(name, address)
        outage.nodes[name].inside = line.inside
    outage.up()


@pytest.mark.slow
def test_packets_that_are_lost_late_and_out_of_order_make_a_run_slow_and_nothing_else(line, outage, tell):
    put_behind(outage, line, "dan")
    line.loss, line.delay_seconds, line.jitter_seconds = 0.05, 0.01, 0.02
    outage.approve_run()
    began = time.monotonic()
    said = outage.hansa("run", "start", 1, "--folder", "ada", "--json").json
    seconds = time.monotonic() - began
    assert (said["dropped"], outage.last_run("ada").status) == ({}, "completed")
    outage.say("dan")
    outage.settle()
    assert line.lost > 20
    assert line.reordered > 20
    tell(
        "one in twenty packets of a member is lost, each way; the others take 10 to 30 ms, and overtake each other",
        "a run takes longer, with all four",
        seconds,
    )
    outage.verify_nothing_lost()


@pytest.mark.slow
def test_members_on_the_smaller_side_of_a_partition_keep_what_they_say_and_nothing_is_final_meanwhile(
    line, outage, tell
):
    """Two of four are cut off, and three make a checkpoint final: neither side can go on alone."""
    put_behind(outage, line, "cyd", "dan")
    line.loss = 1.0
    final = outage.status("ada")["final"]
    (number,) = outage.say("ada")
    with pytest.raises(HansaError, match="kept"):
        outage.say("dan")
    for name in ("ada", "bob"):
        outage.nodes[name].wait_until(lambda said: said["entries"] > number)
        assert outage.status(name)["final"] == final
    assert outage.status("cyd")["entries"] == final
    line.loss = 0.0
    recovery = outage.settle()
    assert outage.status("cyd")["final"] == number + 2
    tell(
        "two of four members are cut off from the hub and the others",
        "entries are sequenced, none is final; the two say `signed and kept`; all of it is final when the line is back",
        recovery,
    )
    outage.verify_nothing_lost()
