import importlib
import re
from pathlib import Path

import pytest
from vectorfiles import VECTORS, read, spell

from hansa.errors import Malformed, Unavailable
from hansa.governance import InvalidDocument
from hansa.governance.document import parse_document
from hansa.node.expression import FUNCTIONS, TYPES
from hansa.node.mapping import load_mapping, read_mapping


def cases_of(*, good):
    found = read("mapping").items()
    return [pytest.param(rule, case, id=name) for name, (rule, case) in found if (rule is None) == good]


def test_vectors_are_fresh():
    made = {name: spell(case) for name, case in importlib.import_module("make_mapping").cases()}
    kept = {path.name: path.read_text(encoding="ascii") for path in (VECTORS / "mapping").glob("*.json")}
    assert made == kept, "run `python tests/vectors/make_mapping.py`"


@pytest.mark.parametrize(("_rule", "case"), cases_of(good=True))
def test_good_mappings_have_their_canonical_form_and_digest(_rule, case):
    mapping = read_mapping(parse_document(case["yaml"], "mapping.yaml"))
    assert mapping.to_json() == case["canonical"]
    assert mapping.digest == case["digest"]


@pytest.mark.parametrize(("rule", "case"), cases_of(good=False))
def test_bad_and_hostile_mappings_are_refused_by_name_and_line(rule, case):
    with pytest.raises(InvalidDocument) as caught:
        read_mapping(parse_document(case["yaml"], "file"))
    assert [f.place for f in caught.value.findings if f.rule == rule] == [f"file:{case['line']}"]


def test_every_finding_of_a_mapping_is_told_at_once():
    text = "version: 1\nwhere: now()\ncolumns:\n  - {name: a, expression: random()}\n  - {name: a, from: b, plus: 3}\n"
    with pytest.raises(InvalidDocument) as caught:
        read_mapping(parse_document(text, "file"))
    assert [finding.rule for finding in caught.value.findings] == [
        "mapping.expression",
        "mapping.expression",
        "mapping.twice",
        "mapping.unit",
    ]


def test_a_password_is_not_repeated():
    text = "version: 1\ndatabase: postgresql://u:hunter2@db/x\ntable: t\norder: [i]\ncolumns: [{name: a, from: b}]\n"
    with pytest.raises(InvalidDocument) as caught:
        read_mapping(parse_document(text, "file"))
    assert "hunter2" not in str(caught.value)


def test_a_mapping_that_cannot_be_read_says_so(tmp_path):
    with pytest.raises(Unavailable, match="No such file"):
        load_mapping(tmp_path / "mapping.yaml")
    (tmp_path / "mapping.yaml").write_bytes(b"\xff")
    with pytest.raises(Malformed, match="is not UTF-8"):
        load_mapping(tmp_path / "mapping.yaml")


PAGE = (Path(__file__).parents[2] / "docs" / "formats" / "mapping.md").read_text()


def test_the_example_of_the_page_is_a_mapping():
    text = PAGE.split("```yaml\n")[1].split("```")[0]
    assert len(read_mapping(parse_document(text, "page")).columns) == 4


def test_the_page_lists_what_an_expression_may_use():
    listed = PAGE.split("## Expressions")[1].split("## What is refused")[0]
    spelt = {"ceiling": "ceil", "pow": "power", "substr": "substring"}  # two names of one
    words = {word for word in FUNCTIONS if word.isidentifier()}
    assert {spelt.get(word, word) for word in words} <= set(re.findall(r"[a-z_0-9]+", listed))
    kinds = {"bool": "boolean", "int": "integer", "string": "text", "float4": "float", "float8": "double"}
    kinds |= {"int4": "integer", "int8": "bigint"}
    assert {kinds.get(word, word) for word in TYPES} <= set(re.findall(r"[a-z_0-9]+", listed))
