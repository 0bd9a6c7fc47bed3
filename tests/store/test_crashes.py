"""Real kills: whatever the moment, the log opens, holds what was promised, and goes on."""

import random
import shutil
import subprocess
import sys
import time

import crashing
import pytest
from crashing import batch_of, boundaries, leaf_of, note_of, open_log
from vectorfiles import judge

from hansa.store import BlobStore, LogStore, publish, read_tree
from hansa.transparency import hash_leaf, parse_checkpoint, parse_note, root_of

PROGRAM = [sys.executable, crashing.__file__]


def run(*arguments):
    result = subprocess.run(
        [*PROGRAM, *map(str, arguments)], capture_output=True, text=True, check=True, timeout=120
    )
    return result.stdout


def check_after_crash(folder):
    """Check everything that was promised, then continue; return the size that was found."""
    promises = (
        [int(line) for line in (folder / "promised").read_text().split()]
        if (folder / "promised").exists()
        else []
    )
    promised = promises[-1] if promises else 0
    with open_log(folder) as store:
        size = store.size
        # 1. Nothing that was promised is lost; no call of append is there by half.
        assert size >= promised
        assert boundaries(size)
        # 2. The log holds what was written and nothing else.
        assert list(store.leaves()) == [leaf_of(index) for index in range(size)]
        assert store.frontier.root == root_of(hash_leaf(leaf_of(index)) for index in range(size))
        # 3. Its checkpoint, if there is one, is of a part of it.
        note = store.checkpoint()
        assert note is None or parse_checkpoint(parse_note(note).body).size <= size
        # 4. The public folder has a whole checkpoint or none, and is put right by publishing again.
        public = folder / "public"
        if (public / "checkpoint").exists():
            head = parse_checkpoint(parse_note((public / "checkpoint").read_text()).body)
            assert head.size <= size
            rule, tree = judge(read_tree, public)
            if rule:
                assert rule == "tree.unexpected-file"
            else:
                assert list(tree.leaves) == [leaf_of(index) for index in range(head.size)]
        # 5. A blob under its own name is whole.
        blobs = BlobStore(folder / "blobs")
        for blob in (folder / "blobs").iterdir():
            if not blob.name.startswith("."):
                blobs.get(blob.name)
        # 6. It goes on.
        grown = store.append([leaf_of(index) for index in range(size, size + batch_of(size))])
        assert grown == size + batch_of(size)
        store.save_checkpoint(note_of(store))
        publish(public, list(store.leaves()), note_of(store))
    tree = read_tree(public)
    assert list(tree.leaves) == [leaf_of(index) for index in range(grown)]
    return size


def check_sweep(command, folder, steps):
    folder.mkdir(exist_ok=True)
    outcomes = dict(map(int, line.split()) for line in run(command, folder, *steps).splitlines())
    assert set(outcomes) == set(steps)
    for step in steps:
        check_after_crash(folder / str(step))
    return outcomes


@pytest.fixture(scope="module")
def lines(tmp_path_factory):
    """How many lines of the store a whole round executes."""
    return int(run("count", tmp_path_factory.mktemp("count") / "work"))


def test_a_kill_before_any_of_a_sample_of_lines_loses_nothing(tmp_path, lines):
    steps = random.Random(7).sample(range(1, lines + 1), 30)
    outcomes = check_sweep("sweep", tmp_path / "sweep", steps)
    assert set(outcomes.values()) == {-9}


@pytest.mark.slow
def test_a_kill_before_any_line_loses_nothing(tmp_path, lines):
    for start in range(1, lines + 1, 200):
        folder = tmp_path / "sweep"
        outcomes = check_sweep("sweep", folder, range(start, min(start + 200, lines + 1)))
        assert set(outcomes.values()) == {-9}
        shutil.rmtree(folder)


def test_a_kill_before_any_of_a_sample_of_lines_loses_nothing_in_postgresql(
    tmp_path, lines, database, monkeypatch
):
    monkeypatch.setenv("LOG", database)
    sizes = []
    for step in random.Random(8).sample(range(1, lines + 1), 6):
        outcomes = check_sweep("sweep", tmp_path / "sweep", [step])
        assert set(outcomes.values()) <= {-9, 0}  # fewer lines are executed where the tables are there
        with LogStore.open(database) as store:
            sizes.append(store.size)
    assert sizes == sorted(sizes)
    assert sizes[-1] > 15


def test_a_kill_in_the_middle_of_sqlite_loses_nothing(tmp_path):
    outcomes = check_sweep("vm", tmp_path / "vm", [1, 2, 3, 5, 8, 11, 14, 17, 20, 25, 30, 40, 50, 10_000])
    assert list(outcomes.values()).count(-9) > 8
    assert outcomes[10_000] == 0


def test_a_kill_at_a_random_moment_loses_nothing(tmp_path):
    dice = random.Random(11)
    sizes = []
    for _ in range(4):
        with subprocess.Popen([*PROGRAM, "work", str(tmp_path)]) as process:
            before = (tmp_path / "promised").stat().st_size if (tmp_path / "promised").exists() else 0
            deadline = time.monotonic() + 30
            while time.monotonic() < deadline:
                if (tmp_path / "promised").exists() and (tmp_path / "promised").stat().st_size > before:
                    break
                time.sleep(0.01)
            time.sleep(dice.uniform(0, 0.15))
            process.kill()
        assert process.returncode == -9
        sizes.append(check_after_crash(tmp_path))
        # What the check itself appended was promised to nobody.
        with LogStore.open(tmp_path / "log.sqlite") as store, (tmp_path / "promised").open("a") as promised:
            promised.write(f"{store.size}\n")
    assert sizes == sorted(sizes)
    assert sizes[-1] > sizes[0]


def test_a_lost_end_of_the_journal_loses_whole_appends_only(tmp_path):
    """What a machine without power may leave: the write-ahead journal, cut anywhere."""
    path = tmp_path / "log.sqlite"
    store = LogStore.create(path)
    while store.size < 40:
        store.append([leaf_of(index) for index in range(store.size, store.size + batch_of(store.size))])
    image, journal = path.read_bytes(), path.with_name("log.sqlite-wal").read_bytes()
    store.close()
    sizes = set()
    for cut in [*range(0, len(journal), len(journal) // 40), len(journal)]:
        copy = tmp_path / "copy.sqlite"
        for old in tmp_path.glob("copy.sqlite*"):
            old.unlink()
        copy.write_bytes(image)
        copy.with_name("copy.sqlite-wal").write_bytes(journal[:cut])
        with LogStore.open(copy) as cut_store:
            assert boundaries(cut_store.size)
            assert list(cut_store.leaves()) == [leaf_of(index) for index in range(cut_store.size)]
            sizes.add(cut_store.size)
    assert len(sizes) > 5
