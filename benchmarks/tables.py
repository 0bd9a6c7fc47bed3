"""How much memory it takes to read a table that is larger than it: peak of a process of its own, and seconds.

    python benchmarks/tables.py [--megabytes 1000] [--kinds csv,parquet,arrow,duckdb,sqlite]

The table has 24 columns of random numbers and one of texts, and the plan names three of them. It is read as it is and by a
mapping that derives one column and leaves out a tenth of the rows. The process that only imports what is needed is the first line.
"""

import argparse
import json
import resource
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import duckdb

from hansa.governance import load_plan
from hansa.governance.document import parse_document
from hansa.node.data import check_table
from hansa.node.mapping import read_mapping
from hansa.node.tablefile import open_table

COLUMNS = 24
PLAN = """
version: 1
name: Large
purpose: Be large.
recipe: {name: logistic}
label: {name: y, positive: "1", negative: "0"}
features:
  - {name: x1, type: number, minimum: 0, maximum: 2}
  - {name: kind, type: category, categories: counted}
cohort: {minimum: 3}
split: {kind: rows, test: 3/10}
privacy: {noise: none}
bars: [{metric: auc_together, at_least: "0.80"}]
leaves: [{what: sums, to: members}]
"""
MAPPING = """
version: 1
table: large
order: [id]
where: try_cast(x2 as double) < 0.9
columns:
  - {name: y, from: y}
  - {name: x1, expression: try_cast(x1 as double) * 2}
  - {name: kind, from: kind}
"""
ROW_BYTES = {
    "csv": 19 * COLUMNS,
    "parquet": 8 * COLUMNS,
    "arrow": 8 * COLUMNS,
    "duckdb": 8 * COLUMNS,
    "sqlite": 9 * COLUMNS,
}


def make_table(path: Path, kind: str, rows: int) -> None:
    """Write the table as `kind`."""
    numbers = ", ".join(f"random() as x{n}" for n in range(1, COLUMNS + 1))
    query = f"select range as id, (range % 2)::varchar as y, 'kind ' || (range % 40) as kind, {numbers} from range({rows})"  # noqa: S608 - numbers
    with duckdb.connect(str(path) if kind == "duckdb" else ":memory:") as connection:
        if kind == "duckdb":
            connection.execute(f"create table large as {query}")
        elif kind in {"csv", "parquet"}:
            connection.execute(f"copy ({query}) to '{path}' (format {kind})")
        else:
            reader = connection.sql(query).to_arrow_reader(50_000)
            (_write_arrow if kind == "arrow" else _write_sqlite)(path, reader)


def _write_arrow(path: Path, reader: Any) -> None:  # noqa: ANN401 - pyarrow has no types
    import pyarrow as pa

    with pa.ipc.new_file(path, reader.schema) as file:
        for batch in reader:
            file.write_batch(batch)


def _write_sqlite(path: Path, reader: Any) -> None:  # noqa: ANN401 - as above
    import sqlite3

    connection = sqlite3.connect(path)
    names = ", ".join(reader.schema.names)
    connection.execute(f"create table large ({names.replace('id', 'id integer primary key', 1)})")
    marks = ", ".join("?" * len(reader.schema))
    for batch in reader:
        rows = zip(*(column.to_pylist() for column in batch.columns), strict=True)
        connection.executemany(f"insert into large values ({marks})", rows)  # noqa: S608 - marks
    connection.commit()
    connection.close()


def read_table(path: Path, *, is_mapped: bool) -> dict[str, float]:
    """Read the table here, and return what it took: peak memory in megabytes, seconds, and rows."""
    plan = load_plan(PLAN, "plan.yaml", recipe_digest="0" * 64)
    is_database = path.suffix in {".duckdb", ".sqlite"}
    text = MAPPING if is_database else MAPPING.replace("table: large\norder: [id]\n", "")
    mapping = read_mapping(parse_document(text, "mapping.yaml")) if is_mapped else None
    begun = time.perf_counter()
    rows = 0 if not path.exists() else len(check_table(open_table(path, mapping), plan).table)
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1000
    return {"rows": rows, "peak": peak, "seconds": time.perf_counter() - begun}


def measure(path: Path, *, is_mapped: bool) -> dict[str, float]:
    """Read a table in a process of its own."""
    words = [sys.executable, __file__, "--read", str(path), *(["--mapped"] if is_mapped else [])]
    found: dict[str, float] = json.loads(subprocess.run(words, check=True, capture_output=True).stdout)
    return found


def measure_kind(folder: Path, kind: str, megabytes: int) -> Iterator[tuple[str, float, dict[str, float]]]:
    """Yield what it took, the size of the file in megabytes, and the figures: as it is and by the mapping."""
    path = folder / f"large.{kind}"
    make_table(path, kind, megabytes * 1_000_000 // ROW_BYTES[kind])
    for is_mapped in (False, True):
        if is_mapped or kind not in {"duckdb", "sqlite"}:
            what = f"{kind}, by a mapping" if is_mapped else f"{kind}, as it is"
            yield what, path.stat().st_size / 1e6, measure(path, is_mapped=is_mapped)
    path.unlink()


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("--megabytes", type=int, default=1000)
    parser.add_argument("--kinds", default=",".join(ROW_BYTES))
    parser.add_argument("--read", type=Path)
    parser.add_argument("--mapped", action="store_true")
    arguments = parser.parse_args()
    if arguments.read:
        print(json.dumps(read_table(arguments.read, is_mapped=arguments.mapped)))
        return
    with tempfile.TemporaryDirectory() as name:
        print("| read | file, MB | rows | peak, MB | seconds |\n| --- | --- | --- | --- | --- |")
        idle = read_table(Path(name) / "none.csv", is_mapped=False)
        print(f"| nothing | | | {idle['peak']:.0f} | |")
        for kind in arguments.kinds.split(","):
            for what, size, found in measure_kind(Path(name), kind, arguments.megabytes):
                figures = f"{found['rows']:,.0f} | {found['peak']:.0f} | {found['seconds']:.1f}"
                print(f"| {what} | {size:.0f} | {figures} |", flush=True)


if __name__ == "__main__":
    main()
