"""Members with observations of birds, for statistics: numbers and categories, some missing, and no label."""

import numpy as np

from hansa.learning import CategoryFeature, NumberFeature, Rows, Schema, Table

SCHEMA = Schema(
    (
        NumberFeature("mass", 0.0, 10.0, missing=True),
        CategoryFeature("sky", ("Clear", "Some", "Overcast", "Never"), missing=True),
        NumberFeature("speed", -50.0, 350.0, missing=False),
        CategoryFeature("species", None, missing=False),
    )
)


def make(mass, sky, speed, species, schema=SCHEMA):
    return Table(
        schema,
        {"mass": np.array(mass, dtype=float), "speed": np.array(speed, dtype=float)},
        {"sky": np.array(sky, dtype=object), "species": np.array(species, dtype=object)},
        np.zeros(len(mass), np.int8),
    )


def draw_table(random, rows):
    mass = random.gamma(2.0, 1.5, rows).clip(0, 10).round(1)
    mass[random.random(rows) < 0.2] = np.nan
    sky = random.choice(
        np.array(["Clear", "Some", "Overcast", None], dtype=object), rows, p=[0.5, 0.3, 0.1, 0.1]
    )
    speed = random.normal(140, 40, rows).clip(-50, 350)
    species = random.choice(np.array(["gull", "crow", "kite"], dtype=object), rows, p=[0.6, 0.35, 0.05])
    return make(mass, sky, speed, species)


def members_of(tables):
    return [
        Rows(f"member-{k}", table, table.take(np.zeros(len(table), bool))) for k, table in enumerate(tables)
    ]


def pool(members, kind, name):
    return np.concatenate([getattr(rows.train, kind)[name] for rows in members])
