import pytest

from hansa.governance import lint_charter, load_charter, parse_charter
from hansa.governance.template import default_charter_text

NAMES = ("alpha", "beta", "gamma", "delta", "epsilon", "zeta", "eta", "theta", "iota", "kappa")

SMALL = """\
version: 1
name: Small
origin: small.example
purpose: Be small.
classes: {airline: {votes: true}, observer: {votes: false}}
decisions:
  amend: {RULE, quorum: 1/2, period: 7d, timelock: 1d}
  run: {passes: "> 1/2 of cast", quorum: 1/2, period: 7d, timelock: 1d}
privacy: {minimum_cohort: 3, unnoised_sums: allowed}
"""


@pytest.fixture
def lint(make_member):
    def lint(rule='passes: ">= 2/3 of cast"', weights=(1, 1, 1, 1, 1), *, replace=("", ""), classes=None):
        assert replace[0] in SMALL
        text = (SMALL.replace(*replace) if replace[0] else SMALL).replace("RULE", rule)
        members = [
            make_member(name, member_class, weight)
            for name, weight, member_class in zip(
                NAMES, weights, classes or ["airline"] * len(weights), strict=False
            )
        ]
        return {
            (finding.level, finding.rule.removeprefix("lint."), finding.message)
            for finding in lint_charter(load_charter(text, "charter.yaml"), members)
        }

    return lint


def rules(found, *levels):
    return {rule for level, rule, _ in found if level in (levels or ("error", "warning"))}


def about(found, noun):
    return {(level, rule, message) for level, rule, message in found if noun in message}


def test_a_plain_charter_of_equals_has_no_errors_and_no_warnings(lint):
    assert rules(lint()) == set()
    assert ("note", "blocking-minority", "2 of 5 members can block an amendment together") in lint()


def test_the_default_charter_lints_clean(make_member):
    charter = load_charter(default_charter_text("Any", "any.example"), "charter.yaml")
    for count in range(3, len(NAMES) + 1):
        findings = lint_charter(charter, [make_member(name, "member") for name in NAMES[:count]])
        worst = [finding.rule for finding in findings if finding.level != "note"]
        assert worst == (["lint.witness-all"] if count == 3 else [])


def test_a_heavy_member_blocks_alone(lint):
    found = lint('by: weight, passes: ">= 2/3 of cast"', (20, 20, 20, 40))
    assert ("warning", "blocks-alone", "delta alone can block every amendment (weight 40 of 100)") in found


def test_a_cap_is_named_where_it_counts(lint):
    found = lint('by: weight, passes: ">= 2/3 of cast", weight_cap: 2/5', (1, 1, 1, 97))
    assert (
        "warning",
        "blocks-alone",
        "delta alone can block every amendment (weight 40 of 43 after the cap)",
    ) in found


def test_a_dictator_is_named(lint):
    found = lint('by: weight, passes: "> 1/2 of cast"', (10, 3, 3, 3))
    assert ("warning", "decides-alone", "alpha alone can pass every amendment (weight 10 of 19)") in found
    assert ("warning", "blocks-alone", "alpha alone can block every amendment (weight 10 of 19)") in found
    assert (
        "warning",
        "never-matters",
        "the vote of beta, delta and gamma never matters for an amendment",
    ) in found


def test_a_class_of_one_member_can_block(lint):
    found = lint(
        'by: class, passes: "> 1/2 of cast"',
        (1, 1, 1, 1),
        replace=("observer: {votes: false}", "airport: {votes: true}"),
        classes=["airline", "airline", "airline", "airport"],
    )
    assert ("warning", "blocks-alone", "delta alone can block every amendment (1 of 2 classes)") in found


def test_a_member_whose_vote_never_matters_is_named(lint):
    found = lint('by: weight, passes: ">= 12/17 of eligible"', (4, 4, 4, 2, 2, 1))
    assert ("warning", "never-matters", "the vote of zeta never matters for an amendment") in found
    assert (
        "note",
        "power",
        "voting power for an amendment: alpha 24 %, beta 24 %, gamma 24 %, delta 14 %, epsilon 14 % and 1 others",
    ) in found


def test_an_amendment_that_everybody_must_agree_to_is_a_deadlock(lint):
    found = about(lint('passes: ">= 1 of eligible"'), "amendment")
    assert ("warning", "blocks-alone", "every member alone can block every amendment") in found
    assert ("warning", "needs-everybody", "one member who does not answer stops every amendment") in found


def test_a_quorum_of_all_is_a_deadlock_too(lint):
    found = lint(
        replace=(
            "quorum: 1/2, period: 7d, timelock: 1d}\n  run",
            "quorum: 1, period: 7d, timelock: 1d}\n  run",
        )
    )
    assert ("warning", "needs-everybody", "one member who does not answer stops every amendment") in found
    assert "blocks-alone" not in rules(found)


def test_a_quorum_that_needs_one_member_names_it(lint):
    found = lint('by: weight, passes: "> 1/2 of cast"', (10, 3, 3, 3))
    assert ("warning", "needs-one", "when alpha does not answer, no amendment can pass") in found


def test_a_veto_that_one_member_reaches_is_seen(lint):
    found = lint('passes: "> 1/2 of cast", veto: 1/5')
    assert ("warning", "blocks-alone", "every member alone can block every amendment") in found


@pytest.mark.parametrize(
    ("rule", "idle"),
    [
        ('passes: ">= 2/3 of cast", veto: 2/5', True),
        ('passes: ">= 2/3 of cast", veto: 1/3', False),
        ('passes: "> 2/3 of cast", veto: 1/3', True),
        ('passes: ">= 1/4 of cast", veto: 1/2', True),
        ('passes: ">= 1/4 of cast", veto: 2/5', False),
    ],
)
def test_a_veto_that_never_matters_is_noted(lint, rule, idle):
    assert ("veto-idle" in rules(lint(rule), "note")) is idle


def test_an_expulsion_is_judged_without_the_member_concerned(lint):
    expel = (
        "run: {",
        'expel: {passes: ">= 3/4 of eligible", quorum: 1/2, period: 7d, timelock: 1d}\n  run: {',
    )
    found = lint(weights=(1, 1, 1, 1), replace=expel)
    assert ("note", "blocks-alone", "every member alone can block every expulsion but its own") in found
    found = lint(weights=(1, 1, 1, 1, 1), replace=expel)
    assert ("note", "blocking-minority", "2 of 4 members can block an expulsion together") in found


def test_of_two_members_each_can_expel_the_other(lint):
    expel = (
        "run: {",
        'expel: {passes: ">= 3/4 of eligible", quorum: 1/2, period: 7d, timelock: 1d}\n  run: {',
    )
    found = lint(weights=(1, 1), replace=expel)
    assert ("warning", "decides-alone", "every member alone can pass every expulsion but its own") in found


def test_whose_expulsion_one_member_can_block_is_said(lint):
    expel = (
        "run: {",
        'expel: {by: weight, passes: "> 1/2 of cast", quorum: 0, period: 7d, timelock: 1d}\n  run: {',
    )
    found = about(lint(weights=(5, 4, 1, 1), replace=expel), "expulsion")
    assert (
        "warning",
        "blocks-alone",
        "alpha alone can block every expulsion but its own (weight 5 of 7)",
    ) in found
    assert ("warning", "blocks-alone", "beta alone can block the expulsion of alpha (weight 4 of 6)") in found


def test_the_expulsion_of_the_only_member_cannot_pass(lint):
    expel = ("run: {", 'expel: {passes: "> 1/2 of cast", quorum: 0, period: 7d, timelock: 1d}\n  run: {')
    found = lint(weights=(1,), replace=expel)
    assert ("error", "unreachable") in {(level, rule) for level, rule, _ in found}


def test_many_names_are_cut_short(lint):
    found = lint('by: weight, passes: "> 1/2 of cast"', (100, *(1,) * 9))
    message = next(message for _, rule, message in found if rule == "never-matters")
    assert (
        message == "the vote of beta, delta, epsilon, eta, gamma and 4 others never matters for an amendment"
    )


def test_weights_too_different_to_count_are_noted(lint):
    found = lint('by: weight, passes: "> 1/2 of cast"', tuple(10**8 + 7**k for k in range(8)))
    assert "power-uncounted" in rules(found, "note")


def test_weights_that_nothing_counts_are_noted(lint):
    assert "weights-unused" in rules(lint(weights=(1, 2, 3, 4)), "note")
    assert "weights-unused" not in rules(lint(), "note")


def test_a_cap_that_makes_all_equal_is_noted(lint):
    found = lint('by: weight, passes: "> 1/2 of cast", weight_cap: 1/10', (3, 4, 5, 6, 7))
    assert "cap-equalises" in rules(found, "note")


@pytest.mark.parametrize(
    ("level", "rule", "old", "new"),
    [
        ("error", "no-voters", "airline: {votes: true}", "airline: {votes: false}"),
        ("error", "class-unknown", "airline: {votes: true}", "airport: {votes: true}"),
        ("note", "class-empty", "observer:", "airport:"),
        ("warning", "decision-missing", "  run: {", "  release: {"),
        ("note", "decision-missing", "", ""),
        ("error", "period-below-tolerance", "classes:", "clock: {tolerance: 7d}\nclasses:"),
        ("note", "no-timelock", "timelock: 1d}\nprivacy", "timelock: 0s}\nprivacy"),
        (
            "warning",
            "early-without-timelock",
            "timelock: 1d}\nprivacy",
            "timelock: 0s, early: true}\nprivacy",
        ),
        ("error", "cohort-too-small", "minimum_cohort: 3", "minimum_cohort: 2"),
        ("error", "cohort-above-members", "minimum_cohort: 3", "minimum_cohort: 6"),
        ("warning", "no-budget", "unnoised_sums: allowed", "unnoised_sums: refused"),
        (
            "warning",
            "budget-beside-bare-sums",
            "unnoised_sums: allowed",
            "unnoised_sums: allowed, budget: {epsilon: 8, delta: 0.00001}",
        ),
        (
            "warning",
            "differencing",
            "unnoised_sums: allowed",
            "unnoised_sums: allowed, differencing: allowed",
        ),
        ("warning", "colluding-none", "unnoised_sums: allowed", "unnoised_sums: allowed, colluding: 0"),
        (
            "warning",
            "budget-large",
            "unnoised_sums: allowed",
            "unnoised_sums: allowed, budget: {epsilon: 10.1, delta: 0.00001}",
        ),
        ("warning", "dropouts-many", "unnoised_sums: allowed", "unnoised_sums: allowed, dropouts: 3/5"),
        ("error", "witness-unreachable", "classes:", "witnesses: {cosignatures: 6}\nclasses:"),
        ("warning", "witness-weak", "classes:", "witnesses: {cosignatures: 3}\nclasses:"),
    ],
)
def test_what_a_charter_overlooks_is_found(lint, level, rule, old, new):
    assert (level, rule) in {(level, rule) for level, rule, _ in lint(replace=(old, new))}


def test_an_assumption_at_its_limit_is_not_warned_of(lint):
    limit = "unnoised_sums: allowed, colluding: 1/10, dropouts: 1/2, budget: {epsilon: 10, delta: 0.00001}"
    found = rules(lint(replace=("unnoised_sums: allowed", limit)), "warning")
    assert found.isdisjoint({"colluding-none", "budget-large", "dropouts-many"})


def test_a_large_budget_is_told_by_its_factor(lint):
    budget = "unnoised_sums: allowed, budget: {epsilon: 12, delta: 0.00001}"
    found = lint(replace=("unnoised_sums: allowed", budget))
    assert any(rule == "budget-large" and "a factor of 162,754," in message for _, rule, message in found)


def test_a_charter_without_amendment_warns_that_it_can_never_change(lint):
    found = lint(replace=("  amend: {", "  release: {"))
    assert (
        "warning",
        "decision-missing",
        "`decisions` has no `amend`: this charter can never be changed",
    ) in found


def test_two_or_three_members_are_warned(lint):
    assert rules(lint(weights=(1, 1)), "warning") >= {"few-members", "witness-all"}
    assert rules(lint(weights=(1, 1, 1)), "warning") == {"witness-all"}
    assert rules(lint(weights=(1, 1)), "error") == set()


def test_all_findings_come_at_once_and_errors_first(make_member):
    text = SMALL.replace("RULE", 'passes: ">= 1 of eligible"').replace(
        "minimum_cohort: 3", "minimum_cohort: 2"
    )
    text = text.replace("classes:", "witnesses: {cosignatures: 9}\nclasses:")
    findings = lint_charter(load_charter(text, "charter.yaml"), [make_member(name) for name in NAMES[:4]])
    assert [finding.level for finding in findings] == sorted(
        (finding.level for finding in findings), key=["error", "warning", "note"].index
    )
    assert {"lint.cohort-too-small", "lint.witness-unreachable", "lint.blocks-alone"} <= {
        f.rule for f in findings
    }
    assert len(set(findings)) == len(findings)
    assert all(finding.message.isprintable() for finding in findings)


def test_without_members_only_the_charter_itself_is_judged(charter):
    assert [finding.rule for finding in lint_charter(charter, [])] == []


def test_the_order_of_members_does_not_matter(charter, make_member):
    members = [make_member(name, weight=weight) for weight, name in enumerate(NAMES, 1)]
    assert lint_charter(charter, members) == lint_charter(charter, members[::-1])


def test_hundreds_of_members_are_judged_in_good_time(make_member):
    charter = load_charter(default_charter_text("Any", "any.example"), "charter.yaml")
    form = charter.to_json()
    form["decisions"]["expel"]["majorities"] = [{"by": "weight", "passes": ">= 1 of eligible"}]
    ada = make_member("ada", "member")
    members = [ada.model_copy(update={"id": f"m{n}", "voting_weight": 1 + n}) for n in range(500)]
    found = {finding.rule for finding in lint_charter(parse_charter(form), members)}
    assert {"lint.blocks-alone", "lint.needs-everybody"} <= found
    strangers = [member.model_copy(update={"member_class": member.id}) for member in members]
    assert "lint.class-unknown" in {finding.rule for finding in lint_charter(charter, strangers)}


def test_one_member_that_blocks_most_expulsions_is_named_with_those(make_member):
    text = SMALL.replace("RULE", 'passes: ">= 2/3 of cast"').replace(
        "  run:",
        '  expel: {by: weight, passes: ">= 2/3 of eligible", quorum: 0, period: 7d, timelock: 1d}\n  run:',
    )
    weights = {"heavy": 22, **{f"m{n}": n for n in range(1, 10)}}
    found = lint_charter(
        load_charter(text, "charter.yaml"), [make_member(name, "airline", w) for name, w in weights.items()]
    )
    messages = [finding.message for finding in found if finding.rule == "lint.blocks-alone"]
    assert messages == [
        "heavy alone can block the expulsion of m2, m3, m4, m5, m6 or 3 others (weight 22 of 65)"
    ]


@pytest.mark.parametrize(
    ("members", "privacy", "asking"),
    [
        (3, "", "`privacy.minimum_cohort`, `privacy.colluding` and `privacy.dropouts`"),
        (3, ", colluding: 0, dropouts: 1/3", "`privacy.minimum_cohort`"),
        (4, "", "`privacy.colluding` and `privacy.dropouts`"),
        (4, ", colluding: 1/4", "`privacy.dropouts`"),
        (4, ", colluding: 1/4, dropouts: 1/4", None),
        (5, "", None),
        (5, ", dropouts: 0", "`privacy.dropouts`"),
        (10, ", colluding: 9/10", "`privacy.colluding`"),
    ],
)
def test_a_charter_under_which_nobody_may_vanish_is_noted_with_what_asks_for_it(
    lint, members, privacy, asking
):
    found = lint(weights=(1,) * members, replace=("allowed}", f"allowed{privacy}}}"))
    noted = [(level, message) for level, rule, message in found if rule == "nobody-may-vanish"]
    if asking is None:
        assert noted == []
        return
    ((level, message),) = noted
    assert level == "note"
    assert message.startswith(f"a run over all {members} members ends when one of them vanishes")
    assert message.endswith(f"is asked by {asking}")
