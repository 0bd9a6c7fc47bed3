"""The attacks work where they must, and find nothing where there is nothing to find."""

import json
import math
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from hansa.learning.ranking import measure_auc
from leaks.audit import bound_epsilon, draw_lots, guess_lots, leave_out
from leaks.described import describe, measure_described, watch_statistics
from leaks.differencing import measure_noised_pairs, measure_pairs
from leaks.dropout import measure_dropout
from leaks.finding import Curve, Finding, measure_share
from leaks.gathering import gather_birds
from leaks.grown import grow, measure_growth, watch_growth
from leaks.histograms import measure_histogram
from leaks.membership import attack_candidate, drop_row, measure_candidates
from leaks.reconstruction import measure_members, measure_pick, measure_recovery
from leaks.released import Shadows, attack_by_loss, attack_offline, attack_online, train_alone, train_shadows
from leaks.singletons import measure_hidden, measure_singletons
from leaks.table import BEGIN, END, HEADINGS, insert_tables, write_markdown, write_text
from leaks.view import add_exactly, add_noise, additive_part, noise_deviation, watch

ROOT = Path(__file__).parents[2]


@pytest.fixture(scope="module")
def birds():
    return gather_birds()


@pytest.fixture(scope="module")
def small(birds):
    return birds.smallest(3)


@pytest.fixture(scope="module")
def noised(small):
    return small.with_noise(1, 1e-5)


@pytest.fixture
def generator():
    return np.random.default_rng(5)


def values(findings):
    return {(finding.setting, finding.measure): finding.value for finding in findings}


class TestCurve:
    def test_its_area_is_the_auc_that_the_recipe_measures_with_ties(self, generator):
        labels = (generator.random((1, 300)) < 0.4).astype(np.int8)
        scores = np.round(generator.normal(size=(1, 300)) + labels, 1)
        expected = measure_auc(labels[0], scores[0])
        assert Curve(labels, scores).measure(())[0] == pytest.approx(expected, abs=1e-12)

    def test_copies_of_rows_count_as_rows(self, generator):
        labels = (generator.random((1, 50)) < 0.5).astype(np.int8)
        scores = np.round(generator.normal(size=(1, 50)), 1)
        copies = generator.integers(0, 4, 50).astype(float)
        rows = np.repeat(np.arange(50), copies.astype(int))
        expected = measure_auc(labels[0, rows], scores[0, rows])
        assert Curve(labels, scores).measure((), copies)[0] == pytest.approx(expected, abs=1e-12)

    def test_a_perfect_attack_finds_all_without_a_false_alarm(self):
        curve = Curve(np.array([[1, 0, 1, 0]]), np.array([[3.0, 1.0, 2.0, 0.0]]))
        assert curve.measure((0.0,)) == [1.0, 1.0]

    def test_without_rows_of_both_kinds_there_is_none(self):
        with pytest.raises(ValueError, match="rows that trained and rows that did not"):
            Curve(np.ones((1, 3)), np.zeros((1, 3)))

    def test_scores_that_tie_are_accused_together_or_not_at_all(self):
        assert Curve(np.array([[1, 0]]), np.array([[1.0, 1.0]])).measure((0.5,))[1] == 0.0


class TestShares:
    @pytest.mark.parametrize(("hits", "trials"), [(0, 10), (10, 10), (3, 10)])
    def test_the_interval_holds_the_share(self, hits, trials):
        share, low, high = measure_share(hits, trials)
        assert 0 <= low <= share <= high <= 1
        assert low < high

    def test_more_trials_make_it_narrower(self):
        _, low, high = measure_share(30, 100)
        _, low_more, high_more = measure_share(300, 1000)
        assert high_more - low_more < high - low


class TestTheReleasedModel:
    def test_rows_of_an_overfit_model_are_told_from_others(self, small, generator):
        shadows = train_alone(small, 64, generator)
        labels = shadows.trained.astype(float)
        areas = [
            Curve(labels, attack(shadows)).measure(())[0]
            for attack in (attack_by_loss, attack_offline, attack_online)
        ]
        assert areas[0] > 0.54
        assert areas[2] > areas[1] > 0.6

    def test_rows_that_no_model_has_seen_are_told_by_nothing_but_chance(self, small, generator):
        shadows = train_shadows(small, 64, generator)
        # Lots that had nothing to do with the training: the attack must come out at a half.
        others = Shadows(generator.random(shadows.trained.shape) < 0.5, shadows.confidence)
        for attack in (attack_by_loss, attack_offline, attack_online):
            assert Curve(others.trained.astype(float), attack(others)).measure(())[0] == pytest.approx(
                0.5, abs=0.03
            )

    def test_lots_decide_who_trains(self, small, generator):
        rows, lots = small.draw(generator)
        for name, table in small.tables.items():
            assert len(rows[name].train) == lots[name].sum()
            assert len(rows[name].train) + len(rows[name].test) == len(table)


class TestTotals:
    @pytest.mark.parametrize("inside", [True, False])
    def test_without_noise_one_row_is_told_for_certain(self, small, inside):
        members = small.divide()
        recipe = small.recipe(members)
        owner = min(members)
        world = members if inside else {**members, owner: drop_row(members[owner], 3)}
        view = watch(recipe, list(world.values()))
        assert (attack_candidate(recipe, view.turns, members, owner, 3) > 1e3) is inside

    def test_the_additive_part_of_the_total_is_the_sum_of_single_rows(self, small):
        members = small.divide()
        recipe = small.recipe(members)
        for turn in watch(recipe, list(members.values())).turns:
            singles = np.sum(
                [
                    additive_part(
                        turn.question, recipe.answer(turn.question, type(rows)(name, one, one.take([])))
                    )
                    for name, rows in members.items()
                    for one in (rows.train.take([place]) for place in range(len(rows.train)))
                ],
                axis=0,
            )
            assert additive_part(turn.question, turn.total) == pytest.approx(singles, abs=1e-6)

    def test_totals_are_rounded_as_the_door_rounds_them(self, small):
        members = small.divide()
        recipe = small.recipe(members)
        question = recipe.ask(recipe.begin())
        answers = [recipe.answer(question, rows) for rows in members.values()]
        total = add_exactly(question, answers)
        assert total == pytest.approx(np.sum(answers, axis=0), abs=1e-8)


class TestNoise:
    def test_every_question_declares_it(self, noised, generator):
        view = watch(noised.recipe(noised.tables), list(noised.divide().values()), add_noise(generator))
        assert all(noise_deviation(turn.question) > 0 for turn in view.turns)

    def test_totals_hold_as_much_of_it_as_declared(self, noised, generator):
        members = noised.divide()
        recipe = noised.recipe(members)
        question = recipe.ask(recipe.begin())
        answers = [recipe.answer(question, rows) for rows in members.values()]
        added = add_noise(generator)(question, answers) - add_exactly(question, answers)
        assert np.std(added) == pytest.approx(noise_deviation(question), rel=0.02)

    def test_it_hides_the_lots(self, noised, generator):
        right = self.tell_lots(noised, add_noise(generator), generator)
        assert 0.3 < right < 0.7

    def test_too_little_of_it_does_not(self, small, generator):
        assert self.tell_lots(small.with_noise(100, 1e-5), add_noise(generator), generator) > 0.8

    def tell_lots(self, noised, protect, generator):
        members = noised.divide()
        lots = draw_lots(members, 80, generator)
        world = leave_out(members, lots, lots.inside)
        view = watch(noised.recipe(members), list(world.values()), protect)
        return np.mean((guess_lots(noised, members, lots, view) > 0) == lots.inside)

    def test_one_row_is_told_no_better_than_it_allows(self, noised, generator):
        told, most = measure_candidates(noised, 60, "1", generator=generator, protect=add_noise(generator))
        assert told.low < most.value < 0.7

    def test_a_row_is_picked_out_of_a_list_without_it_and_not_with_it(self, small, noised, generator):
        (bare,) = measure_pick(small, 2, "none", generator=generator)
        (hidden,) = measure_pick(noised, 2, "1", generator=generator, protect=add_noise(generator))
        assert (bare.value, hidden.value) == (1.0, 0.0)

    def test_the_difference_of_two_runs_is_mostly_noise(self, noised, generator):
        read, error = measure_noised_pairs(noised, sorted(noised.tables)[:2], "1", add_noise(generator))
        assert read.value < 0.2
        assert error.value > 10

    def test_a_category_of_one_row_is_hardly_told_from_one_of_none(self, noised, generator):
        told, kept = measure_hidden(noised, 10, "1", generator)
        assert told.value == pytest.approx(0.5, abs=0.08)
        assert told.low < told.value < told.high
        assert kept.unit == "count"


class TestStatistics:
    @pytest.mark.parametrize("inside", [True, False])
    def test_without_noise_their_totals_tell_one_row_for_certain(self, small, inside):
        described = describe(small)
        members = described.divide()
        recipe = described.recipe(members)
        owner = min(members)
        world = members if inside else {**members, owner: drop_row(members[owner], 3)}
        turns, _ = watch_statistics(recipe, list(world.values()))
        assert (attack_candidate(recipe, turns, members, owner, 3) > 1e3) is inside

    def test_all_rows_are_in_them(self, small):
        members = describe(small).divide()
        assert all(len(rows.train) == len(small.tables[name]) for name, rows in members.items())

    def test_their_document_leans_towards_its_rows_less_so_under_noise(self, small, generator):
        bare = next(measure_described(describe(small), 20, "none", generator=generator))
        noised = describe(small.with_noise(3, 1e-5))
        hidden = next(measure_described(noised, 20, "3", generator=generator, protect=add_noise(generator)))
        assert bare.low > 0.6
        assert hidden.high < bare.low

    def test_a_document_of_too_few_rows_is_none(self, noised, generator):
        described = describe(noised.smallest(1))
        (refused,) = measure_described(described, 2, "1", generator=generator, protect=add_noise(generator))
        assert refused.value == 1.0


class TestReconstruction:
    def test_few_rows_are_read_whole(self, birds, generator):
        found = values(measure_recovery(birds, (1, 5), 5, generator))
        assert set(found.values()) == {1.0}

    def test_of_many_more_rows_than_columns_hardly_any_are(self, birds, generator):
        largest = max(birds.tables, key=lambda name: len(birds.tables[name]))
        found = values(measure_members(birds, [largest], "largest", generator))
        assert 0 < found["largest", "rows read whole, label included"] < 0.01

    def test_a_row_that_alone_has_a_category_is_not_read_by_everybody(self, birds, generator):
        found = values(measure_members(birds, list(birds.tables), "all", generator))
        assert found["all", "rows read whole, label included"] == 0


class TestDifferencing:
    def test_two_runs_without_noise_give_one_members_counts_exactly(self, birds):
        leavers = sorted(birds.tables)[:2]
        assert set(values(measure_pairs(birds, leavers)).values()) == {1.0}


class TestDropout:
    def test_the_later_a_member_is_lost_the_nearer_the_difference_is_to_its_sums(self, birds):
        largest = max(birds.tables, key=lambda name: len(birds.tables[name]))
        early_gradient, early, late_gradient, late = measure_dropout(birds, [largest])
        assert late.value < 0.01 * early.value
        assert late_gradient.value < 0.01 * early_gradient.value


class TestHistograms:
    def test_few_rows_stand_alone_in_their_bins(self, small):
        found = values(measure_histogram(small))
        assert all(value > 0.9 for value in found.values())


class TestSingletons:
    def test_the_survey_shows_a_category_that_one_report_has(self, birds):
        found = {measure: value for (_, measure), value in values(measure_singletons(birds, 10, 3)).items()}
        assert found["shown though one row holds them"] == 1

    def test_no_column_is_of_few_rows_and_none_leaves_few_over(self, birds, small):
        for coalition in (birds, small):
            found = {m: value for (_, m), value in values(measure_singletons(coalition, 10, 3)).items()}
            assert found["columns of categories of fewer than 10 rows"] == 0
            assert found["features whose categories without a column are fewer than 10 rows in all"] == 0
            assert found["numbers missing in fewer than 10 rows, which have a column for that"] == 0


class TestAudit:
    def test_without_noise_all_lots_are_told(self, small, generator):
        members = small.divide()
        lots = draw_lots(members, 40, generator)
        world = leave_out(members, lots, lots.inside)
        view = watch(small.recipe(members), list(world.values()))
        assert ((guess_lots(small, members, lots, view) > 0) == lots.inside).all()

    def test_guesses_like_coin_tosses_refute_nothing(self):
        assert bound_epsilon(1000, 1000, 510, 1e-5, 0.05) == 0.0

    def test_right_guesses_refute_what_randomised_response_would_give(self):
        # Without delta the bound is a binomial's: 100 of 100 right at 5 % refutes rates below 0.05 ** (1 / 100).
        rate = 0.05 ** (1 / 100)
        expected = math.log(rate / (1 - rate))
        assert bound_epsilon(100, 100, 100, 0.0, 0.05) == pytest.approx(expected, abs=2e-3)

    def test_delta_makes_it_weaker(self):
        assert bound_epsilon(100, 100, 100, 1e-3, 0.05) < bound_epsilon(100, 100, 100, 0.0, 0.05)


class TestTheTable:
    FINDING = Finding("totals", "birds", "3 members", "none", "right", 0.975, 0.9, 1.0)

    def test_it_writes_shares_with_their_interval(self):
        assert "97.5 % (90 to 100)" in write_text([self.FINDING])

    def test_it_writes_an_error_of_many_times_the_whole_in_plain_digits(self):
        assert str(Finding("dropout", "birds", "3 members", "none", "off by", 113.02)) == "11,302 %"

    def test_it_goes_between_the_marks_and_nowhere_else(self, tmp_path):
        page = tmp_path / "page.md"
        page.write_text(f"above\n{BEGIN}\nold\n{END}\nbelow\n")
        insert_tables(page, write_markdown([self.FINDING]))
        text = page.read_text()
        assert text.startswith("above\n")
        assert text.endswith("\nbelow\n")
        assert "old" not in text
        assert "97.5 %" in text

    def test_a_page_without_marks_is_refused(self, tmp_path):
        page = tmp_path / "page.md"
        page.write_text("nothing here\n")
        with pytest.raises(ValueError, match="lacks the marks"):
            insert_tables(page, "x")

    def test_the_page_has_every_heading_that_the_command_makes(self):
        text = (ROOT / "docs/leakage.md").read_text()
        assert all(f"### {heading}" in text for heading in HEADINGS.values())


@pytest.mark.slow
def test_the_whole_command_runs(tmp_path):
    found = tmp_path / "found.json"
    command = [sys.executable, ROOT / "benchmarks/leakage.py", "--quick", "--json", found]
    subprocess.run(command, check=True, capture_output=True, timeout=300)
    assert {finding["attack"] for finding in json.loads(found.read_text())} == set(HEADINGS)


class TestTrees:
    def test_rows_that_stand_alone_in_a_node_are_read_and_minima_help_where_rows_are_few(self, small):
        victim = min(small.tables)
        (bare,) = measure_growth(grow(small, trees=10, minimum_rows=1, minimum_members=1), victim, "", "none")
        (held,) = measure_growth(grow(small, trees=10), victim, "", "none")
        assert bare.value > 0.05
        assert held.value == 0

    def test_without_noise_their_totals_tell_one_row_for_certain_and_with_it_they_do_not(
        self, small, noised, generator
    ):
        protect = add_noise(generator)
        right = {
            noise: next(
                measure_candidates(
                    grow(part, trees=2),
                    12,
                    noise,
                    generator=generator,
                    protect=door,
                    attack="grown",
                    look=watch_growth,
                )
            ).value
            for part, noise, door in ((small, "none", add_exactly), (noised, "epsilon 1", protect))
        }
        assert right["none"] == 1
        assert right["epsilon 1"] < 0.95
