"""Generated members, and a stand-in for the door: fixed-point integers added modulo 2**64."""

import numpy as np
import pytest

from hansa.learning import CategoryFeature, NumberFeature, Rows, Schema, Table

SCHEMA = Schema(
    (
        NumberFeature("mass", 1.0, 5.0, missing=True),
        CategoryFeature("sky", ("Clear", "Some", "Overcast", "Never"), missing=True),
        NumberFeature("height", 0.0, 40000.0, missing=False),
        CategoryFeature("species", None, missing=True),
        NumberFeature("fixed", 0.0, 9.0, missing=False),
    )
)


class Door:
    """What the real door does to numbers, and nothing of what it hides."""

    def __init__(self):
        self.asked = []

    def __call__(self, question, answers):
        self.asked.append(question)
        bounds = question.bounds
        assert bounds.shape == (question.length,)
        assert np.isfinite(bounds).all()
        assert (bounds > 0).all()
        bits = np.clip(62 - np.ceil(np.log2(len(answers) * bounds)), 0, 50)
        total = np.zeros(question.length, dtype=np.uint64)
        for answer in answers:
            assert answer.shape == bounds.shape
            assert (np.abs(answer) <= bounds).all(), (question.name, np.flatnonzero(np.abs(answer) > bounds))
            total += np.rint(answer * 2.0**bits).astype(np.int64).view(np.uint64)
        return total.view(np.int64).astype(np.float64) / 2.0**bits


@pytest.fixture
def door():
    return Door()


@pytest.fixture(scope="session")
def open_door():
    return Door


def draw_table(rng, rows, shift=0.0, schema=SCHEMA, positive=None):
    """Rows in which mass, height, sky and species all tell something of the label."""
    mass = rng.integers(1, 6, rows).astype(float)
    mass[rng.random(rows) < 0.2] = np.nan
    height = np.minimum(rng.lognormal(6.0, 1.5, rows), 40000.0)
    sky = rng.choice(
        np.array(["Clear", "Some", "Overcast", None], dtype=object), rows, p=[0.4, 0.3, 0.2, 0.1]
    )
    species = rng.choice(np.array([f"bird {k}" for k in range(12)] + [None], dtype=object), rows)
    logit = shift - 1.0 + 0.6 * (np.nan_to_num(mass, nan=3.0) - 3.0) - 0.3 * np.log1p(height) / 3.0
    logit = logit + np.where(sky == "Overcast", 1.0, 0.0) + np.where(species == "bird 3", 2.0, 0.0)
    labels = (rng.random(rows) < 1 / (1 + np.exp(-logit))).astype(np.int8)
    if positive is not None:
        labels[:] = positive
    numbers = {"mass": mass, "height": height, "fixed": np.full(rows, 4.0)}
    return Table(schema, numbers, {"sky": sky, "species": species}, labels)


def draw_rows(seed, sizes, *, shifts=None, schema=SCHEMA):
    """Members of these sizes, three of four rows training."""
    rng = np.random.default_rng(seed)
    members = []
    for number, size in enumerate(sizes):
        table = draw_table(rng, size, 0.0 if shifts is None else shifts[number], schema)
        test = np.arange(size) % 4 == 0
        members.append(Rows(f"member-{number}", table.take(~test), table.take(test)))
    return members


@pytest.fixture(scope="session")
def schema():
    return SCHEMA


@pytest.fixture(scope="session")
def draw():
    return draw_rows


@pytest.fixture(scope="session")
def draw_one():
    return draw_table
