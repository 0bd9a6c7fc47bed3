import pytest

NOISE = "{noise: discrete-gaussian, epsilon: 1, delta: 0.00001}"


@pytest.fixture
def spent(desk, hansa, monkeypatch):
    """A coalition in which only noised sums leave, with one attempt at a run on its account."""
    monkeypatch.setenv("HANSA_FOLDER", "banks")
    charter = (desk / "charter.yaml").read_text()
    budget = "unnoised_sums: refused, budget: {epsilon: 2, delta: 0.00001}"
    (desk / "charter.yaml").write_text(charter.replace("unnoised_sums: allowed", budget))
    members = (desk / "members.yaml").read_text()
    own = "data: dan.csv, budget: {epsilon: 1.1, delta: 0.00001}"
    (desk / "members.yaml").write_text(members.replace("data: dan.csv", own))
    plan = (desk / "plan.yaml").read_text().replace("{noise: none}", NOISE).replace("stratified", "rows")
    plan = plan.replace("auc_together", "auc_pooled_together")
    (desk / "noised.yaml").write_text(plan)
    for tokens in (
        ("coalition", "found", "charter.yaml", "--members", "members.yaml", "--folder", "banks"),
        ("proposal", "open", "run", "noised.yaml", "--as", "ada"),
        ("proposal", "vote", "1", "yes", "--as", "all"),
        ("log", "tick", "--forward", "2d"),
        ("run", "start", "1", "--as", "ada"),
    ):
        answer = hansa(*tokens)
        assert answer.code == 0, answer.err
    return desk


def test_a_member_sees_what_was_learnt_by_whom_for_what_and_what_is_left(spent, hansa):
    text = hansa("account", "bob").out
    assert "What has been learnt from the data of `bob`" in text
    assert "spent   ε = 1 (rho 0.030552742)" in text
    assert "one more run of up to ε = 1.665" in text
    assert "epsilons do not simply add: what adds up is rho" in text
    assert "run: proposal.attempt" in text
    assert "Who pays late: Try things out. By" in text
    assert "(ε = 1, δ = 0.00001) for each row" in text


def test_the_report_of_a_noised_run_shows_its_guarantee_and_its_metrics(spent, hansa):
    answer = hansa("run", "report", "1")
    assert answer.code == 0, answer.err
    assert "(ε = 1, δ = 0.00001) for each row" in " ".join(answer.out.split())


def test_an_account_is_a_document_too(spent, hansa):
    found = hansa("account", "dan", "--json").json
    assert found["budget"] == {"epsilon": "1.1", "delta": "0.00001", "rho": "0.036400783"}
    (charge,) = found["charges"]
    assert (charge["proposal"], charge["attempt"], charge["status"]) == (1, 1, "completed")
    assert charge["cohort"] == ["ada", "bob", "cyd", "dan"]
    assert (charge["rho"], found["spent"]["rho"]) == ("0.030552742", "0.030552742")


def test_all_accounts_stand_in_a_table(spent, hansa):
    assert [found["member"] for found in hansa("account", "--json").json["accounts"]] == [
        "ada",
        "bob",
        "cyd",
        "dan",
    ]
    text = hansa("account").out
    assert ["dan", "1", "1.1", "1", "0.408"] in [line.split() for line in text.splitlines()]
    assert "without noise" not in text
    assert "the log's newest entry; every ε at δ = 0.00001" in text


def test_a_verification_says_how_the_data_sets_stand(spent, hansa):
    text = " ".join(hansa("verify", "banks").out.split())
    assert "✓ account no run passed a budget: the 4 data sets have spent ε = 1 of 1.1 to 2" in text


def test_a_second_opinion_adds_the_same_charges_up_and_stays_below(spent, hansa):
    pytest.importorskip("dp_accounting")
    found = hansa("account", "bob", "--second-opinion", "--json").json
    assert 0 < found["second_opinion"] < float(found["spent"]["epsilon"])
    assert "by dp-accounting" in hansa("account", "bob", "--second-opinion").out
    assert (
        "second opinion: by dp-accounting; it may be lower than ours"
        in hansa("account", "--second-opinion").out
    )


def test_a_second_opinion_needs_its_package(spent, hansa, monkeypatch):
    monkeypatch.setitem(__import__("sys").modules, "dp_accounting", None)
    answer = hansa("account", "--second-opinion", "--json")
    assert answer.code == 5
    assert "its extra `dp`" in answer.error["reasons"][0]


def test_runs_without_noise_are_listed_without_a_cost(ran, hansa):
    text = hansa("account", "ada").out
    assert "no formal guarantee" in text
    assert "1 attempt without noise" in text
    assert "budget  none" in text
    found = hansa("account", "ada", "--second-opinion", "--json").json
    assert (found["without_bound"], found["charges"][0]["rho"], found["second_opinion"]) == (1, None, None)


def test_before_any_run_nothing_was_learnt(founded, hansa):
    assert "Nothing yet" in hansa("account", "ada").out


def test_who_was_never_a_member_has_no_account(founded, hansa):
    answer = hansa("account", "zoe", "--json")
    assert (answer.code, answer.error["rule"]) == (4, "author.unknown")


def test_what_can_be_had_by_subtraction_is_said_to_whom_it_concerns(desk, hansa, monkeypatch):
    monkeypatch.setenv("HANSA_FOLDER", "banks")
    charter = (desk / "charter.yaml").read_text()
    (desk / "charter.yaml").write_text(charter.replace("allowed}", "allowed, differencing: allowed}"))
    hansa("coalition", "found", "charter.yaml", "--members", "members.yaml", "--folder", "banks")
    for leaver in ("dan", ""):
        number = hansa("proposal", "open", "run", "plan.yaml", "--as", "ada", "--json").json["entry"]
        hansa("proposal", "vote", number, "yes", "--as", "all")
        hansa("log", "tick", "--forward", "2d")
        assert hansa("run", "start", number, "--as", "ada").code == 0
        if leaver:
            hansa("member", "leave", "--as", leaver)
    assert "differ by this member only" in hansa("account", "dan").out
    assert "differ by" not in hansa("account", "ada").out


def test_a_plan_is_priced_for_each_data_set_before_the_vote(spent, hansa):
    answer = hansa("plan", "price", "noised.yaml")
    assert answer.code == 4
    assert "cost     rho 0.030552742 an attempt, to each data set" in answer.out
    meaning = "whatever anybody thinks of one row, all answers together may change its odds by a factor of at most 2.8"
    assert meaning in " ".join(answer.out.split())
    assert "WARNING" not in answer.out
    assert "over 4 members: at least 4 must stay, so 0 may vanish, and 2 may collude" in answer.out
    priced = hansa("plan", "price", "noised.yaml", "--json").json
    assert {p["member"]: p["verdict"] for p in priced["data"]} == {
        "ada": "fits",
        "bob": "fits",
        "cyd": "fits",
        "dan": "refused: over budget",
    }
    assert (priced["data"][0]["spent"], priced["data"][0]["after"]) == ("1", "1.46")
    assert [reason["rule"] for reason in priced["refused"]] == ["run.budget"]
    assert priced["refused"][0]["message"].startswith(
        "`dan` has spent ε = 1 (rho 0.030552742) of ε = 1.1 (rho 0.036400783) at δ = 0.00001; the run asks ε = 1 "
    )


def test_a_price_says_what_one_attempt_costs_and_at_most_all(spent, hansa, desk):
    (desk / "three.yaml").write_text((desk / "noised.yaml").read_text() + "\nattempts: 3\n")
    priced = hansa("plan", "price", "three.yaml", "--json").json
    assert (priced["attempts"], priced["rho"], priced["rho_at_most"]) == (3, "0.030552742", "0.091658226")
    words = " ".join(hansa("plan", "price", "three.yaml").out.split())
    assert "3 attempts may be made, so at most rho 0.091658226 in all" in words


def test_a_price_warns_of_a_recipe_that_is_not_installed_here(spent, hansa, desk):
    assert hansa("plan", "price", "noised.yaml", "--json").json["recipe_installed"] is True
    assert "WARNING" not in hansa("plan", "price", "noised.yaml").out
    plan = (
        (desk / "noised.yaml").read_text().replace("name: logistic", f"name: logistic, digest: {'ab' * 32}")
    )
    (desk / "other.yaml").write_text(plan)
    assert hansa("plan", "price", "other.yaml", "--json").json["recipe_installed"] is False
    words = " ".join(hansa("plan", "price", "other.yaml").out.split())
    assert "WARNING: the plan asks for the code" in words
    assert "leave `recipe.digest` out" in words


def test_a_plan_that_the_charter_refuses_is_priced_and_marked(spent, hansa):
    answer = hansa("plan", "price", "plan.yaml", "--json")
    assert (answer.code, answer.json["refused"][0]["rule"]) == (4, "run.noise")
    assert answer.json["rho"] is None


def test_a_plan_without_a_budget_is_refused_with_the_way_out(founded, hansa, desk):
    plan = (desk / "plan.yaml").read_text().replace("{noise: none}", NOISE).replace("stratified", "rows")
    plan = plan.replace("auc_together", "auc_pooled_together")
    (desk / "noised.yaml").write_text(plan)
    priced = hansa("plan", "price", "noised.yaml", "--json").json
    assert {p["verdict"] for p in priced["data"]} == {"refused: no budget"}
    assert "amend the charter: `privacy.budget`" in priced["refused"][0]["message"]


def test_data_sets_that_stand_alike_are_told_once(spent, hansa, desk):
    large = (desk / "noised.yaml").read_text().replace("epsilon: 1,", "epsilon: 1.9,")
    (desk / "large.yaml").write_text(large.replace("members: all", "members: [ada, bob, cyd]"))
    answer = hansa("plan", "price", "large.yaml")
    words = " ".join(answer.out.split())
    assert "all 3 data sets" in words
    assert "refused 3 data sets (`ada`, `bob`, `cyd`) have each spent ε = 1 " in words
    assert len(hansa("plan", "price", "large.yaml", "--json").json["refused"]) == 3
    refused = hansa("proposal", "open", "run", "large.yaml", "--as", "ada")
    assert refused.code == 4
    assert " ".join(refused.err.split()).startswith(
        "refused: 3 data sets (`ada`, `bob`, `cyd`) have each spent"
    )


def test_a_plan_without_noise_has_no_cost_and_nothing_after_it(founded, hansa):
    answer = hansa("plan", "price", "plan.yaml")
    assert "cost     not bounded: without noise no number limits what is shown" in answer.out
    priced = hansa("plan", "price", "plan.yaml", "--json").json
    assert {(p["after"], p["left"]) for p in priced["data"]} == {(None, None)}


def test_a_plan_that_fits_says_what_to_do_next(founded, hansa):
    answer = hansa("plan", "price", "plan.yaml")
    assert answer.code == 0
    assert "next: hansa proposal open run plan.yaml --as MEMBER" in answer.out


@pytest.mark.parametrize(
    ("epsilon", "factor"), [("8", "at most 2,981"), ("9.3", "more than 10,000"), ("100", "more than 10,000")]
)
def test_an_epsilon_that_bounds_next_to_nothing_is_said_to(founded, hansa, desk, epsilon, factor):
    """Where others run at an epsilon of 70,333 a round without a word."""
    plan = (
        (desk / "plan.yaml")
        .read_text()
        .replace("stratified", "rows")
        .replace("auc_together", "brier_together")
    )
    plan = plan.replace("{noise: none}", NOISE.replace("epsilon: 1", f"epsilon: {epsilon}"))
    (desk / "noised.yaml").write_text(plan)
    text = " ".join(hansa("plan", "price", "noised.yaml").out.split())
    assert f"by a factor of {factor}, but for a chance of" in text
    assert ("this bounds next to nothing" in text) == factor.startswith("more")
    (desk / "noised.yaml").write_text(plan.replace(f"epsilon: {epsilon}", "epsilon: 70333"))
    answer = hansa("plan", "price", "noised.yaml", "--json")
    assert (answer.code, answer.error["rule"]) == (3, "plan.budget")


def test_pricing_writes_nothing(founded, hansa):
    before = hansa("log", "show", "--json").json
    hansa("plan", "price", "plan.yaml")
    assert hansa("log", "show", "--json").json == before


def test_a_plan_that_is_wrong_is_refused_with_every_finding(founded, hansa, desk):
    (desk / "plan.yaml").write_text("version: 1\n")
    assert hansa("plan", "price", "plan.yaml", "--json").code == 3


def test_a_plan_with_noise_is_priced_in_accuracy_on_a_folder_of_tables(founded, hansa, desk):
    plan = (
        (desk / "plan.yaml")
        .read_text()
        .replace("stratified", "rows")
        .replace("auc_together", "brier_together")
    )
    (desk / "noised.yaml").write_text(
        plan.replace("{noise: none}", NOISE.replace("epsilon: 1", "epsilon: 8"))
    )
    accuracy = hansa("plan", "price", "noised.yaml", "--rehearse", ".", "--json").json["accuracy"]
    assert 0.5 < float(accuracy["auc_without_noise"]) < 1
    assert 0 < float(accuracy["auc_with_noise"]) < 1
    assert f"mean AUC {accuracy['auc_without_noise']} without noise" in hansa(
        "plan", "price", "noised.yaml", "--rehearse", "."
    ).out.replace("\n         ", " ")
    (desk / "tight.yaml").write_text(
        (desk / "noised.yaml")
        .read_text()
        .replace("{name: logistic", '{name: logistic, parameters: {clip: "0.001"}')
    )
    assert "WARNING: clipping bites" in " ".join(
        hansa("plan", "price", "tight.yaml", "--rehearse", ".").out.split()
    )
    answer = hansa("plan", "price", "plan.yaml", "--rehearse", ".")
    assert "the plan adds no noise" in answer.err
