import doctest
import re
from pathlib import Path

import pytest

import hansa
from hansa.node import likeness
from hansa.rehearsal import comparison, draft

SOURCE = Path(hansa.__path__[0])
DOCUMENT = SOURCE.parents[1] / "docs" / "data.md"
MODULES = [*(SOURCE / "node").glob("*.py"), *(SOURCE / "rehearsal").glob("*.py")]


def test_every_message_is_documented_and_nothing_else():
    given = {
        rule
        for module in MODULES
        for rule in re.findall(r'"((?:data|inspect)\.[a-z-]+)"', module.read_text(encoding="utf-8"))
    }
    documented = re.findall(r"^\| `([a-z.-]+)` \|", DOCUMENT.read_text(encoding="utf-8"), flags=re.MULTILINE)
    documented = [rule for rule in documented if not rule.startswith(".")]
    assert sorted(documented) == sorted(given)


@pytest.mark.parametrize("module", [likeness, comparison, draft])
def test_the_examples_in_the_docstrings_are_true(module):
    assert doctest.testmod(module) == (0, doctest.testmod(module).attempted)
    assert doctest.testmod(module).attempted
