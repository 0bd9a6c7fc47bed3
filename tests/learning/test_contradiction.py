import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from hansa.errors import Refused
from hansa.learning import Logistic, Parameters, Result, Rows, run_in_clear
from hansa.learning.contradiction import find_contradictions

SIZES = (90, 60, 140, 33, 8, 70)
KIND = 16445


def names(members):
    return tuple(rows.member for rows in members)


def walk(recipe, members):
    """Every state of an honest run, with its question, everyone's answers and the total."""
    state = recipe.begin()
    while not isinstance(question := recipe.ask(state), Result):
        answers = [recipe.answer(question, rows) for rows in members]
        total = np.sum(answers, axis=0)
        yield state, question, answers, total
        state = recipe.learn(state, total, recipe.members)


@pytest.fixture(scope="module")
def members(draw):
    return draw(71, SIZES)


@pytest.fixture(scope="module")
def recipe(schema, members):
    return Logistic(schema, Parameters(), names(members))


@pytest.fixture(scope="module")
def rounds(recipe, members):
    found = {}
    for state, question, answers, total in walk(recipe, members):
        found.setdefault(question.name.split()[0], (state, question, answers, total))
    assert found.keys() == {"survey", "newton", "evaluation", "zoom"}
    return found


@settings(max_examples=8, deadline=None)
@given(
    seed=st.integers(0, 10**6),
    sizes=st.lists(st.integers(0, 90), min_size=3, max_size=6),
    way=st.tuples(st.booleans(), st.booleans(), st.sampled_from(["rows", "root", "members"])),
)
def test_an_honest_total_is_never_doubted_by_anyone(draw, open_door, seed, sizes, way):
    members = draw(seed, [*sizes, 120])
    intercepts, as_fixed_points, voice = way
    parameters = Parameters(organisation_intercepts=intercepts, voice=voice)
    recipe = Logistic(members[0].train.schema, parameters, names(members))
    door = open_door()

    def add(question, answers):
        total = door(question, answers) if as_fixed_points else np.sum(answers, axis=0)
        assert [*find_contradictions(question, total, len(answers))] == []
        for answer in answers:
            recipe.verify_total(question, answer, total, len(recipe.members))
        return total

    run_in_clear(recipe, members, add)


def change(place, amount):
    def lie(total):
        total[place] += amount

    return lie


def put(place, value):
    def lie(total):
        total[place] = value

    return lie


LIES = [
    ("survey", change(0, 0.5), "not whole"),
    ("survey", change(0, -1e4), "negative"),
    ("survey", put(1, 1e6), "more positives than rows"),
    ("survey", put(3, 1e6), "more positives than rows"),
    ("survey", put(4, 7), "more members that can be scored"),
    ("survey", put(2, 0), "more positives than rows"),
    ("survey", change(5, 1e4), "`mass`: the rows that have it"),
    ("survey", put(6, 0), "`mass`: the rows that have it or lack it"),
    ("survey", put(7, 0), "`mass`: the rows that have it or lack it"),
    ("survey", put(7, 7), "`mass`: the rows that have it or lack it"),
    ("survey", change(8, 0.25), "`mass`: a count or a whole part"),
    ("survey", put(9, 9.0), "`mass`: a remainder passes"),
    ("survey", change(8, 500.0), "`mass`: no values within the bounds"),
    ("survey", put(10, 0.0), "`mass`: no values within the bounds"),
    ("survey", change(12, -1), "`height`: the rows that have it"),
    ("survey", put(14, 1), "`height`: the rows that have it or lack it"),
    ("survey", change(26, 1), "`sky`: the categories do not add up"),
    ("survey", put(26, -1), "`sky`: a count is negative"),
    ("survey", put(31, 7), "`sky`: the rows of a category"),
    ("survey", put(31, 0), "`sky`: the rows of a category"),
    ("survey", put(0, 2.0**50), "passes what 6 members can add up to"),
    ("newton", put(0, -1.0), "the loss"),
    ("newton", put(0, 1e9), "the loss"),
    ("newton", change(1, 0.5), "not whole"),
    ("newton", put(-1, -1.0), "diagonal is negative"),
    ("newton", change(1, 4000.0), "the gradient is more"),
    ("evaluation", change(100, 1), "together: the histograms hold other rows"),
    ("evaluation", put(100, -1), "negative or not whole"),
    ("evaluation", put(2 * 8192, -5.0), "squared error"),
    ("evaluation", change(KIND + 2 * 8192 + 1, 1), "together: the calibration holds other rows"),
    ("evaluation", change(KIND + 2 * 8192 + 21, 9.0), "together: probabilities lie outside"),
    ("evaluation", put(2 * 8192 + 41, 1e4), "alone: an interval"),
    ("evaluation", put(-6, 4.5), "a count of members"),
    ("evaluation", put(-6, 3.0), "not those that the survey counted"),
    ("evaluation", put(-6, 7.0), "more members scored"),
    ("evaluation", put(-5, -0.5), "the sum of an AUC"),
    ("evaluation", put(-5, 6.5), "the sum of an AUC"),
    ("evaluation", put(-2, 6.0), "the members that gain"),
    ("zoom", change(0, 0.5), "not whole"),
    ("zoom", put(0, -1.0), "negative"),
    ("zoom", change(0, 1.0), "do not add up to the bin's"),
]


@pytest.mark.parametrize(("name", "lie", "words"), LIES)
def test_a_total_that_contradicts_itself_is_refused(recipe, rounds, name, lie, words):
    state, _, _, total = rounds[name]
    false = total.copy()
    lie(false)
    assert (false != total).any()
    with pytest.raises(Refused) as excinfo:
        recipe.learn(state, false, recipe.members)
    assert excinfo.value.rule == "recipe.total"
    assert any(words in reason for reason in excinfo.value.reasons), excinfo.value.reasons
    assert all(name in reason for reason in excinfo.value.reasons)


def test_histograms_that_agree_with_each_other_and_not_with_the_survey_are_refused(recipe, rounds):
    state, _, _, total = rounds["evaluation"]
    false = total.copy()
    for kind in range(3):  # one negative more, everywhere alike
        false[kind * KIND + 8192] += 1
        false[kind * KIND + 2 * 8192 + 1] += 1
    with pytest.raises(Refused, match="that the survey counted") as excinfo:
        recipe.learn(state, false, recipe.members)
    assert excinfo.value.rule == "recipe.total"


def test_a_hessian_that_no_rows_have_is_refused(recipe, rounds):
    state, question, _, total = rounds["newton"]
    width = len(question.coefficients)
    false = total.copy()
    false[1 + 2 * width + 1] = 0.9 * question.bounds[1 + 2 * width + 1]
    with pytest.raises(Refused, match="not that of any rows"):
        recipe.learn(state, false, recipe.members)


def test_many_contradictions_are_cut(recipe, rounds):
    state, _, _, total = rounds["survey"]
    with pytest.raises(Refused) as excinfo:
        recipe.learn(state, -total - 1.0, recipe.members)
    assert len(excinfo.value.reasons) == 10


# Lies that fit together, and yet not with the answer of the member who looks.
def move_category(total, others_members):
    """Take the rows of `sky = Clear` away from the total, as if fewer had it, and give them to `Some`."""
    total[21] += total[20]
    total[20] = 0
    total[25] = others_members


def own_bin_gone(total, answer):
    """Move a positive of this member to a bin where it has none."""
    own = int(np.flatnonzero(answer[:8192])[0])
    free = int(np.flatnonzero(answer[:8192] == 0)[0])
    total[free] += total[own]
    total[own] = 0


def auc_too_high(total, answer):
    total[-5] = total[-6] - 1 + answer[-5] + 0.01


def auc_too_low(total, answer):
    total[-5] = answer[-5] - 0.01


@pytest.mark.parametrize(
    ("name", "lie"),
    [
        ("survey", lambda total, _: move_category(total, 0)),
        ("survey", lambda total, answer: total.__setitem__(0, answer[0] - 1)),
        ("survey", lambda total, answer: total.__setitem__(3, answer[3] - 1)),
        ("survey", lambda total, _: total.__setitem__(4, 0)),
        ("newton", lambda total, answer: total.__setitem__(0, answer[0] / 2)),
        ("newton", lambda total, answer: total.__setitem__(-1, answer[-1] / 2)),
        ("evaluation", own_bin_gone),
        ("evaluation", lambda total, _: total.__setitem__(-6, 0)),
        ("evaluation", auc_too_high),
        ("evaluation", auc_too_low),
        ("zoom", lambda total, answer: total.__setitem__(int(np.argmax(answer > 0)), 0)),
    ],
)
def test_a_member_sees_a_lie_about_its_own_part(recipe, rounds, name, lie):
    _, question, answers, total = rounds[name]
    answer = max(answers, key=lambda each: each[:64].sum() if name == "zoom" else each[-6])
    recipe.verify_total(question, answer, total, len(recipe.members))
    false = total.copy()
    lie(false, answer)
    with pytest.raises(Refused) as excinfo:
        recipe.verify_total(question, answer, false, len(recipe.members))
    assert excinfo.value.rule == "recipe.total"
    # The coordinator reads this: it must not learn which of its numbers was too low.
    assert excinfo.value.reasons == (
        f"the announced total of `{question.name}` cannot hold this member's own answer",
    )


def test_a_category_of_one_member_cannot_be_given_more_rows_than_that_member_has(schema, draw):
    members = draw(72, (60, 60, 60))
    lone = members[0].train.codes["sky"] == 0
    others = [
        Rows(rows.member, rows.train.take(rows.train.codes["sky"] != 0), rows.test) for rows in members[1:]
    ]
    recipe = Logistic(schema, Parameters(), names(members))
    question = recipe.ask(recipe.begin())
    answers = [recipe.answer(question, rows) for rows in (members[0], *others)]
    total = np.sum(answers, axis=0)
    assert (total[26], total[31]) == (lone.sum(), 1)
    false = total.copy()
    false[26:28] += (10, -10)
    recipe.learn(recipe.begin(), false, recipe.members)  # it contradicts nothing by itself
    with pytest.raises(Refused):
        recipe.verify_total(question, answers[0], false, len(recipe.members))


def test_who_did_not_gain_sees_that_not_all_gained(recipe, rounds):
    _, question, answers, total = rounds["evaluation"]
    losers = [answer for answer in answers if answer[-6] == 1 and answer[-2] == 0]
    assert losers
    false = total.copy()
    false[-2] = false[-6]
    false[-4] = false[-5] + 0.5
    with pytest.raises(Refused):
        recipe.verify_total(question, losers[0], false, len(recipe.members))


def test_a_lie_that_other_rows_could_have_told_is_not_seen(recipe, rounds):
    _, question, answers, total = rounds["survey"]
    false = total.copy()
    false[1] += 1  # one positive more, somewhere else
    recipe.verify_total(question, answers[2], false, len(recipe.members))


def test_a_total_of_another_shape_is_our_own_mistake(recipe, rounds):
    _, question, answers, total = rounds["survey"]
    for pair in ((answers[0][1:], total), (answers[0], total[1:]), (answers[0], np.full_like(total, np.nan))):
        with pytest.raises(ValueError, match="finite numbers"):
            recipe.verify_total(question, *pair, len(recipe.members))
