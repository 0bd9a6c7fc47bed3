import re
import shutil
import sqlite3
from contextlib import closing

import pytest

from hansa.store import LogStore


def verify(hansa, path, *tokens):
    return hansa("verify", path, *tokens, "--json")


def test_it_says_step_by_step_what_was_checked(ran, hansa):
    answer = hansa("verify", ran)
    assert answer.code == 0
    for step in (
        "✓ files       every file and every byte accounted for",
        "1 found, 1 propose, 3 ballot",
        "of 4 authors: nothing missing, repeated or reordered",
        "entry 1, run: in effect (3 yes · 0 no · 1 absent; needs > 1/2 of cast, quorum 1/2)",
        "the permit held; 4 of 4 contributors sealed",
        "at least 0.60: met",
        "by 4 of 4 members, 3 needed: final",
        "Compare this id with the one that you were given.",
    ):
        assert step in answer.out
    document = verify(hansa, ran).json
    assert document["signatures"] == document["entries"] + 3
    assert document["final"]
    assert document["runs"][0]["seals"] == 4
    assert len(document["blobs"]["checked"]) == 2


def test_folder_log_and_file_tell_the_same(ran, hansa):
    documents = [verify(hansa, path).json for path in (ran, ran / "log", ran / "hub" / "log.sqlite")]
    assert len({document.pop("path") for document in documents}) == 2
    assert documents[0] == documents[1] == documents[2]


def test_the_expected_coalition_is_confirmed_and_another_refused(ran, hansa):
    identity = verify(hansa, ran).json["coalition"]
    assert "as expected" in hansa("verify", ran, "--coalition", identity).out
    answer = verify(hansa, ran, "--coalition", "ab" * 32)
    assert (answer.code, answer.error["rule"]) == (4, "audit.coalition")


@pytest.mark.parametrize("identity", ["xyz", "ab" * 31, "AB" * 32])
def test_what_cannot_be_the_id_of_a_coalition_is_a_wrong_command_line(ran, hansa, identity):
    answer = hansa("verify", ran, "--coalition", identity)
    assert answer.code == 2
    assert "64 hexadecimal" in answer.err


def test_blobs_that_are_not_there_are_not_ticked_off(ran, hansa):
    shutil.rmtree(ran / "blobs")
    answer = hansa("verify", ran)
    assert answer.code == 0
    assert "✓ blobs" not in answer.out
    assert re.search(r"– blobs +2 named on the record do not lie here, and were not checked", answer.out)


def test_what_a_file_manager_left_is_told_apart_from_tampering(ran, hansa):
    (ran / "log" / ".DS_Store").write_bytes(b"\0")
    answer = verify(hansa, ran)
    assert (answer.code, answer.error["rule"]) == (3, "tree.unexpected-file")
    assert "says nothing about the entries: remove it" in answer.error["reasons"][0]


def test_a_coalition_without_a_published_log_says_why_that_may_be(ran, hansa):
    shutil.rmtree(ran / "log")
    answer = hansa("coalition", "show", "--folder", ran)
    assert answer.code == 5
    assert "its founding was interrupted" in answer.err
    assert hansa("log", "tick", "--folder", ran, "--forward", "10m").code == 0
    assert hansa("verify", ran).code == 0


def test_a_note_that_was_damaged_in_the_hubs_file_is_told_in_one_line(ran, hansa):
    path = ran / "hub" / "log.sqlite"
    with closing(sqlite3.connect(path)) as connection, connection:
        note = connection.execute("SELECT note FROM checkpoint ORDER BY tree_size DESC").fetchone()[0]
        for place in (0, len(note) // 2, note.index("\n") + 1, note.index("\n\n"), len(note) - 2):
            damaged = note[:place] + chr(ord(note[place]) ^ 4) + note[place + 1 :]
            connection.execute("UPDATE checkpoint SET note = ? WHERE note != ''", (damaged,))
            connection.commit()
            answer = verify(hansa, path)
            assert answer.code in {3, 4}, answer.out
            assert "\n" not in answer.error["reasons"][0]
            assert "checkpoint" in answer.error["reasons"][0]
    connection.close()


def test_a_note_in_the_hubs_file_that_is_no_text_any_more_is_told_in_one_line(ran, hansa):
    path = ran / "hub" / "log.sqlite"
    data = path.read_bytes()
    assert "—".encode() in data
    path.write_bytes(data.replace("—".encode(), b"\x60\x80\x94"))
    answer = verify(hansa, path)
    assert (answer.code, answer.error["rule"]) == (3, "log.checkpoint")
    assert answer.error["reasons"] == [f"checkpoint: its text in `{path}` is not UTF-8"]


@pytest.mark.parametrize(
    ("line", "whose"), [(-1, "the line of `dan`"), (-4, "the line of `ada`"), (-5, "the log's own line")]
)
def test_a_signature_under_the_checkpoint_that_was_changed_is_named_with_its_member(ran, hansa, line, whose):
    path = ran / "log" / "checkpoint"
    lines = path.read_text().splitlines(keepends=True)
    place = len(lines[line]) - 20
    other = "A" if lines[line][place] != "A" else "B"
    lines[line] = lines[line][:place] + other + lines[line][place + 1 :]
    path.write_text("".join(lines))
    answer = verify(hansa, ran)
    assert (answer.code, answer.error["rule"]) == (3, "signature.invalid")
    assert answer.error["reasons"][0].startswith("checkpoint: ")
    assert answer.error["reasons"][0].endswith(whose)


def list_flips(ran):
    for path in sorted(path for path in (ran / "log").rglob("*") if path.is_file()):
        data = path.read_bytes()
        for place in sorted({0, len(data) // 3, len(data) // 2, len(data) - 1}):
            yield path, data, place


def test_a_byte_flipped_anywhere_is_found_and_the_first_wrong_entry_named(ran, hansa):
    flips = list(list_flips(ran))
    assert len(flips) >= 12
    for path, data, place in flips:
        path.write_bytes(data[:place] + bytes([data[place] ^ 4]) + data[place + 1 :])
        answer = verify(hansa, ran)
        assert answer.code in {3, 4}, (path, place)
        assert re.match(r"entry \d+: |checkpoint: ", answer.error["reasons"][0]), (path, place, answer.out)
        path.write_bytes(data)
    assert verify(hansa, ran).code == 0


def test_a_file_too_many_or_too_few_is_found(ran, hansa):
    (ran / "log" / "notes.txt").write_text("hello")
    assert verify(hansa, ran).error["rule"] == "tree.unexpected-file"
    (ran / "log" / "notes.txt").unlink()
    next((ran / "log" / "tile" / "entries").rglob("*.p/*")).unlink()
    answer = verify(hansa, ran)
    assert (answer.code, answer.error["rule"]) == (3, "tree.missing-file")


def test_an_entry_changed_in_the_hubs_file_is_named(ran, hansa):
    path = ran / "hub" / "log.sqlite"
    connection = sqlite3.connect(path)
    connection.execute(
        "UPDATE leaf SET data = CAST(replace(CAST(data AS TEXT), '2026', '2027') AS BLOB) WHERE entry_index = 3"
    )
    connection.commit()
    connection.close()
    answer = verify(hansa, path)
    assert answer.code == 3
    assert answer.error["reasons"][0].startswith("entry 3: ")


def test_looking_at_the_hubs_file_changes_nothing_in_its_folder(ran, hansa):
    before = {path.name: path.read_bytes() for path in (ran / "hub").iterdir()}
    assert verify(hansa, ran / "hub" / "log.sqlite").code == 0
    assert {path.name: path.read_bytes() for path in (ran / "hub").iterdir()} == before


def test_a_file_that_is_no_log_is_malformed(desk, hansa):
    answer = verify(hansa, desk / "plan.yaml")
    assert answer.code == 3
    assert "plan.yaml" in answer.error["reasons"][0]


def test_entries_that_nobody_cosigned_are_said_to_be_so(ran, hansa):
    from hansa.coalition import Tick
    from hansa.rehearsal import Stage

    with Stage.open(ran) as stage:
        stage.say("ada", Tick())  # as if the process had been killed before the members cosigned
    path = ran / "hub" / "log.sqlite"
    assert verify(hansa, path).json["beyond_checkpoint"] == 1
    assert "which nobody has cosigned yet: 1" in hansa("verify", path).out


def test_a_log_without_any_checkpoint_is_malformed(desk, hansa):
    LogStore.create(desk / "log.sqlite").close()
    assert verify(hansa, desk / "log.sqlite").error["rule"] == "log.checkpoint"


@pytest.mark.parametrize("kept", [0, 2])
def test_too_few_cosignatures_are_not_final_and_not_a_success(ran, hansa, kept):
    path = ran / "log" / "checkpoint"
    lines = path.read_text().splitlines(keepends=True)
    path.write_text("".join(lines[: len(lines) - 4 + kept]))
    answer = verify(hansa, ran)
    assert (answer.code, answer.error["rule"]) == (4, "audit.not-final")
    assert answer.json["final"] is False
    answer = hansa("verify", ran)
    assert "NOT final" in answer.out
    assert "[audit.not-final]" in answer.err


def test_a_model_that_was_changed_is_named_with_its_entry(ran, hansa):
    model = hansa("run", "report", "1", "--json").json["model"]
    path = ran / "blobs" / model
    path.write_bytes(path.read_bytes().replace(b"1", b"2", 1))
    answer = verify(hansa, ran)
    assert (answer.code, answer.error["rule"]) == (3, "blob.digest")
    assert re.match(r"the model of attempt 1 \(entry \d+\)", answer.error["reasons"][0])
    path.unlink()
    assert verify(hansa, ran).json["blobs"]["absent"] == [model]
    (ran / "blobs" / "notes").write_text("hello")
    assert verify(hansa, ran).error["rule"] == "blob.name"


def test_a_published_log_alone_is_enough(ran, desk, hansa):
    shutil.copytree(ran / "log", desk / "elsewhere" / "log")
    document = verify(hansa, desk / "elsewhere" / "log").json
    assert document["final"]
    assert document["blobs"]["checked"] == []
