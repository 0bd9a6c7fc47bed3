"""The vectors on the disk are those of their makers, and together they show each rule of this room."""

import importlib
import re
from pathlib import Path

import pytest
from vectorfiles import VECTORS, read, spell

import hansa

TOPICS = ["canonical", "keys", "envelope", "leaf", "merkle", "proof", "note", "cosignature"]
# Shown by tests instead: a vector would be too long, or needs no file.
IN_TESTS = {
    "leaf.too-long",
    "bundle.truncated",
    "request.form",
    "request.unsigned",
    "tile.path",
}


@pytest.mark.parametrize("topic", TOPICS)
def test_vectors_are_fresh(topic):
    made = {name: spell(case) for name, case in importlib.import_module(f"make_{topic}").cases()}
    kept = {path.name: path.read_text(encoding="ascii") for path in (VECTORS / topic).glob("*.json")}
    assert made == kept, f"run `python tests/vectors/make_{topic}.py`"


def rules_in_source(room):
    folder = Path(hansa.__path__[0], room)
    source = "\n".join(path.read_text() for path in folder.glob("*.py"))
    return set(
        re.findall(r"(?:Malformed\(|Refused\(|_check_hashes\()\s*\"([a-z0-9-]+\.[a-z0-9-]+)\"", source)
    )


def test_each_rule_has_a_vector_that_it_refuses():
    shown = {rule for topic in TOPICS for rule, _ in read(topic).values() if rule}
    rules = rules_in_source("transparency")
    assert len(rules) > 40
    assert rules - shown == IN_TESTS
    assert shown <= rules


def test_each_rule_is_documented():
    formats = Path(__file__).parents[2] / "docs" / "formats"
    documents = ("canonical-json", "envelope", "entry-and-leaf", "log", "wire")
    text = "\n".join((formats / f"{name}.md").read_text(encoding="utf-8") for name in documents)
    assert not {
        rule for rule in rules_in_source("transparency") | rules_in_source("store") if f"`{rule}`" not in text
    }
