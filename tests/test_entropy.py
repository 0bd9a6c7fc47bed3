"""Randomness has one source each: keys the operating system's generator, noise one exact sampler."""

import ast
from pathlib import Path

import pytest

import hansa
from hansa.entropy import draw

SOURCE = Path(hansa.__file__).parent

GENERATORS = {"random", "secrets", "uuid", "numpy.random", "scipy.stats", "os.urandom", "os.getrandom"}

ALLOWED = {
    "entropy.py": {"os.urandom"},
    # What a plan's noise would do to accuracy is tried out on tables that stay at home; nothing of it leaves.
    "rehearsal/pricing.py": {"numpy.random"},
}


def names_in(path):
    """Return what a module imports, and what it reaches by a dotted name, `np` spelt out."""
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom) and node.module:
            yield from (node.module, *(f"{node.module}.{alias.name}" for alias in node.names))
        elif isinstance(node, ast.Attribute):
            dotted = ast.unparse(node).replace("np.", "numpy.", 1)
            if dotted.startswith(("numpy.", "os.")):  # the rest must be imported by its name
                yield dotted


def generators_of(path):
    reached = {*names_in(path)}
    return {name for name in GENERATORS if any(f"{each}.".startswith(f"{name}.") for each in reached)}


def test_no_module_has_a_generator_of_its_own():
    """Flower, OpenFL, SecretFlow and FedML mask, and most add noise, with generators that are made for simulations."""
    found = {path.relative_to(SOURCE).as_posix(): generators_of(path) for path in SOURCE.rglob("*.py")}
    assert {name: reached for name, reached in found.items() if reached} == ALLOWED


@pytest.mark.parametrize(
    "text",
    [
        "import random",
        "from random import random",
        "from numpy.random import default_rng",
        "from numpy import random",
        "import numpy as np\nnp.random.default_rng(1)",
        "import os\nos.urandom(3)",
    ],
)
def test_the_search_sees_every_way_to_a_generator(tmp_path, text):
    path = tmp_path / "module.py"
    path.write_text(text)
    assert generators_of(path)


def test_draws_are_never_the_same_and_never_empty():
    assert len({draw(32) for _ in range(100)}) == 100
    with pytest.raises(ValueError, match="positive"):
        draw(0)
