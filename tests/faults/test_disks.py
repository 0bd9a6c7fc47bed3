"""Disks that are full or busy, data that change. A kill in the middle of a write: `tests/store/test_crashes.py`, `tests/node/test_mirror.py`."""

import shutil
import sqlite3
import time
from contextlib import closing, suppress
from hashlib import sha256

import pytest
from hubhouse import found_hub, sign
from machines import NAMES, write_table
from outage import SmallDisk

from hansa.errors import HansaError, Unavailable
from hansa.node.intercom import Intercom

MEBIBYTE = 1024 * 1024


@pytest.fixture
def small_disk():
    made = []

    def make(path, mebibytes=24):
        try:
            made.append(SmallDisk(path, mebibytes))
        except PermissionError as error:
            pytest.skip(f"NOT TESTED, a full disk: {error}")
        return made[-1]

    yield make
    for disk in made:
        disk.remove()


def say_until_refused(outage, name):
    """Go on until SQLite has used up the pages that it had."""
    for _ in range(200):
        outage.say(name)


def test_a_hub_with_a_full_disk_takes_nothing_and_shows_everything(small_disk, outage, tell, tmp_path):
    disk = small_disk(tmp_path / "hub")
    outage.found(NAMES, reserve_mebibytes=0).up()
    outage.say("ada")
    outage.settle()
    disk.fill()
    with pytest.raises(Unavailable, match="kept"):
        say_until_refused(outage, "bob")
    assert outage.hub.ask("GET", "/health").status == 200
    outage.nodes["bob"].stop()
    (tmp_path / "bob" / "log" / "checkpoint").unlink()
    outage.nodes["bob"].start()  # reads the whole log
    outage.nodes["bob"].wait_until(lambda said: said["entries"] >= outage.status("dan")["entries"])
    disk.tidy()
    began = time.monotonic()
    outage.settle()
    tell(
        "the hub's disk is full",
        "entries are `unavailable`, signed and kept; the log is read as before",
        time.monotonic() - began,
    )
    outage.verify_nothing_lost()


def upload_without_length(hub, data):
    """Begin to bring a blob without saying how long it is; return the connection, and the pieces to send."""
    digest = sha256(data).digest()
    path = f"/v1/blobs/{digest.hex()}"
    headers = sign("PUT", hub.authority, path, b"", "ada", digest=digest)
    lines = [f"{name}: {value}" for name, value in headers.items()]
    raw = hub.raw()
    raw.settimeout(0.5)
    start = [f"PUT {path} HTTP/1.1", f"Host: {hub.authority}", *lines, "Transfer-Encoding: chunked", "", ""]
    raw.sendall("\r\n".join(start).encode())
    parts = [data[n : n + MEBIBYTE] for n in range(0, len(data), MEBIBYTE)]
    return raw, [*(b"%x\r\n%b\r\n" % (len(part), part) for part in parts), b"0\r\n\r\n"]


def test_uploads_that_say_no_length_and_come_side_by_side_leave_room_for_the_log(small_disk, tmp_path):
    disk = small_disk(tmp_path / "hub", 48)
    hub = found_hub(tmp_path, limits={"reserve_mebibytes": 16}).start()
    try:
        uploads = [upload_without_length(hub, bytes([n]) * 20 * MEBIBYTE) for n in range(3)]
        for pieces in zip(*(pieces for _, pieces in uploads), strict=True):
            for (raw, _), piece in zip(uploads, pieces, strict=True):
                with suppress(OSError):  # the hub hangs up on some
                    raw.sendall(piece)
                assert shutil.disk_usage(disk.path).free >= 15 * MEBIBYTE, "the log itself may write"
        blob = b"x" * 20 * MEBIBYTE
        path = f"/v1/blobs/{sha256(blob).hexdigest()}"
        end = time.monotonic() + 20
        while list((hub.path / "spool").iterdir()):  # what was refused is gone
            assert time.monotonic() < end
            time.sleep(0.05)
        kept = [file for file in (hub.path / "blobs").rglob("*") if file.is_file()]
        assert len(kept) <= 1
        if not kept:
            assert hub.ask("PUT", path, blob, member="ada").status == 204
        again = b"y" * 20 * MEBIBYTE
        refused = hub.ask("PUT", f"/v1/blobs/{sha256(again).hexdigest()}", again, member="ada")
        assert (refused.status, refused.rule) == (503, "unavailable")
    finally:
        hub.stop()


@pytest.mark.slow
def test_a_node_with_a_full_disk_signs_nothing_and_the_others_go_on(small_disk, outage, tell, tmp_path):
    outage.found(NAMES)
    disk = small_disk(tmp_path / "dan")
    outage.up()
    disk.fill()
    before = (tmp_path / "dan.signed").read_text() if (tmp_path / "dan.signed").exists() else ""
    with pytest.raises(Unavailable, match="cannot be written"):
        outage.say("dan")
    assert "kept" not in (tmp_path / "dan.signed").read_text()[len(before) :]
    outage.say("ada")
    outage.settle("ada", "bob", "cyd")
    assert outage.status("dan")["entries"] < outage.status("ada")["entries"]
    disk.tidy()
    began = time.monotonic()
    outage.settle()
    outage.say("dan")
    tell(
        "a node's disk is full",
        "it signs, follows and cosigns nothing, and says so; the others make checkpoints final without it",
        time.monotonic() - began,
    )
    outage.settle()
    outage.verify_nothing_lost()


@pytest.mark.slow
def test_a_database_that_is_held_by_somebody_else_is_waited_for(outage, tell):
    outage.found(NAMES).up()
    with closing(sqlite3.connect(outage.hub.path / "log.sqlite", isolation_level=None)) as intruder:
        intruder.execute("BEGIN IMMEDIATE")
        with pytest.raises(HansaError, match="kept"):
            outage.say("bob")
        intruder.execute("ROLLBACK")
    began = time.monotonic()
    outage.settle()
    tell(
        "the hub's database is locked by another program",
        "entries are `unavailable`, signed and kept",
        time.monotonic() - began,
    )
    outage.verify_nothing_lost()


@pytest.mark.slow
def test_a_table_that_changes_during_a_run_changes_no_answer_and_its_people_are_told(outage, tell):
    outage.found(NAMES).up().approve_run()
    under_way = outage.begin("run", "start", 1, "--folder", "ada", "--json")
    outage.nodes["dan"].wait_until(lambda said: said["runs"])
    while Intercom(outage.nodes["dan"].house).run(outage.status("dan")["runs"][0])["turn"] < 2:
        time.sleep(0.02)
    write_table(outage.nodes["dan"].house.data, 99)
    said = outage.end(under_way)
    assert said.code == 0, said.err + outage.journals()
    assert said.json["dropped"] == {}
    told = outage.nodes["dan"].wait_until(lambda found: found["problems"])["problems"][-1]
    assert told["rule"] == "data.changed"
    assert {outage.status(name)["problems"] == [] for name in ("ada", "bob", "cyd")} == {True}
    tell(
        "a member's data file changes during a run",
        "nothing: the run uses the rows as they were when it began; that member's people are told `data.changed`",
        0.0,
    )
    outage.settle()
    outage.verify_nothing_lost()
