"""A run over five tables, each in another place and another form, gives the model of five plain ones."""

import csv
import sqlite3

import duckdb
import numpy as np
import postgres
import pyarrow as pa
from liar import approve

from hansa.learning import run_in_clear
from hansa.learning.reading import build_recipe
from hansa.node import load_rows
from hansa.node.rundata import RunData
from hansa.rehearsal import Silent, conduct_run

NAMES = ("ada", "bob", "cyd", "dan", "eve")
COLUMNS = """
columns:
  - {name: late, expression: "if(paid_late, 'yes', 'no')"}
  - {name: amount, expression: "try_cast(cents as integer) / 1000", as: number}
  - {name: sector, expression: "lower(trade)"}
"""


def read_invoices(folder):
    """Number, whether late, thousandths or None, trade in capitals: as nobody's plan names them."""
    with (folder / "data.csv").open() as file:
        return [
            (
                number,
                row["late"] == "yes",
                round(float(row["amount"]) * 1000) if row["amount"] else None,
                row["sector"].upper(),
            )
            for number, row in enumerate(csv.DictReader(file))
        ]


def load_own_rows(actor, plan):
    return RunData(actor, lambda: actor.follower.state).load(plan)


def move_table(folder, name, text):
    """Put another table in the place of a member's own."""
    (folder / "mapping.yaml").write_text(f"version: 1\n{text}")
    (folder / "data.csv").unlink()
    return folder / name


def test_tables_in_files_and_databases_of_all_kinds_give_the_model_of_plain_ones(stage, cast, database):
    folders = {name: stage.actor(name).folder for name in NAMES}
    rows = [load_rows(folders[name] / "data.csv", cast.plan, name) for name in NAMES]
    plain = run_in_clear(build_recipe(cast.plan.to_json(), NAMES), rows)

    invoices = {name: read_invoices(folder) for name, folder in folders.items()}
    ordered = "table: invoices\norder: [number]"
    texts = COLUMNS.replace("if(paid_late,", "if(paid_late = '1',")
    form = "(number integer, paid_late boolean, cents integer, trade text)"

    with sqlite3.connect(move_table(folders["bob"], "data.sqlite", ordered + texts)) as bobs:
        bobs.execute(f"create table invoices {form}")
        bobs.executemany("insert into invoices values (?, ?, ?, ?)", reversed(invoices["bob"]))
    bobs.close()
    with duckdb.connect(str(move_table(folders["cyd"], "data.duckdb", ordered + COLUMNS))) as cyds:
        cyds.execute(f"create table invoices {form}")
        cyds.executemany("insert into invoices values (?, ?, ?, ?)", invoices["cyd"][::-1])
    kept = pa.table(
        dict(zip(("number", "paid_late", "cents", "trade"), zip(*invoices["dan"], strict=True), strict=True))
    )
    with pa.ipc.new_file(move_table(folders["dan"], "data.arrow", COLUMNS), kept.schema) as dans:
        dans.write_table(kept, 16)
    postgres.run_statement(database, f"create table invoices {form}")
    values = ", ".join(
        f"({n}, {late}, {'null' if cents is None else cents}, '{trade}')"
        for n, late, cents, trade in invoices["eve"][::-1]
    )
    postgres.run_statement(database, f"insert into invoices values {values}")
    move_table(folders["eve"], "", f"database: '{database}'\n{ordered}{COLUMNS}")

    ran = conduct_run(stage, approve(stage, cast.plan), "ada", Silent())
    assert ran.run.status == "completed"
    assert set(ran.run.seals) == {*NAMES}
    assert ran.run.metrics["auc_together"] == f"{plain.metrics['auc_together']:.6f}"
    for name, expected in zip(NAMES, rows, strict=True):
        found = load_own_rows(stage.actor(name), cast.plan)
        for part, same in ((found.train, expected.train), (found.test, expected.test)):
            np.testing.assert_array_equal(part.places, same.places)
            np.testing.assert_array_equal(part.labels, same.labels)
            np.testing.assert_array_equal(part.numbers["amount"], same.numbers["amount"])
            assert part.texts["sector"].tolist() == same.texts["sector"].tolist()
