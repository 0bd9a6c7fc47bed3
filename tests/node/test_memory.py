import pytest
from hypothesis import given
from hypothesis import strategies as st

from hansa.errors import Malformed, Refused, Unavailable
from hansa.node.memory import Memory

QUESTION = bytes(32)
SEVEN = ("ada", "bob", "cyd", "dan", "eve", "fay", "gus")


def test_a_run_is_begun_once_also_by_another_process(tmp_path):
    Memory(tmp_path).begin("ab" * 32)
    Memory(tmp_path).begin("cd" * 32)
    with pytest.raises(Refused) as caught:
        Memory(tmp_path).begin("ab" * 32)
    assert caught.value.rule == "run.again"


def test_a_total_over_the_same_members_may_be_formed_again(tmp_path):
    for _ in range(3):
        Memory(tmp_path).join_total(QUESTION, SEVEN, 3)


@pytest.mark.parametrize(("lost", "is_refused"), [(1, True), (2, True), (3, False), (4, False)])
def test_two_totals_of_a_question_differ_by_no_one_or_by_enough_to_hide_each(tmp_path, lost, is_refused):
    for first, second in ((SEVEN, SEVEN[lost:]), (SEVEN[lost:], SEVEN)):
        folder = tmp_path / f"{len(first)}"
        folder.mkdir()
        Memory(folder).join_total(QUESTION, first, 3)
        if not is_refused:
            Memory(folder).join_total(QUESTION, second, 3)
            continue
        with pytest.raises(Refused) as caught:
            Memory(folder).join_total(QUESTION, second, 3)
        assert caught.value.rule == "run.differencing"
        assert ", ".join(f"`{name}`" for name in SEVEN[:lost]) in str(caught.value)
        assert "ask again over the same members as before, or propose a plan with noise" in str(caught.value)


def test_members_exchanged_for_others_differ_by_both(tmp_path):
    memory = Memory(tmp_path)
    memory.join_total(QUESTION, SEVEN[:5], 3)
    with pytest.raises(Refused):
        memory.join_total(QUESTION, (*SEVEN[:4], "fay"), 3)
    memory.join_total(QUESTION, SEVEN[2:], 3)


def test_every_total_is_held_against_every_earlier_one(tmp_path):
    memory = Memory(tmp_path)
    memory.join_total(QUESTION, SEVEN, 2)
    memory.join_total(QUESTION, SEVEN[3:], 2)
    with pytest.raises(Refused):
        memory.join_total(QUESTION, SEVEN[1:], 2)
    with pytest.raises(Refused):
        memory.join_total(QUESTION, SEVEN[4:], 2)


def test_a_refused_total_is_not_remembered(tmp_path):
    memory = Memory(tmp_path)
    memory.join_total(QUESTION, SEVEN, 3)
    with pytest.raises(Refused):
        memory.join_total(QUESTION, SEVEN[1:], 3)
    memory.join_total(QUESTION, SEVEN[4:], 3)


def test_another_question_has_a_memory_of_its_own(tmp_path):
    memory = Memory(tmp_path)
    memory.join_total(QUESTION, SEVEN, 3)
    memory.join_total(bytes(31) + b"\x01", SEVEN[1:], 3)


@given(st.lists(st.sets(st.sampled_from(SEVEN), min_size=3), max_size=6), st.integers(2, 5))
def test_no_two_remembered_totals_tell_about_fewer_than_the_minimum(tmp_path_factory, sets, minimum):
    memory, formed = Memory(tmp_path_factory.mktemp("memory")), []
    for members in sets:
        try:
            memory.join_total(QUESTION, sorted(members), minimum)
        except Refused:
            assert any(0 < len(members ^ other) < minimum for other in formed)
        else:
            formed.append(members)
    assert all(a == b or len(a ^ b) >= minimum for a in formed for b in formed)


@pytest.mark.parametrize(
    "text", ["", "{", "[]", "{}", '{"totals":1}', '{"totals":["ada"]}', '{"totals": []}']
)
def test_a_damaged_note_is_not_believed_and_not_ignored(tmp_path, text):
    memory = Memory(tmp_path)
    memory.join_total(QUESTION, SEVEN, 3)
    (path,) = (tmp_path / "totals").iterdir()
    path.write_text(text)
    with pytest.raises(Malformed) as caught:
        memory.join_total(QUESTION, SEVEN, 3)
    assert caught.value.rule == "memory.form"


def test_an_unfinished_note_is_replaced(tmp_path):
    memory = Memory(tmp_path)
    (tmp_path / "totals").mkdir()
    (tmp_path / "totals" / f".{QUESTION.hex()}.json.unfinished").write_text('{"totals":[["ada"')
    memory.join_total(QUESTION, SEVEN, 3)
    assert [path.name for path in (tmp_path / "totals").iterdir()] == [f"{QUESTION.hex()}.json"]


def test_a_disk_that_takes_nothing_stops_the_member_before_anything_leaves(tmp_path):
    (tmp_path / "runs").write_text("a file where a folder should be")
    (tmp_path / "totals").write_text("")
    with pytest.raises(Unavailable):
        Memory(tmp_path).begin("ab" * 32)
    with pytest.raises(Unavailable):
        Memory(tmp_path).join_total(QUESTION, SEVEN, 3)
