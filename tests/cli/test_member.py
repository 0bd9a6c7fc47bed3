import json


def test_members_are_listed_with_their_standing(founded, hansa):
    assert [m["id"] for m in hansa("member", "list", "--json").json["members"]] == [
        "ada",
        "bob",
        "cyd",
        "dan",
    ]
    assert "Dan Bank" in hansa("member", "list").out


def test_a_member_is_shown_with_what_it_said(ran, hansa):
    shown = hansa("member", "show", "bob", "--json").json
    assert [entry["kind"] for entry in shown["entries"]] == ["ballot", "run_seal"]
    assert not shown["since"].startswith("1970")
    assert "votes yes on proposal 1" in hansa("member", "show", "bob").out
    answer = hansa("member", "show", "zoe", "--json")
    assert (answer.code, answer.error["rule"]) == (4, "author.unknown")


def test_leaving_needs_nobodys_consent_and_ends_the_voice(founded, hansa):
    answer = hansa("member", "leave", "--as", "dan", "--reason", "enough")
    assert answer.code == 0
    assert "3 members remain" in answer.out
    assert {m["id"]: m["status"] for m in hansa("member", "list", "--json").json["members"]}["dan"] == "left"
    answer = hansa("member", "leave", "--as", "dan", "--json")
    assert (answer.code, answer.error["rule"]) == (4, "author.left")


def test_a_newcomer_is_enrolled_admitted_by_the_others_and_then_speaks(founded, hansa):
    answer = hansa("member", "enrol", "eve.yaml")
    assert answer.code == 0, answer.err
    assert "next: hansa proposal open admit admission-eve.json --as MEMBER" in answer.out
    answer = hansa("proposal", "open", "expel", "ada", "--as", "eve", "--json")
    assert (answer.code, answer.error["rule"]) == (4, "author.unknown")
    assert hansa("proposal", "open", "admit", "admission-eve.json", "--as", "ada").code == 0
    assert hansa("proposal", "vote", "1", "yes", "--as", "all").code == 0
    changed = hansa("log", "tick", "--forward", "2d", "--json").json["changed"]
    assert changed[0]["outcome"] == "in_effect"
    assert hansa("proposal", "open", "expel", "ada", "--as", "eve").code == 0


def test_an_admission_that_was_changed_is_malformed(founded, hansa):
    hansa("member", "enrol", "eve.yaml")
    path = founded.parent / "admission-eve.json"
    effect = json.loads(path.read_text())
    effect["member"]["voting_weight"] = 1000
    path.write_text(json.dumps(effect))
    answer = hansa("proposal", "open", "admit", path, "--as", "ada", "--json")
    assert (answer.code, answer.error["rule"]) == (3, "admit.consent")
    path.write_text("{")
    answer = hansa("proposal", "open", "admit", path, "--as", "ada", "--json")
    assert (answer.code, answer.error["rule"]) == (3, "admission.form")
    path.write_text(json.dumps({"effect": "expel", "member": "ada"}))
    answer = hansa("proposal", "open", "admit", path, "--as", "ada", "--json")
    assert (answer.code, answer.error["rule"]) == (3, "admission.form")


def test_an_admission_is_not_overwritten_and_can_be_signed_again(founded, hansa):
    key = hansa("member", "enrol", "eve.yaml", "--json").json["member"]["key"]
    answer = hansa("member", "enrol", "eve.yaml", "--json")
    assert (answer.code, answer.error["rule"]) == (4, "enrol.exists")
    again = hansa("member", "enrol", "eve.yaml", "--output", "again.json", "--json")
    assert again.json["member"]["key"] == key


def test_the_id_of_a_member_is_never_used_again(founded, hansa):
    (founded.parent / "eve.yaml").write_text("{id: dan, name: Another Dan, country: SE}")
    hansa("member", "leave", "--as", "dan")
    answer = hansa("member", "enrol", "eve.yaml", "--json")
    assert (answer.code, answer.error["rule"]) == (4, "admit.known")
