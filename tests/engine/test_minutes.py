from pathlib import Path

import pytest

from hansa.engine.minutes import Minutes
from hansa.errors import Malformed, Unavailable
from hansa.store import FolderPapers


def test_what_was_settled_is_there_for_the_next(tmp_path):
    minutes = Minutes(FolderPapers(tmp_path / "run"))
    assert minutes.take_up() == 0
    minutes.settle_round(1, b"one", ("ada", "bob"))
    minutes.settle_round(2, b"two", ("ada",))
    later = Minutes(FolderPapers(tmp_path / "run"))
    assert later.take_up() == 1
    assert list(later.rounds()) == [(b"one", ("ada", "bob")), (b"two", ("ada",))]


def test_what_was_settled_first_stays(tmp_path):
    minutes = Minutes(FolderPapers(tmp_path))
    assert minutes.settle_end(b"the end") == b"the end"
    assert Minutes(FolderPapers(tmp_path)).settle_end(b"another end") == b"the end"
    assert minutes.settle_dropped({"bob": 2}) == {"bob": 2}
    assert Minutes(FolderPapers(tmp_path)).settle_dropped({}) == {"bob": 2}


def test_a_run_that_ends_with_its_process_keeps_nothing():
    minutes = Minutes()
    assert minutes.take_up() == 0
    minutes.settle_round(1, b"one", ("ada",))
    assert minutes.settle_end(b"the end") == b"the end"
    assert list(minutes.rounds()) == []


def test_a_round_that_was_only_half_written_is_not_there(tmp_path):
    Minutes(FolderPapers(tmp_path)).settle_round(1, b"one", ("ada",))
    (tmp_path / "2.total").write_bytes(b"two")  # killed before it was noted
    assert len(list(Minutes(FolderPapers(tmp_path)).rounds())) == 1


@pytest.mark.parametrize(
    ("name", "data"),
    [
        ("attempt", b"-1"),
        ("attempt", b""),
        ("1.json", b"[]"),
        ("1.json", b'{"digest":"00","survivors":"ada"}'),
        ("1.total", b"another"),
        ("dropped.json", b"[]"),
        ("dropped.json", b'{"bob":"2"}'),
    ],
)
def test_damage_is_named(tmp_path, name, data):
    minutes = Minutes(FolderPapers(tmp_path))
    minutes.take_up()
    minutes.settle_round(1, b"one", ("ada",))
    minutes.settle_dropped({})
    (tmp_path / name).write_bytes(data)
    with pytest.raises(Malformed, match=r"minutes\.form"):
        _ = list(Minutes(FolderPapers(tmp_path)).rounds()), Minutes(FolderPapers(tmp_path)).settle_dropped({})


def test_a_disk_that_fails_is_named(tmp_path):
    place = tmp_path / "file"
    place.write_text("")
    with pytest.raises(Unavailable, match="cannot be"):
        Minutes(FolderPapers(Path(place, "run"))).take_up()


def test_minutes_of_a_run_that_is_over_are_discarded(tmp_path):
    minutes = Minutes(FolderPapers(tmp_path / "run"))
    minutes.take_up()
    minutes.discard()
    assert not (tmp_path / "run").exists()
    Minutes().discard()
