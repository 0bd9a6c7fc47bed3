"""The flaws that were found in other people's differential privacy, each of them refused or absent here.

One test for each flaw of the systems that were read; `tests/rehearsal/test_private_peers.py` has those that take a
whole run. That an account lasts, adds up over attempts and refuses is in `tests/coalition/test_account.py`, that a
recipe's clipping holds what it declares in `tests/learning/test_sensitivity.py`.
"""

import ast
import random
from fractions import Fraction
from itertools import combinations
from pathlib import Path

import numpy as np
import pytest

import hansa
from hansa.budget import convert_to_epsilon
from hansa.errors import Refused
from hansa.privacy import Meter, Noise, noise_scale, perturb, sample_gaussian

SOURCE = Path(hansa.__file__).parent


def importers_of(package):
    for path in SOURCE.rglob("*.py"):
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            names = [alias.name for alias in node.names] if isinstance(node, ast.Import) else []
            names += [node.module or ""] if isinstance(node, ast.ImportFrom) else []
            if any(name.split(".")[0] == package for name in names):
                yield path.relative_to(SOURCE).as_posix()


# --- noise from a general-purpose generator -----------------------------------------------------------


def test_noise_is_drawn_in_one_place():
    """Flower, FedML and NVFlare draw noise with NumPy's or Python's generators."""
    assert {*importers_of("opendp")} == {"privacy/noise.py"}


def test_seeding_every_other_generator_fixes_no_noise():
    """Who knows NumPy's seed, or sets it in a data loader, takes the noise off again."""
    drawn = []
    for _ in range(2):
        random.seed(1)
        np.random.seed(1)  # noqa: NPY002 - the generator that others use
        drawn.append(sample_gaussian(1e15, 50).tolist())
    assert not {*drawn[0]} & {*drawn[1]}


def test_drawing_noise_asks_no_other_generator(monkeypatch):
    def forbid(*_arguments, **_names):
        raise AssertionError("a generator for simulations was asked")

    for name in ("normal", "standard_normal", "default_rng", "laplace", "bytes"):
        monkeypatch.setattr(np.random, name, forbid)
    for name in ("gauss", "normalvariate", "random", "getrandbits"):
        monkeypatch.setattr(random, name, forbid)
    assert len(sample_gaussian(100.0, 20)) == 20


# --- floats -------------------------------------------------------------------------------------------


def reach(answer, draw):
    """Values that 8,000 noised answers take."""
    return {*draw(answer, 8_000).tolist()}


def noised(answer, count):
    return perturb(np.full(count, answer, dtype=np.int64), np.full(count, 64.0), sample_gaussian)


def test_which_values_occur_tells_nothing_about_the_answer():
    """With floats, the last bits of a noised answer say which of two answers it was (Mironov 2012)."""
    generator = np.random.default_rng(3)
    floats = [reach(answer, lambda a, n: a + generator.normal(size=n) * 64) for answer in (0.0, 1.0)]
    assert not floats[0] & floats[1]  # the flaw, seen
    integers = [reach(answer, noised) for answer in (0, 1)]
    near = {*range(-60, 61)}
    assert near <= integers[0] & integers[1]


def test_a_noised_answer_is_a_whole_number():
    assert noised(7, 10).dtype == np.int64
    assert sample_gaussian(2.0**40 + 0.5, 10).dtype == np.int64


# --- noise that only the server adds ------------------------------------------------------------------


@pytest.mark.parametrize(
    ("members", "required", "colluders"), [(3, 3, 1), (5, 4, 2), (7, 6, 3), (33, 27, 11)]
)
def test_without_the_noise_of_those_who_tell_and_those_who_vanish_enough_is_left(
    members, required, colluders
):
    """Flower's server adds the noise, and so has the answers without it; here each member does, before its mask."""
    noise = Noise(sensitivity=2.0, rho=Fraction(1, 8))
    bits, coordinates = np.full(2_000, 20, dtype=np.uint8), 2_000
    honest = required - colluders
    scale = noise_scale(noise, bits, honest)
    shares = [
        perturb(np.zeros(coordinates, dtype=np.int64), scale, sample_gaussian) for _ in range(min(members, 7))
    ]
    wanted = noise.deviation**2
    own = np.mean((shares[0] / 2.0**20) ** 2) / wanted
    # Six standard deviations of a mean of 2,000 squares; passed by chance once in 10^9.
    give = 6 * np.sqrt(2 / coordinates)
    assert own == pytest.approx(1 / honest, rel=give)  # what each has by itself, whatever the others do
    if members > 7:
        return
    for present in combinations(range(members), required):
        for telling in combinations(present, colluders):
            left = sum(shares[who] for who in present if who not in telling) / 2.0**20
            assert np.mean(left**2) / wanted > 1 - give


def test_noise_for_fewer_who_keep_silent_would_have_been_told_apart():
    noise = Noise(sensitivity=2.0, rho=Fraction(1, 8))
    bits = np.full(2_000, 20, dtype=np.uint8)
    shares = [
        perturb(np.zeros(2_000, dtype=np.int64), noise_scale(noise, bits, 4), sample_gaussian)
        for _ in range(3)
    ]
    assert np.mean((sum(shares) / 2.0**20) ** 2) / noise.deviation**2 < 1 - 6 * np.sqrt(2 / 2_000)


# --- questions that nobody charges, and answers that nobody reads -------------------------------------


def test_a_question_on_the_side_is_charged_like_every_other():
    """Tuning, statistics and evaluation are asked of the same rows; NVFlare's and FedML's accountants see none of it."""
    meter = Meter(Fraction(1, 2), 3)
    for name in ("survey", "gram", "step 1", "evaluation"):
        meter.charge(name, Noise(1.0, Fraction(1, 8)))
    with pytest.raises(Refused, match=r"privacy\.budget: `one more look`"):
        meter.charge("one more look", Noise(1.0, Fraction(1, 10**9)))


def test_what_is_asked_without_noise_is_not_asked_at_all_where_noise_is_promised():
    with pytest.raises(Refused, match=r"privacy\.noise: the plan declares noise, and `histogram` is asked"):
        Meter(Fraction(1, 2), 3).charge("histogram", None)


def test_an_epsilon_of_seventy_thousand_cannot_be_sold_as_small():
    """A stock sparse-vector filter was measured at an epsilon of 70,333 a round: no data set's budget takes it."""
    once = convert_to_epsilon(Fraction(1, 2), "0.00001")
    assert convert_to_epsilon(Fraction(1, 2) * 100, "0.00001") > 8 * once  # a hundred rounds are not one
    with pytest.raises(Refused, match=r"privacy\.budget"):
        Meter(Fraction(1, 2), 3).charge("update", Noise(1.0, Fraction(70_333)))
