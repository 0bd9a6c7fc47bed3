import os
from pathlib import Path

import pytest
from chain import Chain
from hubhouse import found_hub
from machines import PLAN, write_table
from nodehouse import make_member

from hansa.errors import Refused
from hansa.governance import load_plan
from hansa.learning import recipe_digest
from hansa.node import rundata
from hansa.node.rundata import RunData

MAPPING = """
version: 1
columns:
  - {name: late, expression: "if(upper(\\"LATE\\") = 'OUI', 'yes', \\"LATE\\")"}
  - {name: amount, from: cents, as: number}
  - {name: sector, from: sector}
"""
STATE = Chain().state
APPROVED = load_plan(PLAN, "plan.yaml", recipe_digest=recipe_digest())


def read_state():
    return STATE


@pytest.fixture
def house(tmp_path):
    write_table(tmp_path / "ada.csv", 0)
    return make_member(
        tmp_path / "ada", found_hub(tmp_path), "ada", "0" * 64, data=tmp_path / "ada.csv"
    ).house


def write_again(path):
    path.write_bytes(path.read_bytes())


def replace(path):
    other = path.with_name("other.csv")
    other.write_bytes(path.read_bytes())
    other.replace(path)


def test_a_table_that_nobody_writes_is_the_one_that_was_read(house):
    data = RunData(house, read_state)
    data.verify_unchanged()  # nothing was read yet
    assert data.load(APPROVED)
    data.verify_unchanged()


def test_a_mapping_makes_the_columns_of_a_run_and_is_noticed_when_it_changes(house):
    plain = RunData(house, read_state).load(APPROVED).train
    text = house.data.read_text().replace("late,amount,sector", "LATE,cents,sector").replace("yes,", "oui,")
    house.data.write_text(text)
    path = house.folder / "mapping.yaml"
    path.write_text(MAPPING)
    data = RunData(house, read_state)
    mapped = data.load(APPROVED).train
    assert (mapped.numbers["amount"] == plain.numbers["amount"]).all()
    assert (mapped.labels == plain.labels).all()
    data.verify_unchanged()
    path.write_text(MAPPING + 'where: "true"\n')
    with pytest.raises(Refused) as caught:
        data.verify_unchanged()
    assert caught.value.rule == "data.changed"


@pytest.mark.parametrize("change", [write_again, replace, Path.unlink])
def test_a_table_that_changes_after_it_was_read_is_noticed(house, change):
    data = RunData(house, read_state)
    data.load(APPROVED)
    change(house.data)
    with pytest.raises(Refused) as caught:
        data.verify_unchanged()
    assert caught.value.rule == "data.changed"


def test_a_table_that_is_written_while_it_is_read_is_not_used(house, monkeypatch):
    def load_and_write(path, *words):
        rows = load(path, *words)
        os.utime(path, ns=(1, 1))
        return rows

    load = rundata.load_rows
    monkeypatch.setattr(rundata, "load_rows", load_and_write)
    data = RunData(house, read_state)
    with pytest.raises(Refused) as caught:
        data.load(APPROVED)
    assert caught.value.rule == "data.changed"
    data.verify_unchanged()


def test_a_house_without_a_table_says_so(house):
    house.data.unlink()
    with pytest.raises(Refused) as caught:
        RunData(house, read_state).load(APPROVED)
    assert caught.value.rule == "data.none"
