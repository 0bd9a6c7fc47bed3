import pytest

from hansa.governance import default_charter_text, load_charter, parse_charter
from hansa.governance.template import DEFAULT_CLASS


@pytest.mark.parametrize("name", ["Strikes", 'Müller & Söhne: "ours" {a} #1', "NO", "007", "北風"])
def test_the_default_charter_is_read_with_whatever_name_it_gets(name):
    charter = load_charter(default_charter_text(name, "strikes.example/wildlife"), "charter.yaml")
    assert charter.name == name
    assert charter.origin == "strikes.example/wildlife"
    assert charter.classes[DEFAULT_CLASS].votes
    assert parse_charter(charter.to_json()) == charter


def test_the_default_charter_can_decide_everything():
    charter = load_charter(default_charter_text("Any", "any.example"), "charter.yaml")
    assert set(charter.decisions) == {"run", "release", "admit", "expel", "amend"}


def test_the_default_charter_explains_itself():
    text = default_charter_text("Any", "any.example")
    assert text.count("#") > 20
    assert all(len(line) <= 118 for line in text.splitlines())
