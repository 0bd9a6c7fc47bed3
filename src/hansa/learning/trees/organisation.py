"""The organisation as a feature: not which one a row is from, but how often its label is 1 there, in coarse steps.

A bin of each organisation's own would hold that organisation's own sums, for all to see. A rate in steps is shared by
several, and its bins are formed like those of any number: only where enough members have rows.
"""

import math
from dataclasses import replace
from typing import Final

import numpy as np

from hansa.errors import Refused
from hansa.learning.tables import NumberFeature, Rows, Schema, Table

RATE: Final = NumberFeature("organisation rate", -6.0, 6.0, missing=True)
"""A logit; missing for a newcomer, who has no training rows."""

_STEPS: Final = 4
"""In one unit of logit."""


def find_rate(table: Table) -> float:
    """Return the logit of the share of label 1 in one member's training rows, in steps of a quarter; NaN without rows.

    One row of each label is added, and it is kept within the feature's bounds.
    """
    if not len(table):
        return math.nan
    logit = math.log((table.positives + 1) / (len(table) - table.positives + 1))
    return min(max(round(logit * _STEPS) / _STEPS, RATE.minimum), RATE.maximum)


def add_rate_to_schema(schema: Schema) -> Schema:
    """Return the features, and the rate after all others.

    Raises:
        Refused: `recipe.parameter`, a feature has its name already.
    """
    if any(feature.name == RATE.name for feature in schema.features):
        raise Refused("recipe.parameter", f"a feature is called `{RATE.name}` already; call it otherwise")
    return Schema((*schema.features, RATE))


def add_rate(rows: Rows) -> Rows:
    """Return a member's rows with the rate of its training rows in each; made once, so that what they remember is kept."""

    def extend() -> Rows:
        rate, schema = find_rate(rows.train), add_rate_to_schema(rows.train.schema)

        def fill(table: Table) -> Table:
            filled = {**table.numbers, RATE.name: np.full(len(table), rate)}
            extended = replace(table, schema=schema, numbers=filled)
            extended.__dict__["codes"] = table.codes  # coding texts again would cost more than all else
            return extended

        validation = None if rows.validation is None else fill(rows.validation)
        return Rows(rows.member, fill(rows.train), fill(rows.test), validation)

    return rows.remember("with rate", "", extend)
