"""Papers of runs that several hubs share: whoever took a run up last writes, and nobody else."""

import pytest
from hubhouse import key_of

from hansa.engine.minutes import Minutes
from hansa.errors import Malformed, Refused, Unavailable
from hansa.hub import Clerk
from hansa.hub.papers import SharedPapers
from hansa.store import OUTCOME, BlobStore, FolderPapers, LogStore


@pytest.fixture
def clerk(tmp_path):
    path = tmp_path / "log.sqlite"
    LogStore.create(path).close()
    clerk = Clerk(lambda: LogStore.open(path), key_of("log"), lambda: 1_795_431_600, lambda: None)
    yield clerk
    clerk.close()


@pytest.fixture
def take_up(clerk, tmp_path):
    given_up = []

    def take_up(run="a run", *, is_given_up=lambda: False):
        return SharedPapers(
            run,
            clerk,
            BlobStore(tmp_path / "totals"),
            is_given_up=is_given_up,
            give_up=lambda: given_up.append(run),
        )

    take_up.given_up = given_up
    return take_up


def test_what_was_settled_is_there_for_the_next_hub(take_up):
    minutes = Minutes(take_up())
    assert minutes.take_up() == 0
    minutes.settle_round(1, b"one", ("ada", "bob"))
    minutes.settle_round(2, b"two", ("ada",))
    minutes.verify()
    later = Minutes(take_up())
    assert later.take_up() == 1
    assert list(later.rounds()) == [(b"one", ("ada", "bob")), (b"two", ("ada",))]


def test_whoever_was_overtaken_settles_nothing_and_is_told(take_up):
    first = Minutes(take_up())
    first.take_up()
    second = Minutes(take_up())
    first.settle_round(1, b"one", ("ada",))  # the second one has looked, and not begun
    second.take_up()
    for late in (
        first.verify,
        lambda: first.settle_round(2, b"two", ("ada",)),
        lambda: first.settle_end(b"the end"),
        first.take_up,
    ):
        take_up.given_up.clear()
        with pytest.raises(Refused, match=r"run\.superseded"):
            late()
        assert take_up.given_up == ["a run"]
    assert list(second.rounds()) == [(b"one", ("ada",))]
    second.settle_round(2, b"two", ("ada",))


def test_two_that_looked_at_once_do_not_both_take_it_up(take_up):
    first, second = Minutes(take_up()), Minutes(take_up())
    assert first.take_up() == 0
    with pytest.raises(Refused, match=r"run\.superseded"):
        second.take_up()


def test_runs_with_the_same_total_do_not_lose_it_with_each_other(take_up, tmp_path):
    runs = [take_up("run one"), take_up("run two")]
    for papers in runs:
        Minutes(papers).settle_round(1, b"the same", ("ada",))
    runs[0].write(OUTCOME, b"{}")
    runs[0].discard()
    assert list(Minutes(runs[1]).rounds()) == [(b"the same", ("ada",))]
    assert list(Minutes(runs[0]).rounds()) == []
    assert runs[0].read(OUTCOME) == b"{}"
    runs[1].discard()
    assert not list((tmp_path / "totals").iterdir())


def test_a_total_that_is_damaged_or_gone_is_named(take_up, tmp_path):
    Minutes(take_up()).settle_round(1, b"one", ("ada",))
    (total,) = (tmp_path / "totals").iterdir()
    total.write_bytes(b"another")
    with pytest.raises(Malformed):
        list(Minutes(take_up()).rounds())
    total.unlink()
    with pytest.raises(Unavailable):
        list(Minutes(take_up()).rounds())


def test_while_the_database_is_away_one_waits_unless_the_run_was_given_up(take_up, clerk):
    papers = take_up()
    clerk._store.close()  # as it does itself when the database fails
    papers.write("attempt", b"0")
    clerk._store.close()
    with pytest.raises(Unavailable):
        take_up(is_given_up=lambda: True)


def test_in_a_folder_the_outcome_lies_beside_the_minutes(tmp_path):
    papers = FolderPapers(tmp_path / "run")
    minutes = Minutes(papers)
    minutes.take_up()
    papers.write(OUTCOME, b"{}")
    papers.discard()
    minutes.verify()
    assert [path.name for path in tmp_path.iterdir()] == ["run.json"]
