"""Three organisations with a table each, as dicts of columns."""

import random

import pytest


def make_table(seed, rows=100):
    draw = random.Random(seed)
    speed = [draw.randint(0, 100) for _ in range(rows)]
    sky = [draw.choice(["clear", "rain"]) for _ in range(rows)]
    damage = [int(draw.uniform(0, 120) < s + 20 * (k == "rain")) for s, k in zip(speed, sky, strict=True)]
    return {"speed": speed, "sky": sky, "damage": damage}


@pytest.fixture(scope="session")
def tables():
    return {name: make_table(seed) for seed, name in enumerate(("north", "south", "west"))}
