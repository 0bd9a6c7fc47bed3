import base64

from hansa.transparency import parse_note_key, parse_receipt, verify_receipt


def test_the_log_is_shown_from_any_entry_on(ran, hansa):
    shown = hansa("log", "show", "--json").json
    assert [entry["index"] for entry in shown["entries"]] == list(range(shown["size"]))
    assert shown["entries"][0]["text"] == "founds `Four banks` with 4 members"
    later = hansa("log", "show", "--start", shown["size"] - 1, "--json").json
    assert len(later["entries"]) == 1
    assert "closes the run: completed" in hansa("log", "show").out
    assert "there is none from 999 on" in hansa("log", "show", "--start", "999").out


def test_a_tick_notes_the_time_and_pretends_it_only_when_asked(founded, hansa):
    answer = hansa("log", "tick", "--json")
    assert answer.json["forward_seconds"] == 0
    answer = hansa("log", "tick", "--forward", "8d")
    assert answer.out.startswith("The clock of this folder was put forward by 8d.")
    assert hansa("log", "tick", "--forward", "8").code == 2
    assert hansa("log", "tick", "--forward", "-8d").code == 2
    assert hansa("log", "tick", "--forward", "1s", "--json").json["forward_seconds"] == 1


def test_a_tick_says_what_fell_due(founded, hansa):
    hansa("proposal", "open", "expel", "dan", "--as", "ada")
    answer = hansa("log", "tick", "--forward", "4d")
    assert "Proposal 1, Expel dan: open → no quorum" in answer.out


def test_a_proof_can_be_checked_with_nothing_else(ran, hansa):
    document = hansa("log", "proof", "2", "--json").json
    text = hansa("log", "proof", "2").out
    assert text == document["receipt"]
    receipt = parse_receipt(text)
    verify_receipt(receipt, base64.b64decode(document["leaf"]), parse_note_key(document["log_key"]))
    assert receipt.index == 2


def test_there_is_no_proof_of_an_entry_that_is_not_there(ran, hansa):
    answer = hansa("log", "proof", "999", "--json")
    assert (answer.code, answer.error["rule"]) == (4, "proof.number")


def test_reading_needs_no_lock(ran, hansa):
    from hansa.rehearsal import Stage

    with Stage.open(ran):
        for tokens in (("log", "show"), ("proposal", "list"), ("coalition", "show"), ("verify", ran)):
            assert hansa(*tokens).code == 0
        answer = hansa("log", "tick", "--json")
        assert (answer.code, answer.error["family"]) == (5, "unavailable")
