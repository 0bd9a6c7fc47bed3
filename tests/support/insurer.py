"""Four members of a made-up insurer, with an outcome of each kind, and their rows in one place for the peers."""

from dataclasses import dataclass

import numpy as np

from hansa.learning import CategoryFeature, NumberFeature, Rows, Schema, Table
from hansa.learning.design import encode_table
from hansa.learning.regression import Amount, Classes, Survival

SCHEMA = Schema(
    (
        NumberFeature("age", 0.0, 100.0, missing=False),
        NumberFeature("dose", -5.0, 5.0, missing=True),
        CategoryFeature("sex", ("f", "m"), missing=False),
    )
)
COST = Amount(NumberFeature("cost", -40.0, 60.0, missing=False))
CLAIMS = Amount(
    NumberFeature("claims", 0.0, 40.0, missing=False), NumberFeature("years", 0.5, 2.0, missing=False)
)
BILL = Amount(NumberFeature("bill", 0.5, 2000.0, missing=False))
GRADE = Classes("grade", ("a", "b", "c"))
DAYS = Survival("days", 10.0, 70)
SIZES = (500, 300, 260, 140)


def draw_table(seed, rows, shift=0.0):
    rng = np.random.default_rng(seed)
    age, dose = rng.uniform(20, 90, rows), np.clip(rng.normal(size=rows), -5, 5)
    sex = rng.choice(np.array(["f", "m"], dtype=object), rows, p=[0.6, 0.4])
    years = rng.uniform(0.5, 2.0, rows)
    pull = shift + 0.02 * (age - 50) + 0.5 * dose + 0.3 * (sex == "m")
    times, seen_until = rng.exponential(np.exp(-pull) * 200), rng.uniform(0, 600, rows)
    shares = np.column_stack([np.ones(rows), np.exp(pull), np.exp(0.2 - pull / 2)]).cumsum(axis=1)
    grades = (rng.random(rows)[:, None] * shares[:, -1:] > shares).sum(axis=1)
    dose[rng.random(rows) < 0.1] = np.nan
    numbers = {
        "age": age,
        "dose": dose,
        "years": years,
        "cost": np.clip(10 + 3 * pull + rng.normal(size=rows), -40, 60),
        "claims": np.minimum(rng.poisson(years * np.exp(pull - 0.5)), 40).astype(float),
        "bill": np.clip(rng.gamma(2, np.exp(pull + 3) / 2), 0.5, 2000),
        "days": np.minimum(np.minimum(times, seen_until), 700.0),
    }
    texts = {"sex": sex, "grade": np.array(["a", "b", "c"], dtype=object)[grades]}
    return Table(SCHEMA, numbers, texts, (times <= seen_until).astype(np.int8))


def draw_members(sizes=SIZES, shifts=None):
    members = []
    for number, size in enumerate(sizes):
        table = draw_table(number, size, 0.0 if shifts is None else shifts[number])
        test = np.arange(size) % 4 == 0
        members.append(Rows(f"m{number}", table.take(~test), table.take(test)))
    return members


def join_tables(tables):
    numbers = {name: np.concatenate([t.numbers[name] for t in tables]) for name in tables[0].numbers}
    texts = {name: np.concatenate([t.texts[name] for t in tables]) for name in tables[0].texts}
    return Table(SCHEMA, numbers, texts, np.concatenate([t.labels for t in tables]))


@dataclass
class Fitted:
    """A run through the door, and its training rows in one place."""

    result: object
    model: object
    pooled: Table

    @property
    def matrix(self):
        return encode_table(self.model.design, self.pooled).spell_out()

    def untangle(self, coefficients):
        """Turn a peer's coefficients per standard score into such per unit; the intercept first."""
        values = np.array(coefficients, dtype=float)
        place = 1
        for number in self.model.design.numbers:
            values[place] /= number.deviation
            values[0] -= values[place] * number.mean
            place += 1 + number.indicator
        return values
