"""A member's table from wherever it lies, as it is and as a mapping makes it."""

import sqlite3
import sys

import duckdb
import postgres
import pyarrow as pa
import pyarrow.feather
import pytest

from hansa.errors import Unavailable
from hansa.governance.document import parse_document
from hansa.node.defects import TableRefused
from hansa.node.mapping import read_mapping
from hansa.node.tablefile import open_table, read_columns

ROWS = [(3, "SCT", 100.0, True), (1, "OVC", None, False), (2, "it's", 20.5, None)]
SORTED = sorted(ROWS)


def mapping_of(text):
    return read_mapping(parse_document(f"version: 1\n{text}", "mapping.yaml"))


def read_all(table, columns=None):
    """Return (row number, *cells) of all rows, and all findings."""
    rows, findings = [], []
    for block in table.blocks(columns):
        names = columns or table.names
        rows += zip(block.rows, *(block.columns[name] for name in names), strict=True)
        findings += block.findings
    return rows, findings


def refuse(path, mapping):
    with pytest.raises(TableRefused) as caught:
        open_table(path, mapping)
    return caught.value


COLUMNS = """
columns:
  - {name: place, from: id, as: whole}
  - {name: knots, from: Speed, as: number, times: 0.5, plus: 1}
  - {name: sky, expression: "case cloud when 'SCT' then 'Some Cloud' else cloud end"}
  - {name: late, from: late, as: truth}
"""
MAPPED = [(2, "1", "", "OVC", "0"), (3, "2", "11.25", "it's", ""), (4, "3", "51.0", "Some Cloud", "1")]


def write_csv(path):
    lines = [f"{i},{c},{'' if s is None else s},{'' if l is None else l}" for i, c, s, l in SORTED]  # noqa: E741 - as ROWS
    path.write_text("\n".join(["id,cloud,Speed,late", *lines]) + "\n")


def write_duckdb(path):
    with duckdb.connect(str(path)) as connection:
        connection.execute('create table visits (id int, cloud text, "Speed" double, late boolean)')
        connection.executemany("insert into visits values (?, ?, ?, ?)", ROWS)


def write_sqlite(path):
    with sqlite3.connect(path) as connection:
        connection.execute('create table visits (id integer, cloud text, "Speed" real, late integer)')
        connection.executemany("insert into visits values (?, ?, ?, ?)", ROWS)
    connection.close()


def arrow_table():
    ids, clouds, speeds, late = zip(*SORTED, strict=True)
    return pa.table({"id": ids, "cloud": clouds, "Speed": speeds, "late": late})


def write_parquet(path):
    with duckdb.connect() as connection:
        connection.register("rows", arrow_table())
        connection.execute(f"copy (select * from rows) to '{path}' (format parquet)")


def write_feather(path):
    pa.feather.write_feather(arrow_table(), path, compression="zstd")


def write_arrow(path):
    with pa.ipc.new_file(path, arrow_table().schema) as file:
        for batch in arrow_table().to_batches(max_chunksize=2):
            file.write_batch(batch)


WRITERS = {
    "t.csv": write_csv,
    "t.parquet": write_parquet,
    "t.feather": write_feather,
    "t.arrow": write_arrow,
    "t.sqlite": write_sqlite,
    "t.duckdb": write_duckdb,
}


@pytest.mark.parametrize("name", WRITERS)
def test_a_mapping_makes_the_same_rows_of_every_kind_of_file(tmp_path, name):
    path = tmp_path / name
    WRITERS[name](path)
    before = path.read_bytes()
    head = "table: visits\norder: [id]" if name in {"t.sqlite", "t.duckdb"} else ""
    assert read_all(open_table(path, mapping_of(head + COLUMNS))) == (MAPPED, [])
    assert path.read_bytes() == before


@pytest.fixture
def visits(database):
    postgres.run_statement(
        database,
        'create table visits (id int, cloud text, "Speed" numeric(6,2), late boolean, at timestamptz)',
    )
    for row in ROWS:
        values = ", ".join("null" if v is None else "'it''s'" if v == "it's" else repr(v) for v in row)
        postgres.run_statement(database, f"insert into visits values ({values}, '2020-01-02 03:04:05+02')")
    return database


def test_a_mapping_makes_the_same_rows_of_a_postgresql_server(visits):
    mapping = mapping_of(f"database: '{visits}'\ntable: public.visits\norder: [id]{COLUMNS}")
    assert read_all(open_table(None, mapping)) == (MAPPED, [])


def test_times_of_a_postgresql_server_are_in_utc_and_other_types_are_texts(visits):
    postgres.run_statement(
        visits, "alter table visits add column kind uuid, add column big numeric, add column day date"
    )
    postgres.run_statement(
        visits,
        "update visits set kind = '00000000-0000-0000-0000-00000000000a', big = 'NaN', day = '2024-02-29'",
    )
    columns = (
        "[{name: at, from: at}, {name: kind, from: kind}, {name: big, from: big}, {name: day, from: day}]"
    )
    mapping = mapping_of(
        f"database: '{visits}'\ntable: visits\norder: [id]\nwhere: id = 1\ncolumns: {columns}"
    )
    rows, _ = read_all(open_table(None, mapping))
    assert rows == [(2, "2020-01-02 01:04:05", "00000000-0000-0000-0000-00000000000a", "nan", "2024-02-29")]


def test_many_rows_of_a_postgresql_server_come_in_their_order(visits):
    postgres.run_statement(
        visits,
        "insert into visits select n, 'x', 1, true, now() from generate_series(4, 40000) n order by -n",
    )
    mapping = mapping_of(
        f"database: '{visits}'\ntable: visits\norder: [id]\ncolumns: [{{name: n, from: id}}]"
    )
    rows, findings = read_all(open_table(None, mapping))
    assert rows == [(n + 1, str(n)) for n in range(1, 40_001)]
    assert not findings


def test_a_server_that_cannot_be_reached_is_unavailable(tmp_path):
    mapping = mapping_of(
        f"database: 'postgresql://reader@/x?host={tmp_path}'\ntable: t\norder: [i]\ncolumns: [{{name: a, from: b}}]"
    )
    with pytest.raises(Unavailable, match="cannot be reached"):
        open_table(None, mapping)


def test_a_row_that_a_server_cannot_give_is_told(visits):
    postgres.run_statement(visits, "alter table visits add column day date")
    postgres.run_statement(visits, "update visits set day = 'infinity'")
    mapping = mapping_of(
        f"database: '{visits}'\ntable: visits\norder: [id]\ncolumns: [{{name: n, from: day}}]"
    )
    _, findings = read_all(open_table(None, mapping))
    assert [finding.rule for finding in findings] == ["data.damaged"]


def check_order(open_it, change):
    change("update visits set id = 1 where id = 2")
    _, findings = read_all(open_it())
    assert [(f.rule, "could stand either way" in f.message) for f in findings] == [("data.order", True)]
    change("update visits set id = null where id = 3")
    _, findings = read_all(open_it())
    assert [(f.rule, "have no place" in f.message) for f in findings] == [("data.order", True)]


@pytest.mark.parametrize("name", ["t.sqlite", "t.duckdb"])
def test_rows_without_a_place_of_their_own_are_refused(tmp_path, name):
    path = tmp_path / name
    WRITERS[name](path)

    def change(statement):
        connect = sqlite3.connect if name == "t.sqlite" else duckdb.connect
        connection = connect(str(path))
        connection.execute(statement)
        connection.commit()
        connection.close()

    mapping = mapping_of("table: visits\norder: [id]" + COLUMNS)
    check_order(lambda: open_table(path, mapping), change)


def test_rows_of_a_server_without_a_place_of_their_own_are_refused(visits):
    mapping = mapping_of(f"database: '{visits}'\ntable: visits\norder: [id]{COLUMNS}")
    check_order(
        lambda: open_table(None, mapping), lambda statement: postgres.run_statement(visits, statement)
    )


@pytest.mark.parametrize("name", ["t.sqlite", "t.duckdb"])
def test_what_a_database_lacks_is_told(tmp_path, name):
    path = tmp_path / name
    WRITERS[name](path)
    assert refuse(path, None).rule == "data.table"
    assert refuse(path, mapping_of("columns: [{name: a, from: id}]")).rule == "data.table"
    assert refuse(path, mapping_of("table: visit\norder: [id]" + COLUMNS)).rule == "data.table"
    assert refuse(path, mapping_of("table: visits\norder: [idd]" + COLUMNS)).rule == "data.order"
    lacking = refuse(path, mapping_of("table: visits\norder: [id]\ncolumns: [{name: a, from: clouds}]"))
    assert lacking.rule == "data.mapping"
    assert "did you mean `cloud`?" in lacking.reasons[0]


@pytest.mark.parametrize(
    ("name", "other"), [("t.sqlite", "t.duckdb"), ("t.duckdb", "t.sqlite"), ("t.arrow", "t.csv")]
)
def test_a_file_that_is_not_what_its_name_says_is_refused(tmp_path, name, other):
    WRITERS[other](tmp_path / name)
    mapping = None if name == "t.arrow" else mapping_of("table: visits\norder: [id]" + COLUMNS)
    assert refuse(tmp_path / name, mapping).rule == "data.content"


@pytest.mark.parametrize("name", ["t.arrow", "t.feather"])
def test_arrow_files_are_read_as_they_are_and_refused_when_damaged(tmp_path, name):
    path = tmp_path / name
    WRITERS[name](path)
    rows, findings = read_all(read_columns(path))
    assert rows[1] == (3, "2", "it's", "20.5", "")
    assert not findings
    path.write_bytes(path.read_bytes()[:-30])
    assert refuse(path, None).rule == "data.damaged"


def test_a_damaged_batch_of_an_arrow_file_is_told_with_its_row(tmp_path):
    path = tmp_path / "t.feather"
    pa.feather.write_feather(
        pa.table({"a": list(range(200_000))}), path, compression="zstd", chunksize=50_000
    )
    content = bytearray(path.read_bytes())
    middle = len(content) // 2
    content[middle : middle + 2000] = bytes(2000)
    path.write_bytes(content)
    rows, findings = read_all(read_columns(path))
    assert [finding.rule for finding in findings] == ["data.damaged"]
    assert rows == [(n + 2, str(n)) for n in range(len(rows))]


def test_a_view_of_a_duckdb_file_reaches_no_other_file(tmp_path):
    (tmp_path / "secret.csv").write_text("id\n1\n")
    path = tmp_path / "t.duckdb"
    with duckdb.connect(str(path)) as connection:
        connection.execute(f"create view visits as select * from read_csv('{tmp_path}/secret.csv')")
    refusal = refuse(path, mapping_of("table: visits\norder: [id]\ncolumns: [{name: a, from: id}]"))
    assert refusal.rule == "data.table"


def test_an_expression_that_fails_is_told_with_its_row_and_column(tmp_path):
    path = tmp_path / "t.csv"
    write_csv(path)
    mapping = mapping_of(
        'columns: [{name: a, from: id}, {name: n, expression: "replace_me"}]'.replace(
            "replace_me", "cloud::int"
        )
    )
    _, findings = read_all(open_table(path, mapping))
    assert [(f.rule, f.place) for f in findings] == [("data.expression", "t.csv, row 2, column `n`")]
    rows, findings = read_all(open_table(path, mapping), ["a"])
    assert len(rows) == 3  # nobody asks for the other
    assert not findings


def test_an_expression_that_fits_no_row_names_its_column(tmp_path):
    path = tmp_path / "t.csv"
    write_csv(path)
    mapping = mapping_of("where: id > 1\ncolumns: [{name: a, from: id}]")
    _, findings = read_all(open_table(path, mapping))
    assert [(f.rule, f.place) for f in findings] == [("data.expression", "mapping.yaml, `where`")]
    assert "columns of CSV and SQLite are texts" in findings[0].message


def test_a_file_beside_a_mapping_that_names_a_server_is_one_table_too_many(tmp_path):
    path = tmp_path / "t.csv"
    write_csv(path)
    mapping = mapping_of("database: postgresql://db/x\ntable: t\norder: [i]\ncolumns: [{name: a, from: id}]")
    assert refuse(path, mapping).rule == "data.table"


def test_names_that_differ_in_capitals_are_two_columns(tmp_path):
    path = tmp_path / "t.csv"
    path.write_text('id,ID,"a ""b"""\n1,2,3\n')
    mapping = mapping_of(
        """columns: [{name: x, from: ID}, {name: y, expression: id}, {name: z, from: 'a "b"'}]"""
    )
    assert read_all(open_table(path, mapping)) == ([(2, "2", "1", "3")], [])


def test_rows_that_are_left_out_leave_the_others_in_their_places(tmp_path):
    path = tmp_path / "t.csv"
    path.write_text("a\n" + "".join(f"{n}\n" for n in range(50_000)))
    mapping = mapping_of("where: try_cast(a as int) % 10000 = 7\ncolumns: [{name: a, from: a}]")
    rows, _ = read_all(open_table(path, mapping))
    assert rows == [(n + 2, str(n)) for n in range(7, 50_000, 10_000)]


def test_what_cannot_be_converted_stays_as_it_is(tmp_path):
    path = tmp_path / "t.csv"
    path.write_text("a\n140 kt\nNA\n1_000\n-1e2\n")
    kinds = [("number", "2.0"), ("whole", "1"), ("truth", "1"), ("date", "1")]
    mapping = mapping_of(
        "columns:\n" + "".join(f"  - {{name: {kind}, from: a, as: {kind}}}\n" for kind, _ in kinds)
    )
    rows, findings = read_all(open_table(path, mapping))
    assert not findings
    assert [cells for _, *cells in rows] == [
        ["140 kt"] * 4,
        ["NA"] * 4,
        ["1_000"] * 4,
        ["-100.0", "-100", "-1e2", "-1e2"],
    ]


def test_rows_of_a_csv_file_that_cannot_be_read_are_told_beside_a_mapping(tmp_path):
    path = tmp_path / "t.csv"
    path.write_text("a,b\n1,2\n1\n3,4\n")
    rows, findings = read_all(open_table(path, mapping_of("columns: [{name: x, from: b}]")))
    assert rows == [(2, "2"), (4, "4")]
    assert [finding.rule for finding in findings] == ["data.fields"]


def test_a_server_without_its_package_says_what_to_install(monkeypatch):
    monkeypatch.setitem(sys.modules, "psycopg", None)
    mapping = mapping_of("database: postgresql://db/x\ntable: t\norder: [i]\ncolumns: [{name: a, from: b}]")
    with pytest.raises(Unavailable, match=r"install `hansa\[postgres\]`"):
        open_table(None, mapping)
