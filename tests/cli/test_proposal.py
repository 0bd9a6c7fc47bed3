import pytest


def test_a_run_is_proposed_under_its_plans_name(founded, hansa):
    answer = hansa("proposal", "open", "run", "plan.yaml", "--as", "ada", "--json")
    assert answer.json["entry"] == 1
    assert answer.json["title"] == "Who pays late"
    assert hansa("proposal", "open", "expel", "dan", "--as", "bob", "--title", "Without Dan").code == 0
    titles = [p["title"] for p in hansa("proposal", "list", "--json").json["proposals"]]
    assert titles == ["Who pays late", "Without Dan"]
    assert "4 members vote until" in hansa("proposal", "open", "run", "plan.yaml", "--as", "ada").out


def test_an_empty_list_says_so(founded, hansa):
    assert hansa("proposal", "list").out == "There are no proposals yet.\n"


def test_a_proposal_is_shown_with_rule_count_and_ballots(proposed, hansa):
    hansa("proposal", "vote", "1", "no", "--as", "bob", "--reason", "too early")
    hansa("proposal", "recuse", "1", "--as", "dan", "--reason", "we wrote it")
    text = hansa("proposal", "show", "1").out
    assert "0 yes · 1 no · 1 recused · 2 absent; needs > 1/2 of cast, quorum 1/2" in text
    assert "too early" in text
    assert "Why not?" in text
    assert "no formal guarantee" in text
    shown = hansa("proposal", "show", "1", "--json").json
    assert [(b["member"], b["says"]) for b in shown["ballots"]] == [("bob", "no"), ("dan", "recused")]
    assert shown["counts"][0]["recused"] == "1"


def test_several_members_vote_at_once_until_it_is_settled(proposed, hansa):
    answer = hansa("proposal", "vote", "1", "yes", "--as", "ada", "--as", "bob")
    assert "2 members vote yes on proposal 1." in answer.out
    answer = hansa("proposal", "vote", "1", "yes", "--as", "all", "--json")
    assert answer.json["counted"] == ["cyd"]
    assert answer.json["outcome"] == "passed"


def test_everybody_who_has_not_voted_is_meant_by_all(proposed, hansa):
    hansa("proposal", "vote", "1", "abstain", "--as", "dan")
    hansa("proposal", "recuse", "1", "--as", "cyd")
    answer = hansa("proposal", "vote", "1", "abstain", "--as", "all", "--json")
    assert answer.json["counted"] == ["ada", "bob"]
    assert hansa("proposal", "vote", "1", "yes", "--as", "all").out.startswith("Nobody is left")


def test_each_vote_that_is_refused_is_named_with_its_rule_and_the_others_count(proposed, hansa):
    hansa("proposal", "vote", "1", "no", "--as", "dan")
    answer = hansa("proposal", "vote", "1", "no", "--as", "dan", "--as", "zoe", "--as", "ada")
    assert answer.code == 4
    assert "[ballot.double]" in answer.err
    assert "[author.unknown]" in answer.err
    assert "counted nevertheless: ada" in answer.err
    assert hansa("proposal", "list", "--json").json["proposals"][0]["no"] == 2


@pytest.mark.parametrize(
    ("tokens", "rule"),
    [
        (("proposal", "vote", "0", "yes", "--as", "ada"), "proposal.unknown"),
        (("proposal", "show", "9"), "proposal.unknown"),
        (("proposal", "recuse", "9", "--as", "ada"), "proposal.unknown"),
        (("proposal", "withdraw", "1", "--as", "bob"), "withdraw.author"),
        (("proposal", "recuse", "1", "--as", "zoe"), "author.unknown"),
        (("proposal", "open", "expel", "zoe", "--as", "ada"), "expel.unknown"),
        (("proposal", "open", "release", "1", "--as", "ada"), "run.not-completed"),
        (("proposal", "open", "release", "0", "--as", "ada"), "proposal.unknown"),
        (("proposal", "open", "amend", "charter.yaml", "--as", "ada"), "amend.version"),
    ],
)
def test_what_the_rules_forbid_is_refused_by_name(proposed, hansa, tokens, rule):
    answer = hansa(*tokens, "--json")
    assert (answer.code, answer.error["family"], answer.error["rule"]) == (4, "refused", rule)


def test_a_release_names_a_number(proposed, hansa):
    assert hansa("proposal", "open", "release", "late", "--as", "ada").code == 2


def test_a_plan_with_faults_is_refused_with_all_of_them(founded, hansa):
    text = (founded.parent / "plan.yaml").read_text().replace("minimum: 3", "minimum: 1").replace("3/10", "3")
    (founded.parent / "plan.yaml").write_text(text)
    answer = hansa("proposal", "open", "run", "plan.yaml", "--as", "ada")
    assert answer.code == 3
    assert "`cohort.minimum`" in answer.err
    assert "`split.test`" in answer.err


def test_an_own_proposal_is_withdrawn(proposed, hansa):
    assert "Proposal 1 is withdrawn" in hansa("proposal", "withdraw", "1", "--as", "ada").out
    answer = hansa("proposal", "vote", "1", "yes", "--as", "bob", "--json")
    assert (answer.code, answer.error["rule"]) == (4, "ballot.late")


def test_an_amendment_is_counted_under_both_charters_and_takes_effect(founded, hansa):
    text = (founded.parent / "charter.yaml").read_text()
    text = text.replace("version: 1", "version: 2").replace(
        'amend: {passes: ">= 2/3 of cast"', 'amend: {passes: "> 1/2 of cast"'
    )
    (founded.parent / "second.yaml").write_text(text)
    assert hansa("proposal", "open", "amend", "second.yaml", "--as", "ada").code == 0
    hansa("proposal", "vote", "1", "yes", "--as", "ada", "--as", "bob")
    shown = hansa("proposal", "show", "1", "--json").json
    assert [count["passes"] for count in shown["counts"]] == [">= 2/3 of cast", "> 1/2 of cast"]
    assert "version 2" in hansa("proposal", "show", "1").out
    hansa("proposal", "vote", "1", "yes", "--as", "all")
    hansa("log", "tick", "--forward", "4d")
    assert hansa("coalition", "show", "--json").json["charter"]["version"] == 2


def test_an_expulsion_leaves_the_one_concerned_without_a_vote(founded, hansa):
    hansa("proposal", "open", "expel", "dan", "--as", "ada")
    assert "expel a member" in hansa("proposal", "show", "1").out
    answer = hansa("proposal", "vote", "1", "no", "--as", "dan", "--json")
    assert (answer.code, answer.error["rule"]) == (4, "ballot.recused")
    hansa("proposal", "vote", "1", "yes", "--as", "all")
    hansa("log", "tick", "--forward", "2d")
    assert {m["id"]: m["status"] for m in hansa("member", "list", "--json").json["members"]}[
        "dan"
    ] == "expelled"


def test_a_text_that_cannot_stand_on_the_record_is_a_wrong_command_line(proposed, hansa):
    assert hansa("proposal", "open", "expel", "dan", "--as", "ada", "--title", "").code == 2
    assert hansa("proposal", "vote", "1", "yes", "--as", "ada", "--reason", "a\x07b").code == 2
    assert hansa("proposal", "vote", "1", "yes", "--as", "ada", "--reason", "a\udcffb").code == 2
