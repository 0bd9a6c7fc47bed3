import pytest

from hansa.errors import Malformed, Unavailable
from hansa.store import read_seed, write_seed


def test_a_key_is_drawn_once_and_read_by_its_owner_only(tmp_path):
    write_seed(tmp_path / "key")
    assert (tmp_path / "key").stat().st_mode & 0o077 == 0
    assert read_seed(tmp_path / "key").public == read_seed(tmp_path / "key").public
    with pytest.raises(FileExistsError):
        write_seed(tmp_path / "key")


def test_what_is_no_key_is_refused(tmp_path):
    (tmp_path / "key").write_text("not a key")
    with pytest.raises(Malformed, match=r"key\.file"):
        read_seed(tmp_path / "key")
    with pytest.raises(Unavailable):
        read_seed(tmp_path / "none")
