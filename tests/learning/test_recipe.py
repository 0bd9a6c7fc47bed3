import doctest
import hashlib
from pathlib import Path

import numpy as np

import hansa
from hansa.learning import Question, recipe_digest


def test_the_digest_is_over_every_module_of_the_room_and_of_the_one_that_noises():
    total = hashlib.sha256(b"hansa/v1/recipe\n")
    names = []
    for room in ("learning", "learning/networks", "learning/regression", "learning/trees", "privacy"):
        folder = Path(hansa.__file__).parent / room
        for path in sorted(folder.glob("*.py"), key=lambda path: path.name):
            source = path.read_bytes()
            names.append(f"{room}/{path.name}")
            total.update(names[-1].encode() + b"\0" + len(source).to_bytes(8, "big") + source)
    assert {
        "learning/private.py",
        "learning/regression/risk.py",
        "learning/trees/growth.py",
        "privacy/noise.py",
        "privacy/clipping.py",
    } <= {*names}
    assert recipe_digest() == total.hexdigest()


class Asked(Question):
    def bound(self):
        return np.array([1.0, 2.0])

    def publics(self):
        yield b"public"


def test_a_question_is_bound_by_its_name_bounds_and_public_numbers():
    class Other(Asked):
        def bound(self):
            return np.array([1.0, 3.0])

    class Another(Asked):
        def publics(self):
            yield b"pub"
            yield b"lic"

    digests = {question.digest for question in (Asked("a"), Asked("b"), Other("a"), Another("a"))}
    assert len(digests) == 4
    assert all(len(digest) == 32 for digest in digests)
    assert Asked("a").digest == Asked("a").digest
    assert Asked("a").length == 2


def test_the_front_page_runs():
    assert doctest.testmod(hansa.learning).failed == 0
