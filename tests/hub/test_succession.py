"""The folder and the log of a hub that another one is handed over to: all of it, or nothing but its key."""

import postgres
import pytest
from threelog import Clock, close_logs, found, key_of, open_log

from hansa.coalition import draft_handover
from hansa.engine import Minutes
from hansa.errors import Malformed, Refused
from hansa.hub import Hub, HubFolder, succeed_hub
from hansa.hub.papers import SharedPapers
from hansa.store import FolderPapers, LogReader, open_blobs, write_seed
from hansa.store.seed import read_seed

ADDRESS = "https://second.example:8443"
RUN = "5" * 64


@pytest.fixture
def clock():
    yield Clock()
    close_logs()


@pytest.fixture
def taking(tmp_path, clock):
    """Takes a log over: its folder holds the key, and enough have signed."""
    hub = found(tmp_path / "log.sqlite", clock)
    hub.sign_checkpoint()
    second = tmp_path / "second"
    second.mkdir()
    write_seed(second / "key")
    key = read_seed(second / "key")
    handover = draft_handover(
        hub.state, author="ada", key=key_of("ada"), log_key=key.public, addresses=[ADDRESS]
    ).sign(key)
    for name in ("bob", "cyd"):
        handover = handover.sign(key_of(name))

    def take(**options):
        leaves = options.pop("leaves", hub.leaves())
        return succeed_hub(second, [ADDRESS], None, leaves=leaves, handover=handover, clock=clock, **options)

    return take


def read_log(where):
    with LogReader.open(where) as log:
        return tuple(log.leaves()), log.checkpoint()


def test_a_log_is_taken_over_into_a_database_as_into_a_file(tmp_path, taking, database):
    made = taking(log=database, blobs=str(tmp_path / "blobs"))
    assert made.log == database
    assert {path.name for path in made.path.iterdir()} == {
        *("key", "hub.json", "authority.pem", "spool", "runs")
    }
    assert (made.path / "key").stat().st_mode & 0o077 == 0
    assert (tmp_path / "blobs").is_dir()
    leaves, checkpoint = read_log(database)
    assert len(leaves) == 2
    assert "\n2\n" in checkpoint
    hub = Hub(HubFolder(made.path), lambda: 1_700_000_000)
    assert hub.clerk.state.size == 2
    hub.close()


def test_what_fails_leaves_the_key_and_an_empty_database(tmp_path, taking, database):
    there = {"log": database, "blobs": str(tmp_path / "blobs")}
    for rule, options in (
        ("hub.blobs", {"log": database}),
        ("handover.mirror", {**there, "leaves": ()}),
    ):
        with pytest.raises((Refused, Malformed)) as caught:
            taking(**options)
        assert caught.value.rule == rule
    postgres.run_statement(database, "CREATE TABLE theirs (a INTEGER)")
    with pytest.raises(Refused, match=r"log\.exists.*theirs"):
        taking(**there)
    postgres.run_statement(database, "DROP TABLE theirs")
    assert [path.name for path in (tmp_path / "second").iterdir()] == ["key"]
    assert not (tmp_path / ".second.unfinished").exists()
    taking(**there)
    with pytest.raises(Refused, match=r"hub\.exists"):
        taking(**there)


@pytest.mark.parametrize("kind", ["sqlite", "postgresql"])
def test_minutes_of_a_house_are_the_new_hubs(tmp_path, taking, kind, request):
    heard = Minutes(FolderPapers(tmp_path / "minutes" / RUN))
    heard.note_attempt(2)
    heard.settle_round(1, b"first total", ("ada", "bob"))
    heard.settle_round(2, b"second total", ("bob",))
    heard.settle_end(b"words")
    options = {"minutes": tmp_path / "minutes"}
    if kind == "postgresql":
        options |= {"log": request.getfixturevalue("database"), "blobs": str(tmp_path / "blobs")}
    made = taking(**options)
    hub = Hub(made, lambda: 1_700_000_000)
    try:
        papers = (
            FolderPapers(made.runs / RUN)
            if kind == "sqlite"
            else SharedPapers(
                RUN, hub.clerk, open_blobs(made.totals), is_given_up=lambda: True, give_up=lambda: None
            )
        )
        kept = Minutes(papers)
        assert kept.next_attempt == 3
        assert [(s.total, s.survivors) for s in kept.rounds()] == [
            (b"first total", ("ada", "bob")),
            (b"second total", ("bob",)),
        ]
        assert kept.settle_end(b"other words") == b"words"
    finally:
        hub.close()


def test_a_file_is_taken_over_into_as_before(taking):
    made = taking()
    leaves, _ = read_log(made.path / "log.sqlite")
    assert open_log(made.path / "log.sqlite").size == len(leaves) == 2
