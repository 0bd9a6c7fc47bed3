import os
import signal

import pytest

from hansa.cli.record import read_record
from hansa.errors import Malformed, Refused, Unavailable
from hansa.node import mirror as mirrors
from hansa.node.mirror import Mirror
from hansa.store import publish, read_tree
from hansa.transparency import Checkpoint, SigningKey, hash_leaf, root_of, sign_checkpoint

KEY = SigningKey.from_seed(bytes(32))
SIZES = (1, 2, 255, 256, 257, 600, 700, 70_000)


def leaves_of(count):
    return [f"entry {number}".encode() for number in range(count)]


def note_of(leaves):
    return sign_checkpoint(
        Checkpoint("log.example", len(leaves), root_of(map(hash_leaf, leaves))), KEY, "log.example"
    ).encode()


def files_of(folder):
    return {path.relative_to(folder): path.read_bytes() for path in folder.rglob("*") if path.is_file()}


def grow(mirror, leaves, *sizes):
    for size in sizes:
        mirror.extend(mirror.size, leaves[mirror.size : size], note_of(leaves[:size]))


@pytest.fixture(autouse=True)
def _quick(monkeypatch):
    monkeypatch.setattr(os, "fsync", lambda _handle: None)


def test_a_mirror_that_grew_is_the_folder_that_would_be_published_at_once(tmp_path):
    leaves = leaves_of(SIZES[-1])
    mirror = Mirror(tmp_path / "log")
    for size in SIZES:
        grow(mirror, leaves, size)
        if size < 1_000:
            publish(tmp_path / str(size), leaves[:size], note_of(leaves[:size]))
            assert files_of(tmp_path / "log") == files_of(tmp_path / str(size))
    assert read_tree(tmp_path / "log").leaves == tuple(leaves)


def test_a_long_log_is_not_written_anew_for_each_entry(tmp_path, monkeypatch):
    leaves = leaves_of(10_001)
    mirror = Mirror(tmp_path / "log")
    grow(mirror, leaves, 10_000)
    written = []
    monkeypatch.setattr(mirrors, "write_atomically", lambda path, data: written.append((path, len(data))))
    grow(mirror, leaves, 10_001)
    assert len(written) == 3  # the last bundle, the last tile, the checkpoint
    assert sum(size for _, size in written) < 256 * (32 + 20) + 500


def test_a_mirror_goes_on_where_it_was(tmp_path):
    leaves = leaves_of(520)
    grow(Mirror(tmp_path / "log"), leaves, 300)
    again = Mirror(tmp_path / "log")
    assert again.load() == (tuple(leaves[:300]), note_of(leaves[:300]))
    assert again.load() is None
    grow(again, leaves, 520)
    assert read_tree(tmp_path / "log").leaves == tuple(leaves)


def test_entries_that_are_here_already_must_be_the_same(tmp_path):
    leaves = leaves_of(10)
    mirror = Mirror(tmp_path / "log")
    grow(mirror, leaves, 8)
    mirror.extend(0, leaves, note_of(leaves))
    assert mirror.size == 10
    mirror.extend(0, leaves[:3], note_of(leaves[:3]))  # older than the copy: nothing to add
    assert read_tree(tmp_path / "log").leaves == tuple(leaves)
    other = [*leaves[:4], b"another", *leaves[5:]]
    with pytest.raises(Refused, match="fork"):
        mirror.extend(0, other, note_of(other))
    assert read_tree(tmp_path / "log").leaves == tuple(leaves)


def test_entries_are_not_left_out(tmp_path):
    leaves = leaves_of(10)
    mirror = Mirror(tmp_path / "log")
    grow(mirror, leaves, 3)
    with pytest.raises(ValueError, match="holds 3"):
        mirror.extend(5, leaves[5:], note_of(leaves))


def test_a_full_disk_leaves_the_copy_as_it_was_and_the_entries_are_taken_later(tmp_path, monkeypatch):
    leaves = leaves_of(300)
    mirror = Mirror(tmp_path / "log")
    grow(mirror, leaves, 250)
    real = mirrors.write_atomically

    def fail(path, data):
        if path.name == "checkpoint":
            raise OSError(28, "No space left on device")
        real(path, data)

    monkeypatch.setattr(mirrors, "write_atomically", fail)
    with pytest.raises(Unavailable, match="No space left"):
        grow(mirror, leaves, 300)
    assert mirror.size == 250
    monkeypatch.setattr(mirrors, "write_atomically", real)
    grow(mirror, leaves, 280, 300)
    mirror = Mirror(tmp_path / "log")  # which removes what the failure left
    assert read_tree(tmp_path / "log").leaves == tuple(leaves)


def test_a_damaged_copy_is_not_believed(tmp_path):
    leaves = leaves_of(5)
    grow(Mirror(tmp_path / "log"), leaves, 5)
    path = next((tmp_path / "log" / "tile" / "entries").rglob("5"))
    path.write_bytes(path.read_bytes().replace(b"entry 3", b"entry 9"))
    with pytest.raises(Malformed, match="entry 3"):
        Mirror(tmp_path / "log")


def test_a_folder_of_other_things_is_left_alone(tmp_path):
    (tmp_path / "thesis.txt").write_text("mine")
    with pytest.raises(Refused, match=r"thesis\.txt"):
        Mirror(tmp_path)
    assert (tmp_path / "thesis.txt").read_text() == "mine"


@pytest.mark.parametrize(("before", "after"), [(0, 3), (250, 260), (255, 256), (511, 513)])
def test_killed_before_any_write_a_mirror_reads_whole_and_goes_on(tmp_path, before, after):
    leaves = leaves_of(after)
    for step in range(12):
        folder = tmp_path / str(step) / "log"
        mirror = Mirror(folder)
        if before:
            grow(mirror, leaves, before)
        child = os.fork()
        if child == 0:
            _die_at(step)
            grow(mirror, leaves, after)
            os._exit(0)
        killed = os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) != 0
        again = Mirror(folder)
        assert again.size in {before, after}
        if again.size:
            assert read_tree(folder).leaves == tuple(leaves[: again.size])
        grow(again, leaves, after)
        assert read_tree(folder).leaves == tuple(leaves)
        if not killed:
            break
    assert step >= 3


def _die_at(step):
    """Let this process be killed before its so-manieth write or removal of a file."""
    left = [step]

    def watch(call):
        def counted(*arguments, **options):
            if left[0] == 0:
                os.kill(os.getpid(), signal.SIGKILL)
            left[0] -= 1
            return call(*arguments, **options)

        return counted

    mirrors.write_atomically = watch(mirrors.write_atomically)
    mirrors.Path.unlink = watch(mirrors.Path.unlink)


def test_who_reads_the_copy_meanwhile_sees_it_whole(tmp_path):
    """A child adds entry after entry while the copy is read."""
    leaves = leaves_of(300)
    mirror = Mirror(tmp_path / "log")
    grow(mirror, leaves, 1)
    child = os.fork()
    if child == 0:
        for size in range(2, 301):
            grow(mirror, leaves, size)
        os._exit(0)
    sizes = set()
    while max(sizes, default=0) < 300:
        record = read_record(tmp_path / "log")
        sizes.add(len(record.leaves))
    assert os.waitpid(child, 0)[1] == 0
    assert len(sizes) > 2
