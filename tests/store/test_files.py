import os

import pytest

from hansa.store.files import sync_folder, unfinished_path, write_atomically


def test_a_file_is_replaced_as_a_whole(tmp_path):
    path = tmp_path / "file"
    write_atomically(path, b"old")
    write_atomically(path, b"new")
    assert path.read_bytes() == b"new"
    assert list(tmp_path.iterdir()) == [path]


def test_a_failed_write_leaves_the_old_file(tmp_path, monkeypatch):
    path = tmp_path / "file"
    write_atomically(path, b"old")

    def fail(_handle):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(os, "fsync", fail)
    with pytest.raises(OSError, match="No space"):
        write_atomically(path, b"new")
    assert path.read_bytes() == b"old"


def test_the_content_is_on_the_disk_before_the_name(tmp_path, monkeypatch):
    path = tmp_path / "file"
    seen = []
    monkeypatch.setattr(os, "fsync", lambda _handle: seen.append(path.exists()))
    write_atomically(path, b"new")
    assert seen == [False, True]


def test_a_leftover_is_overwritten(tmp_path):
    path = tmp_path / "file"
    unfinished_path(path).write_bytes(b"half of something longer")
    write_atomically(path, b"new")
    assert path.read_bytes() == b"new"
    assert not unfinished_path(path).exists()


def test_a_folder_can_be_flushed(tmp_path):
    sync_folder(tmp_path)
    (tmp_path / "file").touch()
    with pytest.raises(OSError, match="Not a directory"):
        sync_folder(tmp_path / "file")
