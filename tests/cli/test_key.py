import shutil

from hansa.rehearsal import Stage
from hansa.rehearsal.actor import KEY_FILE, NEXT_FILE
from hansa.rehearsal.keyring import rotate_key


def test_a_representative_votes_for_its_member_and_can_be_stopped(founded, hansa):
    answer = hansa("member", "key", "grant", "clara", "representative", "--as", "ada", "--json")
    assert answer.json["key"] == "ada/clara"
    assert hansa("proposal", "open", "expel", "dan", "--as", "ada/clara").code == 0
    assert "`ada/clara` votes no" in hansa("proposal", "vote", "2", "no", "--as", "ada/clara").out
    shown = hansa("proposal", "show", "2", "--json").json
    assert [ballot["member"] for ballot in shown["ballots"] if ballot["says"] == "no"] == ["ada"]
    answer = hansa("member", "leave", "--as", "ada/clara", "--json")
    assert (answer.code, answer.error["rule"]) == (4, "key.role")
    assert hansa("member", "key", "revoke", "clara", "--as", "ada").code == 0
    answer = hansa("proposal", "recuse", "2", "--as", "ada/clara", "--json")
    assert (answer.code, answer.error["rule"]) == (4, "key.revoked")
    assert hansa("verify", founded).code == 0


def test_a_name_is_granted_once_and_a_refused_grant_leaves_no_key_behind(founded, hansa):
    assert hansa("member", "key", "grant", "clara", "viewer", "--as", "ada").code == 0
    answer = hansa("member", "key", "grant", "clara", "viewer", "--as", "ada", "--json")
    assert (answer.code, answer.error["rule"]) == (4, "key.known")
    hansa("member", "leave", "--as", "dan")
    answer = hansa("member", "key", "grant", "eric", "viewer", "--as", "dan", "--json")
    assert (answer.code, answer.error["rule"]) == (4, "author.left")
    assert not (founded / "members" / "dan" / "keys" / "eric").exists()


def test_a_name_that_is_no_name_and_a_key_that_is_not_there_are_said_to_be_so(founded, hansa):
    assert hansa("member", "key", "grant", "../clara", "viewer", "--as", "ada").code == 2
    answer = hansa("proposal", "open", "expel", "dan", "--as", "ada/clara", "--json")
    assert (answer.code, answer.error["rule"]) == (4, "key.unknown")
    answer = hansa("proposal", "open", "expel", "dan", "--as", "ada/../../hub/key", "--json")
    assert (answer.code, answer.error["rule"]) == (4, "key.unknown")


def test_a_rotated_member_goes_on_with_its_new_key(founded, hansa):
    before = hansa("member", "show", "ada", "--json").json["key"]
    answer = hansa("member", "key", "rotate", "--as", "ada", "--json")
    assert answer.json["key"] != before
    assert hansa("proposal", "open", "expel", "dan", "--as", "ada").code == 0
    keys = hansa("member", "key", "list", "--json").json["keys"]
    assert {(key["status"], key["key"]) for key in keys if key["id"] == "ada"} == {
        ("active", answer.json["key"]),
        ("retired", before),
    }
    assert hansa("verify", founded).code == 0


def test_a_rotation_that_was_interrupted_is_finished_or_forgotten(founded, hansa):
    house = founded / "members" / "ada"
    shutil.copyfile(house / KEY_FILE, house.parent.parent / "old")
    with Stage.open(founded) as stage:
        rotate_key(stage, "ada")
    # As if the machine had stopped after the hub took the entry, and before the new key was put in its place.
    (house / KEY_FILE).rename(house / NEXT_FILE)
    shutil.copyfile(founded / "old", house / KEY_FILE)
    assert hansa("log", "tick").code == 0
    assert not (house / NEXT_FILE).exists()
    # As if it had stopped before.
    shutil.copyfile(founded / "old", house / NEXT_FILE)
    assert hansa("log", "tick").code == 0
    assert hansa("member", "key", "rotate", "--as", "ada").code == 0
    assert hansa("log", "tick").code == 0
