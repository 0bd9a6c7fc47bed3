import json
from base64 import b64decode

from hansa.transparency import parse_note_key, parse_receipt, verify_receipt


def draft(hansa):
    return hansa(
        "hub", "handover", "draft", "--as", "ada", "--address", "https://second.example", "--output", "h.json"
    )


def test_a_hub_is_replaced_with_enough_signatures(founded, hansa):
    answer = draft(hansa)
    assert "by 1 members (ada), 3 needed" in answer.out
    answer = hansa("hub", "handover", "take", "h.json", "--json")
    assert (answer.code, answer.error["rule"]) == (4, "handover.signers")
    answer = hansa("hub", "handover", "sign", "h.json", "--as", "bob", "--as", "cyd", "--json")
    assert answer.json["signed_by"] == ["ada", "bob", "cyd"]
    assert hansa("hub", "handover", "show", "h.json", "--json").json == answer.json
    answer = hansa("log", "tick", "--json")
    assert (answer.code, answer.error["rule"]) == (4, "witness.pledged")
    assert hansa("hub", "handover", "take", "h.json").code == 0
    assert hansa("log", "tick").code == 0
    answer = hansa("verify", founded)
    assert answer.code == 0
    assert "entry 1: signed by enough members" in answer.out
    # The founding by 4, the handover by 3 and its key, the tick by 1.
    assert hansa("verify", founded, "--json").json["signatures"] == 4 + 4 + 1
    shown = hansa("log", "show", "--json").json["entries"]
    assert shown[1]["text"] == "hands the log over to another hub after 1 entries"
    document = hansa("log", "proof", "0", "--json").json
    receipt, log_key = parse_receipt(document["receipt"]), parse_note_key(document["log_key"])
    verify_receipt(receipt, b64decode(document["leaf"]), log_key)


def test_a_handover_is_not_overwritten_and_another_one_is_not_signed(founded, hansa):
    assert draft(hansa).code == 0
    answer = draft(hansa)
    assert answer.code == 4
    (founded.parent / "h.json").write_text("{}")
    answer = hansa("hub", "handover", "sign", "h.json", "--as", "bob", "--json")
    assert (answer.code, answer.error["rule"]) == (3, "envelope.form")
    (founded.parent / "h.json").write_text(json.dumps({"b": 1}, indent=1))
    answer = hansa("hub", "handover", "show", "h.json", "--json")
    assert answer.code == 3


def test_a_handover_of_another_coalition_is_not_signed(founded, hansa):
    draft(hansa)
    founded.rename(founded.parent / "others")
    members, charter = founded.parent / "members.yaml", founded.parent / "charter.yaml"
    hansa("coalition", "found", charter, "--members", members, "--folder", founded)
    answer = hansa("hub", "handover", "sign", "h.json", "--as", "bob", "--json")
    assert (answer.code, answer.error["rule"]) == (4, "handover.view")


def test_who_signed_a_handover_signs_another_only_when_told_to(founded, hansa):
    draft(hansa)
    (founded / "hub.next" / "key").unlink()
    again = ("hub", "handover", "draft", "--as", "ada", "--output", "again.json")
    answer = hansa(*again, "--json")
    assert (answer.code, answer.error["rule"]) == (4, "handover.pledged")
    assert hansa(*again, "--instead").code == 0
    assert hansa("hub", "handover", "sign", "h.json", "--as", "bob").code == 0
    answer = hansa("hub", "handover", "sign", "again.json", "--as", "bob", "--json")
    assert (answer.code, answer.error["rule"]) == (4, "handover.pledged")
    assert hansa("hub", "handover", "sign", "again.json", "--as", "all", "--instead").code == 0
    assert hansa("hub", "handover", "take", "again.json").code == 0
    assert hansa("log", "tick").code == 0
