"""Regressions over the whole chain: votes, masked sums of every question, seals, the model among the blobs, the report."""

import io
import json

import numpy as np
import pytest
from liar import approve
from rich.console import Console

from hansa.governance import load_plan
from hansa.learning import recipe_digest, run_in_clear
from hansa.learning.reading import build_recipe
from hansa.learning.regression import FORMAT, list_estimates, parse_regression
from hansa.node import load_rows
from hansa.rehearsal import Founder, Silent, Stage, conduct_run
from hansa.rehearsal.gathering import gather_result
from hansa.rehearsal.report import render_report
from hansa.rehearsal.runner import locate_private_report
from hansa.rehearsal.summary import print_summary

NAMES = ("ada", "bob", "cyd")
PLAN = """
version: 1
name: What claims hang on
purpose: Know it together.
recipe: {{name: regression, parameters: {{family: {family}}}}}
label: {label}
features:
  - {{name: age, type: number, minimum: 18, maximum: 90}}
  - {{name: car, type: category, categories: [old, new]}}
cohort: {{members: all, minimum: 3}}
split: {{kind: rows, test: 3/10}}
privacy: {{noise: none}}
bars: [{{metric: {metric}, at_least: "0.05"}}]
leaves: [{{what: sums over the cohort, to: members of the cohort}}]
"""
LABELS = {
    "linear": "{name: cost, type: number, unit: EUR, minimum: -20, maximum: 120}",
    "poisson": "{name: claims, type: number, minimum: 0, maximum: 30, exposure: {name: years, minimum: 0.5, maximum: 2}}",
    "gamma": "{name: bill, type: number, minimum: 0.1, maximum: 2000}",
    "multinomial": "{name: grade, type: category, categories: [a, b, c]}",
    "cox": "{name: days, type: time, unit: days, step: 20, steps: 20, event: {name: died, positive: 'yes', negative: 'no'}}",
}


def write_rows(path, seed, rows=400):
    rng = np.random.default_rng(seed)
    age, new = rng.uniform(18, 90, rows), rng.random(rows) < 0.5
    pull = 0.03 * (age - 50) + 0.8 * new
    years, until = rng.uniform(0.5, 2, rows), rng.uniform(100, 400, rows)
    times = rng.exponential(np.exp(-pull) * 150)
    odds = np.column_stack([np.ones(rows), np.exp(pull), np.exp(-pull)]).cumsum(axis=1)
    columns = {
        "age": [f"{value:.1f}" for value in age],
        "car": np.where(new, "new", "old"),
        "cost": [f"{value:.2f}" for value in 50 + 8 * pull + rng.normal(size=rows)],
        "years": [f"{value:.3f}" for value in years],
        "claims": np.minimum(rng.poisson(years * np.exp(pull)), 30).astype(str),
        "bill": [f"{value:.2f}" for value in np.clip(rng.gamma(2, np.exp(pull) * 10), 0.1, 2000)],
        "grade": np.array(["a", "b", "c"])[(rng.random(rows)[:, None] * odds[:, -1:] > odds).sum(axis=1)],
        "days": [f"{value:.0f}" for value in np.minimum(np.maximum(times, 1), until)],
        "died": np.where(times <= until, "yes", "no"),
    }
    lines = [",".join(columns), *(",".join(row) for row in zip(*columns.values(), strict=True))]
    path.write_text("\n".join(lines) + "\n")
    return path


@pytest.fixture
def insurers(tmp_path, cast):
    founders = tuple(
        Founder(name, name.title(), "bank", "NL", 1, write_rows(tmp_path / f"{name}.csv", seed))
        for seed, name in enumerate(NAMES)
    )
    with Stage.found(tmp_path / "insurers", cast.charter, founders, "ada") as stage:
        yield stage


@pytest.mark.parametrize(
    ("family", "metric"),
    [
        ("poisson", "explained_together"),
        pytest.param("linear", "explained_together", marks=pytest.mark.slow),
        pytest.param("gamma", "explained_together", marks=pytest.mark.slow),
        pytest.param("multinomial", "accuracy_together", marks=pytest.mark.slow),
        pytest.param("cox", "concordance_together", marks=pytest.mark.slow),
    ],
)
def test_masked_sums_give_the_regression_of_plain_ones_and_everybody_seals_and_reads_it(
    insurers, family, metric
):
    text = PLAN.format(family=family, label=LABELS[family], metric=metric)
    plan = load_plan(text, "plan.yaml", recipe_digest=recipe_digest())
    number = approve(insurers, plan)
    ran = conduct_run(insurers, number, "ada", Silent())
    assert ran.run.status == "completed"
    assert set(ran.run.seals) == {*NAMES}
    document = json.loads(insurers.blobs.get(ran.model))
    assert document["format"] == FORMAT
    rows = [load_rows(insurers.actor(name).data, plan, name) for name in NAMES]
    plain = run_in_clear(build_recipe(plan.to_json(), NAMES), rows)
    model = parse_regression(document)
    np.testing.assert_allclose(model.coefficients, parse_regression(plain.document).coefficients, atol=1e-6)
    estimates = {(line.equation, line.column): line for line in list_estimates(model)}
    first = estimates["b" if family == "multinomial" else None, "age"]
    assert first.low < {"linear": 0.24}.get(family, 0.03) < first.high
    assert float(ran.run.metrics[metric]) == pytest.approx(plain.metrics[metric], abs=1e-5)
    for name in NAMES:
        kept = json.loads(locate_private_report(insurers.folder, name, ran.run.id).read_text())
        assert (kept["member"], kept["scored"]) == (name, True)
        assert kept["gain"]["value"] == pytest.approx(kept["together"]["value"] - kept["alone"]["value"])
    verify_told(gather_result(insurers, number, ran, []))


def verify_told(result):
    page = render_report(result)
    assert "standard error" in page
    assert "ROC-AUC" not in page
    console = Console(file=io.StringIO(), width=120)
    print_summary(result, console)
    assert "✓ met" in console.file.getvalue()
    assert "ROC-AUC" not in console.file.getvalue()
