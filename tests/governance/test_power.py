import itertools

from hypothesis import given, settings
from hypothesis import strategies as st

from hansa.governance import DecisionRule, Elector, tally
from hansa.governance.power import MAX_TABLE_BITS, count_fewest_blockers, count_swings, make_cases, make_game

RULE = {"passes": "> 1/2 of cast", "quorum": "1/2", "period": "3d", "timelock": "1d"}


def rule_of(**changes):
    return DecisionRule.model_validate(RULE | changes)


def weighted(*weights):
    return [Elector(f"m{index}", "bank", weight) for index, weight in enumerate(weights)]


def who(game, enough, on_all_sides):
    """Names of those for whom `enough(bounds, units)` holds, on all sides of the game or on any."""
    return tuple(
        name
        for index, name in enumerate(game.names)
        if on_all_sides(enough(side.bounds, side.units[index]) for side in game.sides)
    )


def blockers(game):
    return who(game, lambda bounds, units: bounds.blocks(units), any)


def deciders(game):
    return who(game, lambda bounds, units: bounds.decides(units), all)


def indispensable(game):
    return who(game, lambda bounds, units: bounds.misses(units), any)


def fewest_blockers(game):
    return count_fewest_blockers(game, make_cases(game, expulsion=False)[1])


def test_equal_members_have_equal_power():
    game = make_game(rule_of(), weighted(1, 1, 1, 1, 1))
    assert count_swings(game) == (6,) * 5
    assert blockers(game) == deciders(game) == indispensable(game) == ()
    assert fewest_blockers(game) == 3


def test_the_european_council_of_1958_left_luxembourg_without_power():
    # Weights 4, 4, 4, 2, 2, 1 and 12 of 17 to pass; the swings are those of the literature: 10, 10, 10, 6, 6, 0.
    game = make_game(rule_of(by="weight", passes=">= 12/17 of eligible"), weighted(4, 4, 4, 2, 2, 1))
    assert count_swings(game) == (10, 10, 10, 6, 6, 0)


def test_a_dictator_has_all_power():
    game = make_game(rule_of(by="weight"), weighted(10, 3, 3, 3))
    assert count_swings(game) == (8, 0, 0, 0)
    assert deciders(game) == blockers(game) == ("m0",)


def test_a_double_majority_takes_the_dictatorship_and_leaves_the_veto():
    rule = rule_of()
    both = DecisionRule.model_validate(
        {
            "majorities": [{"passes": "> 1/2 of cast"}, {"by": "weight", "passes": "> 1/2 of cast"}],
            "quorum": "1/2",
        }
        | {"period": "3d", "timelock": "1d"}
    )
    assert blockers(make_game(rule, weighted(10, 3, 3, 3))) == ()
    game = make_game(both, weighted(10, 3, 3, 3))
    assert deciders(game) == ()
    assert blockers(game) == ("m0",)
    assert count_swings(game) == (4, 2, 2, 2)


def test_an_absent_member_can_break_a_quorum_of_all():
    assert indispensable(make_game(rule_of(quorum="1"), weighted(1, 1, 1))) == ("m0", "m1", "m2")


def test_nobody_can_pass_anything_when_all_are_recused():
    assert not make_game(rule_of(), weighted(1), recused=["m0"]).can_pass()


def test_sixty_members_of_different_weight_are_counted_exactly():
    electors = weighted(*range(1, 61))
    game = make_game(rule_of(by="weight"), electors)
    swings = count_swings(game)
    assert swings is not None
    assert list(swings) == sorted(swings)
    # One known sum, by counting subsets with a table of another shape.
    table = [1] + [0] * sum(range(1, 60))
    for weight in range(1, 60):
        for total in range(len(table) - 1, weight - 1, -1):
            table[total] += table[total - weight]
    needed = sum(range(1, 61)) // 2 + 1
    assert swings[-1] == sum(table[needed - 60 : needed])


def test_weights_that_differ_too_much_are_not_counted():
    game = make_game(rule_of(by="weight"), weighted(*(10**8 + 7**k for k in range(8))))
    assert count_swings(game) is None
    assert MAX_TABLE_BITS < 10**8


shares = st.sampled_from(["0", "1/4", "1/3", "1/2", "3/5", "2/3", "3/4", "1"])


@st.composite
def rules(draw):
    bases = draw(st.lists(st.sampled_from(["head", "class", "weight"]), min_size=1, max_size=2, unique=True))
    of = st.sampled_from(["cast", "present", "eligible"])
    return DecisionRule.model_validate(
        {
            "majorities": [{"by": by, "passes": f">= {draw(shares)} of {draw(of)}"} for by in bases],
            "quorum": draw(shares),
            "veto": draw(st.none() | shares.filter(lambda share: share != "0")),
            "weight_cap": draw(st.sampled_from([None, "1/10", "1/4", "2/5"])) if "weight" in bases else None,
            "period": "1h",
            "timelock": "0s",
        }
    )


electorates = st.lists(
    st.tuples(st.sampled_from(["bank", "shop"]), st.integers(1, 9)), min_size=1, max_size=6
).map(lambda people: [Elector(f"m{index}", *person) for index, person in enumerate(people)])


@settings(deadline=None)
@given(rules(), electorates, st.booleans())
def test_power_is_what_trying_all_ballots_shows(rule, electorate, one_recused):
    recused = [electorate[0].member] if one_recused and len(electorate) > 1 else []
    names = [elector.member for elector in electorate if elector.member not in recused]
    game = make_game(rule, electorate, recused)

    def passes(ballots):
        return tally(rule, electorate, ballots, recused, closed=True).outcome == "passed"

    def wins(yes):
        return passes({name: "yes" if name in yes else "no" for name in names})

    sets = [frozenset(s) for size in range(len(names) + 1) for s in itertools.combinations(names, size)]
    winning = {s for s in sets if wins(s)}
    swings = tuple(
        sum(s | {name} in winning and s not in winning for s in sets if name not in s) for name in names
    )
    assert count_swings(game) == swings
    assert game.can_pass() == (frozenset(names) in winning)
    assert blockers(game) == tuple(name for name in names if frozenset(names) - {name} not in winning)
    assert deciders(game) == tuple(name for name in names if frozenset({name}) in winning)
    assert indispensable(game) == tuple(
        name for name in names if not passes({other: "yes" for other in names if other != name})
    )
    if game.can_pass():
        smallest = min(len(s) for s in sets if frozenset(names) - s not in winning)
        assert fewest_blockers(game) == smallest
