"""What `docs/formats/secure-sum.md` says is what the machines do."""

import re
from pathlib import Path

import numpy as np
from vectorfiles import read

import hansa.secagg
from hansa.secagg import Aggregator, Contributor, Kind, Step
from hansa.secagg import aggregator as aggregator_module
from hansa.secagg import contributor as contributor_module

DOCUMENT = (Path(__file__).parents[2] / "docs/formats/secure-sum.md").read_text(encoding="utf-8")


def table_under(heading):
    """The cells of the table whose header row begins with a heading."""
    lines = DOCUMENT[DOCUMENT.index(f"| {heading} |") :].split("\n\n")[0].splitlines()[2:]
    return [tuple(cell.strip() for cell in line.strip("|").split("|")) for line in lines]


def test_the_contributors_moves_are_the_table():
    awaited = {step.value: (move.awaits.label, move.then.value) for step, move in Contributor._MOVES.items()}
    first, *rest = table_under("next move")
    assert first == ("advertise", "(`start`)", "advert", Step.SHARE.value)
    assert {move: (received, then) for move, received, _, then in rest} == awaited
    assert [sent for _, _, sent, _ in (first, *rest)] == [kind.label for kind in Kind if kind % 2]


def test_the_hubs_turns_are_the_table():
    rows = table_under("turn")
    assert [taken for _, taken, _ in rows] == [kind.label for kind in Aggregator._TURNS]
    assert [sent for _, _, sent in rows[:-1]] == [kind.label for kind in Kind if kind % 2 == 0]
    thens = [turn.then for turn in Aggregator._TURNS.values()]
    assert thens == [*list(Aggregator._TURNS)[1:], None]


def test_the_modules_carry_the_same_tables():
    for module, heading in ((contributor_module, "next move"), (aggregator_module, "turn")):
        start = DOCUMENT.index(f"| {heading} |")
        assert DOCUMENT[start:].split("\n\n")[0] in module.__doc__


def test_every_kind_is_listed_with_its_number():
    listed = {int(number): name for number, name, _, _ in table_under("kind | name")}
    assert listed == {kind.value: kind.label for kind in Kind}


def test_every_rule_is_in_the_document_and_every_rule_there_exists():
    source = "".join(
        path.read_text(encoding="utf-8") for path in Path(hansa.secagg.__file__).parent.glob("*.py")
    )
    assert set(re.findall(r"`(secagg\.[a-z-]+)`", DOCUMENT)) == set(
        re.findall(r'"(secagg\.[a-z-]+)"', source)
    )


def test_every_label_is_in_the_document():
    source = "".join(
        path.read_text(encoding="utf-8") for path in Path(hansa.secagg.__file__).parent.glob("*.py")
    )
    labels = set(re.findall(r'b"hansa/v1/secure-sum/([a-z-]+)\\n"', source))
    assert all(f'label("{label}")' in DOCUMENT or f', "{label}", ' in DOCUMENT for label in labels)


def test_the_example_is_a_vector():
    _, case = read("secure-sum")["three-members-alder-valid.json"]
    masked, survivors = case["steps"][2]["send_hex"], case["steps"][3]["receive_hex"]
    example = re.sub(
        r"\s", "", "".join(re.findall(r"^[0-9a-f ]+(?= |$)", DOCUMENT.split("## Parties")[0], re.MULTILINE))
    )
    assert masked[:96] + survivors == example
    assert len(masked) == 2 * 184


def test_the_upload_is_as_small_as_the_document_says(start_sum):
    names = tuple(f"member-{number:02}" for number in range(33))
    sum_ = start_sum(np.zeros((33, 1), dtype=np.int64), names=names).run()
    upload = sum(len(sum_.seen[kind - 1]["member-07"]) for kind in Kind if kind % 2) - 8
    assert f"{upload / 1000:.1f} kB besides" in DOCUMENT
