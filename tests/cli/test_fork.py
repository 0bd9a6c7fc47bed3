"""A hub that shows different logs to different members, and what they find out by passing files."""

import shutil

import pytest


@pytest.fixture
def forked(founded, hansa):
    """One hub, with one key, that went on differently before two audiences."""
    other = founded.parent / "others"
    shutil.copytree(founded, other)
    hansa("member", "leave", "--as", "dan")
    for name in ("ada", "bob"):
        hansa("member", "leave", "--as", name, "--folder", other)
    return other


def test_two_members_find_a_fork_by_a_file_and_a_third_party_checks_the_evidence(founded, forked, hansa):
    assert hansa("log", "head", "--output", "head").code == 0
    answer = hansa("log", "compare", "head", "--folder", forked, "--json")
    assert (answer.code, answer.error["rule"]) == (4, "log.fork")
    evidence = answer.json["evidence"]
    shutil.rmtree(founded)
    shutil.rmtree(forked)
    answer = hansa("verify", evidence)
    assert answer.code == 0, answer.err
    assert "this log was forked" in answer.out
    document = hansa("verify", evidence, "--json").json
    assert document["fork"]
    assert document["key_of_the_founding"]
    assert hansa("verify", evidence, "--coalition", document["coalition"]).code == 0
    answer = hansa("verify", evidence, "--coalition", "ab" * 32, "--json")
    assert (answer.code, answer.error["rule"]) == (4, "audit.coalition")


def test_whose_log_is_shorter_learns_of_it_from_the_other_whole_log(founded, forked, hansa):
    hansa("log", "head", "--folder", forked, "--output", "head")
    answer = hansa("log", "compare", "head", "--json")
    assert (answer.code, answer.json["verdict"]) == (0, "ahead")
    answer = hansa("log", "compare", forked / "log", "--output", "evidence.json", "--json")
    assert (answer.code, answer.json["evidence"]) == (4, "evidence.json")
    assert (answer.json["entries"], answer.json["own_entries"]) == (3, 2)
    assert hansa("verify", "evidence.json").code == 0
    answer = hansa("log", "compare", forked)
    assert answer.code == 4
    assert "contradict each other" in answer.err


def test_members_with_one_log_find_nothing(founded, hansa):
    early = founded.parent / "early"
    shutil.copytree(founded, early)
    hansa("log", "tick")
    text = hansa("log", "head", "--folder", early).out
    (founded.parent / "head").write_text(text)
    for path, verdict in (("head", "behind"), (early, "behind"), (founded, "same")):
        answer = hansa("log", "compare", path, "--json")
        assert (answer.code, answer.json["verdict"]) == (0, verdict)
    answer = hansa("log", "compare", founded, "--folder", early, "--json")
    assert (answer.code, answer.json["verdict"]) == (0, "continues")
    assert not list(founded.parent.glob("fork-*"))


def test_changed_evidence_shows_nothing_and_evidence_is_not_overwritten(founded, forked, hansa):
    hansa("log", "compare", forked, "--output", "evidence.json")
    path = founded.parent / "evidence.json"
    path.write_text(path.read_text().replace('"proof":["', '"proof":["A', 1))
    assert hansa("verify", "evidence.json").code == 3
    answer = hansa("log", "compare", forked, "--output", "evidence.json", "--json")
    assert (answer.code, answer.error["rule"]) == (4, "compare.exists")
    path.write_text("{")
    answer = hansa("verify", "evidence.json", "--json")
    assert answer.code in {3, 4, 5}


def test_a_hub_that_goes_on_after_a_handover_is_recognised(founded, hansa):
    old = founded.parent / "old"
    shutil.copytree(founded, old)
    hansa("hub", "handover", "draft", "--as", "ada", "--output", "h.json")
    hansa("hub", "handover", "sign", "h.json", "--as", "bob", "--as", "cyd")
    assert hansa("hub", "handover", "take", "h.json").code == 0
    for name in ("dan", "bob"):
        hansa("member", "leave", "--as", name, "--folder", old)
    hansa("log", "head", "--folder", old, "--output", "head")
    answer = hansa("log", "compare", "head", "--json")
    assert (answer.code, answer.json["verdict"]) == (0, "superseded")
