"""Digits in members' hands, each with other ones more often."""

import numpy as np
import pytest

from hansa.learning import NumberFeature, Rows, Schema, Table

PIXELS = Schema(tuple(NumberFeature(f"pixel {place}", 0.0, 16.0, missing=False) for place in range(64)))


@pytest.fixture(scope="session")
def digits():
    """1,797 images of 8 by 8; the label is whether the digit is odd; four members, sorted by digit but for some chance."""
    from sklearn.datasets import load_digits

    data = load_digits()
    order = np.argsort(data.target * 3 + np.random.default_rng(0).random(len(data.target)) * 20)
    members = []
    for number, part in enumerate(np.array_split(order, 4)):
        columns = {f"pixel {place}": data.data[part, place].astype(float) for place in range(64)}
        table = Table(PIXELS, columns, {}, (data.target[part] % 2).astype(np.int8))
        test = np.arange(len(part)) % 4 == 0
        members.append(Rows(f"member-{number}", table.take(~test), table.take(test)))
    return members
