import multiprocessing
import os
import threading

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hansa.errors import HansaError, Malformed, Refused, Unavailable
from hansa.node import memory as module
from hansa.node.memory import Memory
from hansa.store.lock import BeingWritten, WriterLock

ONE, TWO, THREE = "1" * 64, "2" * 64, "3" * 64
SEVEN = ("ada", "bob", "cyd", "dan", "eve", "fay", "gus")


@pytest.fixture(autouse=True)
def _impatient(monkeypatch):
    monkeypatch.setattr(module, "_PATIENCE_SECONDS", 0.02)


def test_a_run_is_begun_once_also_by_another_process(tmp_path):
    Memory(tmp_path).begin(ONE)
    Memory(tmp_path).begin(TWO)
    with pytest.raises(Refused) as caught:
        Memory(tmp_path).begin(ONE)
    assert caught.value.rule == "run.again"


def test_of_two_that_begin_a_run_at_the_same_moment_one_does(tmp_path, monkeypatch):
    """Both are about to make the note before either has made it."""
    create, both, begun = module._create, threading.Barrier(2), []

    def create_together(path):
        both.wait(10)
        create(path)

    monkeypatch.setattr(module, "_create", create_together)

    def begin(name):
        try:
            Memory(tmp_path).begin(ONE)
        except Refused as error:
            begun.append(error.rule)
        else:
            begun.append(name)

    threads = [threading.Thread(target=begin, args=("begun",)) for _ in range(2)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted(begun) == ["begun", "run.again"]


def begin_all(folder, barrier, begun):
    for number in range(50):
        barrier.wait(30)
        try:
            Memory(folder).begin(f"{number:064x}")
        except Refused:
            continue
        begun.put(number)


def test_two_processes_begin_no_run_both(tmp_path):
    context = multiprocessing.get_context("spawn")
    barrier, begun = context.Barrier(2), context.Queue()
    processes = [context.Process(target=begin_all, args=(tmp_path, barrier, begun)) for _ in range(2)]
    for process in processes:
        process.start()
    numbers = [begun.get(timeout=60) for _ in range(50)]
    for process in processes:
        process.join()
    assert sorted(numbers) == list(range(50))
    assert begun.empty()


def test_while_one_compares_and_writes_a_second_is_refused_and_told_why(tmp_path):
    held = WriterLock(tmp_path / "memory")
    with pytest.raises(Unavailable, match=rf"`{tmp_path}/memory` is being written by process {os.getpid()}"):
        Memory(tmp_path).join_total(ONE, SEVEN, 3)
    assert not (tmp_path / "totals").exists()
    held.release()
    Memory(tmp_path).join_total(ONE, SEVEN, 3)


def test_of_two_that_join_totals_at_the_same_moment_no_note_is_lost(tmp_path, monkeypatch):
    write, inside, refused = module._write, threading.Event(), []

    def write_slowly(path, data):
        inside.set()
        try:
            Memory(tmp_path).join_total(TWO, SEVEN[1:], 3)
        except HansaError as error:
            refused.append(type(error))
        write(path, data)

    monkeypatch.setattr(module, "_write", write_slowly)
    Memory(tmp_path).join_total(ONE, SEVEN, 3)
    monkeypatch.setattr(module, "_write", write)
    assert (inside.is_set(), refused) == (True, [BeingWritten])
    with pytest.raises(Refused, match="the numbers of `ada`"):
        Memory(tmp_path).join_total(TWO, SEVEN[1:], 3)


def test_the_lock_is_given_back_after_a_refusal(tmp_path):
    Memory(tmp_path).join_total(ONE, SEVEN, 3)
    with pytest.raises(Refused):
        Memory(tmp_path).join_total(TWO, SEVEN[1:], 3)
    Memory(tmp_path).join_total(TWO, SEVEN, 3)


def test_totals_over_the_same_members_may_be_formed_again(tmp_path):
    for run in (ONE, ONE, TWO, THREE):
        Memory(tmp_path).join_total(run, SEVEN, 3)


def test_within_a_run_members_get_fewer(tmp_path):
    for lost in range(4):
        Memory(tmp_path).join_total(ONE, SEVEN[lost:], 3)


@pytest.mark.parametrize(("lost", "is_refused"), [(1, True), (2, True), (3, False), (4, False)])
def test_totals_of_two_runs_differ_by_no_one_or_by_enough_to_hide_each(tmp_path, lost, is_refused):
    for first, second in ((SEVEN, SEVEN[lost:]), (SEVEN[lost:], SEVEN)):
        folder = tmp_path / f"{len(first)}"
        folder.mkdir()
        Memory(folder).join_total(ONE, first, 3)
        if not is_refused:
            Memory(folder).join_total(TWO, second, 3)
            continue
        with pytest.raises(Refused) as caught:
            Memory(folder).join_total(TWO, second, 3)
        assert caught.value.rule == "run.differencing"
        assert ", ".join(f"`{name}`" for name in SEVEN[:lost]) in str(caught.value)
        assert "ask again over the same members as before, or propose a plan with noise" in str(caught.value)


def test_members_exchanged_for_others_differ_by_both(tmp_path):
    memory = Memory(tmp_path)
    memory.join_total(ONE, SEVEN[:5], 3)
    with pytest.raises(Refused):
        memory.join_total(TWO, (*SEVEN[:4], "fay"), 3)
    memory.join_total(TWO, SEVEN[2:], 3)


def test_every_total_is_held_against_every_one_of_every_other_run(tmp_path):
    memory = Memory(tmp_path)
    memory.join_total(ONE, SEVEN, 2)
    memory.join_total(ONE, SEVEN[3:], 2)
    memory.join_total(TWO, SEVEN, 2)
    for members in (SEVEN[1:], SEVEN[4:], SEVEN[2:]):
        with pytest.raises(Refused):
            memory.join_total(THREE, members, 2)


def test_a_refused_total_is_not_remembered(tmp_path):
    memory = Memory(tmp_path)
    memory.join_total(ONE, SEVEN, 3)
    with pytest.raises(Refused):
        memory.join_total(TWO, SEVEN[1:], 3)
    memory.join_total(THREE, SEVEN[4:], 3)


def test_what_was_noted_while_nothing_was_refused_is_held_against_later_totals(tmp_path):
    memory = Memory(tmp_path)
    memory.join_total(ONE, SEVEN, 1)
    memory.join_total(TWO, SEVEN[1:], 1)
    for members in (SEVEN, SEVEN[1:]):
        with pytest.raises(Refused):
            memory.join_total(THREE, members, 3)


@given(
    st.lists(
        st.tuples(st.sampled_from([ONE, TWO, THREE]), st.sets(st.sampled_from(SEVEN), min_size=3)), max_size=6
    ),
    st.integers(2, 5),
)
def test_no_totals_of_two_runs_tell_about_fewer_than_the_minimum(tmp_path_factory, totals, minimum):
    memory, formed = Memory(tmp_path_factory.mktemp("memory")), []
    for run, members in totals:
        is_telling = any(other != run and 0 < len(members ^ earlier) < minimum for other, earlier in formed)
        try:
            memory.join_total(run, sorted(members), minimum)
        except Refused:
            assert is_telling
        else:
            assert not is_telling
            formed.append((run, members))


@pytest.mark.parametrize(
    "text", ["", "{", "[]", "{}", '{"totals":1}', '{"totals":["ada"]}', '{"totals": []}']
)
@pytest.mark.parametrize("run", [ONE, TWO])
def test_a_damaged_note_is_not_believed_and_not_ignored(tmp_path, run, text):
    memory = Memory(tmp_path)
    memory.join_total(ONE, SEVEN, 3)
    (path,) = (tmp_path / "totals").iterdir()
    path.write_text(text)
    with pytest.raises(Malformed) as caught:
        memory.join_total(run, SEVEN, 3)
    assert caught.value.rule == "memory.form"


def test_an_unfinished_note_is_replaced(tmp_path):
    memory = Memory(tmp_path)
    (tmp_path / "totals").mkdir()
    (tmp_path / "totals" / f".{ONE}.json.unfinished").write_text('{"totals":[["ada"')
    memory.join_total(ONE, SEVEN, 3)
    assert [path.name for path in (tmp_path / "totals").iterdir()] == [f"{ONE}.json"]


def test_a_disk_that_takes_nothing_stops_the_member_before_anything_leaves(tmp_path):
    (tmp_path / "runs").write_text("a file where a folder should be")
    (tmp_path / "totals").write_text("")
    with pytest.raises(Unavailable):
        Memory(tmp_path).begin(ONE)
    with pytest.raises(Unavailable):
        Memory(tmp_path).join_total(ONE, SEVEN, 3)
    for call in (lambda memory: memory.begin(ONE), lambda memory: memory.join_total(ONE, SEVEN, 3)):
        with pytest.raises(Unavailable):
            call(Memory(tmp_path / "nowhere"))


def test_another_run_of_the_same_member_is_waited_for(tmp_path, monkeypatch):
    monkeypatch.setattr(module, "_PATIENCE_SECONDS", 5.0)
    lock = WriterLock(tmp_path / "memory")
    threading.Timer(0.2, lock.release).start()
    Memory(tmp_path).join_total(ONE, ("ada", "bob", "cyd"), 1)
    assert (tmp_path / "totals" / f"{ONE}.json").is_file()
