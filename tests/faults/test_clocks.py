"""Clocks that are an hour off, one process's at a time, while it runs."""

import time

import pytest
from machines import NAMES

from hansa.coalition import Tick
from hansa.errors import HansaError

HOUR = 3_600


@pytest.mark.parametrize("ahead", [HOUR, pytest.param(-HOUR, marks=pytest.mark.slow)])
def test_a_member_whose_clock_is_off_is_told_so_and_the_others_go_on(outage, tell, ahead):
    outage.found(NAMES).up()
    outage.set_clock("dan", ahead)
    with pytest.raises(HansaError, match="kept"):
        outage.say("dan")
    for name in ("ada", "bob", "cyd"):
        outage.say(name)
    outage.settle("ada", "bob", "cyd")
    told = outage.nodes["dan"].wait_until(lambda said: said["problems"])["problems"][-1]
    assert told["rule"] == "request.clock"
    outage.set_clock("dan", 0)
    recovery = outage.settle(*NAMES)
    tell(
        f"a member's clock is an hour {'ahead' if ahead > 0 else 'behind'}",
        "`request.clock` at that member; the others make checkpoints final without it",
        recovery,
    )
    outage.verify_nothing_lost()


@pytest.mark.slow
@pytest.mark.parametrize("ahead", [HOUR, -HOUR])
def test_a_hub_whose_clock_is_off_can_date_nothing(outage, tell, ahead):
    outage.found(NAMES).up()
    size = outage.status("ada")["entries"]
    outage.set_clock("hub", ahead)
    for name in NAMES:
        with pytest.raises(HansaError, match="kept"):
            outage.say(name, Tick())
    assert {outage.status(name)["entries"] for name in NAMES} == {size}
    began = time.monotonic()
    outage.set_clock("hub", 0)
    outage.settle(*NAMES)
    tell(
        f"the hub's clock is an hour {'ahead' if ahead > 0 else 'behind'}",
        "`request.clock` at every member, nothing is sequenced; what was said is signed and kept",
        time.monotonic() - began,
    )
    outage.verify_nothing_lost()
