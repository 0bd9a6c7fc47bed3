import json
import re
from fractions import Fraction
from pathlib import Path

import numpy as np
import pytest
from make_statistics import cases
from observations import SCHEMA, draw_table, members_of
from vectorfiles import judge, read, spell

from hansa.learning import (
    PrivateStatistics,
    Statistics,
    StatisticsParameters,
    Unit,
    run_in_clear,
    verify_statistics,
)

PAGE = Path(__file__).parents[2] / "docs" / "formats" / "statistics.md"
VECTORS = read("statistics")


@pytest.mark.parametrize("name", VECTORS)
def test_a_document_is_judged_as_its_name_says(name):
    expected, content = VECTORS[name]
    rule, _ = judge(verify_statistics, content["document"])
    assert rule == expected


def test_the_vectors_are_those_that_the_script_makes():
    made = {name: json.loads(spell(case)) for name, case in cases()}
    assert {name: content for name, (_, content) in VECTORS.items()} == made
    assert sum("-bad-" in name for name in VECTORS) > len(VECTORS) / 3


def test_what_recipes_make_is_accepted():
    members = members_of([draw_table(np.random.default_rng(seed), 200) for seed in range(4)])
    parameters = StatisticsParameters()
    verify_statistics(
        run_in_clear(Statistics(SCHEMA, parameters, tuple(r.member for r in members)), members).document
    )
    noised = PrivateStatistics(SCHEMA, parameters, Unit(), Fraction(1, 10), 1.3)
    verify_statistics(run_in_clear(noised, members).document)


def test_the_document_in_the_page_is_one():
    (example,) = re.findall(r"```json\n(.*?)```", PAGE.read_text(), re.DOTALL)
    verify_statistics(json.loads(example))


def test_every_rule_is_documented():
    rules = {rule for rule, _ in VECTORS.values() if rule}
    assert rules == set(re.findall(r"`(statistics\.[a-z]+)`", PAGE.read_text()))
