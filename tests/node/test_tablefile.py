import csv
import gzip
import io
import os
import sys

import duckdb
import pytest
from hypothesis import given
from hypothesis import strategies as st

from hansa.errors import Unavailable
from hansa.node.block import BLOCK_ROWS
from hansa.node.defects import TableRefused
from hansa.node.tablefile import read_columns

GIGABYTE = 1_000_000_000


def read_all(path, **limits):
    """Return all rows as (row number, cells) and all findings, as a reader of the file sees them."""
    raw = read_columns(path, **limits)
    rows, findings = [], []
    for block in raw.blocks():
        columns = [block.columns[name] for name in raw.names]
        rows += zip(block.rows, zip(*columns, strict=True), strict=True)
        findings += block.findings
    return rows, findings


def refuse(path, **limits):
    with pytest.raises(TableRefused) as excinfo:
        read_columns(path, **limits)
    return excinfo.value


@pytest.fixture
def write(tmp_path):
    def write(content, name="alpha.csv"):
        path = tmp_path / name
        path.write_bytes(content if isinstance(content, bytes) else content.encode())
        return path

    return write


def write_parquet(path, query):
    with duckdb.connect() as connection:
        connection.execute(f"copy ({query}) to '{path}' (format parquet)")
    return path


cells = st.text(st.characters(codec="utf-8", exclude_characters="\0"), max_size=8)


@given(st.lists(st.tuples(cells, cells), max_size=5), st.booleans(), st.booleans())
def test_what_a_csv_writer_wrote_is_read_back(tmp_path_factory, rows, mark, packed):
    text = io.StringIO(newline="")
    csv.writer(text, quoting=csv.QUOTE_ALL).writerows([("a", "b"), *rows])
    content = text.getvalue().encode("utf-8-sig" if mark else "utf-8")
    path = tmp_path_factory.mktemp("table") / ("t.csv.gz" if packed else "t.csv")
    path.write_bytes(gzip.compress(content) if packed else content)
    read, findings = read_all(path)
    assert findings == []
    assert read == [(number, row) for number, row in enumerate(rows, 2)]


@pytest.mark.parametrize("end", ["\n", "\r\n", "\r"])
def test_every_line_end_is_understood(write, end):
    rows, findings = read_all(write(f"a,b{end}1,2{end}3,4{end}"))
    assert rows == [(2, ("1", "2")), (3, ("3", "4"))]
    assert findings == []


def test_rows_are_counted_as_a_spreadsheet_shows_them(write):
    rows, findings = read_all(write('a,b\n1,"two\nlines"\n\n3,4\n\n'))
    assert rows == [(2, ("1", "two\nlines")), (4, ("3", "4"))]
    assert findings == []


def test_rows_keep_their_numbers_across_blocks(write):
    count = BLOCK_ROWS * 2 + 5
    rows, _ = read_all(write("a,b\n" + "".join(f"{n},x\n" for n in range(2, count + 2))))
    assert [number for number, _ in rows] == list(range(2, count + 2))
    assert all(number == int(row[0]) for number, row in rows)


def test_only_the_columns_asked_for_are_read_and_unnamed_ones_are_passed_over(write):
    raw = read_columns(write(",a,b,\n0,1,2,\n1,3,4,\n"))
    assert raw.names == ("a", "b")
    (block,) = raw.blocks(["b"])
    assert block.columns == {"b": ("2", "4")}


def test_the_file_is_not_changed(write):
    path = write("a,b\n1,2\n")
    os.utime(path, (1, 1))
    path.chmod(0o400)
    read_all(path)
    assert path.read_bytes() == b"a,b\n1,2\n"
    assert path.stat().st_mtime == 1


def test_rows_with_another_number_of_fields_are_reported_and_the_others_read(write):
    rows, findings = read_all(write("a,b\n1,2\n1,2,3\n4\n5,6\n" + "7\n" * 5))
    assert [number for number, _ in rows] == [2, 5]
    assert {finding.rule for finding in findings} == {"data.fields"}
    assert str(findings[0]) == (
        "alpha.csv, row 3: found 3 fields, expected 2 as in the header; put text that holds a comma in quotation marks"
    )
    assert (
        str(findings[1])
        == "alpha.csv, row 4: found 1 field, expected 2 as in the header; add what is missing"
    )
    assert "4 more rows" in str(findings[-1])
    assert len(findings) == 4


def test_a_byte_that_is_not_utf8_is_named_with_its_row_and_column(write):
    path = write(b"a,name\n1,ok\n2,caf\xe9\n3,ok\n")
    rows, (finding,) = read_all(path)
    assert rows == [(2, ("1", "ok")), (4, ("3", "ok"))]
    assert finding.rule == "data.encoding"
    assert str(finding).startswith(
        "alpha.csv, row 3, column `name`: found the byte 0xe9, which is not UTF-8; save"
    )


def test_a_byte_that_is_not_utf8_in_the_header_is_named_with_its_column(write):
    refusal = refuse(write(b"a,caf\xe9\n1,2\n"))
    assert refusal.rule == "data.encoding"
    assert "row 1, column 2" in refusal.reasons[0]


def test_bytes_that_are_not_utf8_are_counted(write):
    rows, findings = read_all(write(b"a,b\n" + b"1,2\n" * 100_000 + b"1,\xff\n" * 10 + b"1,2\n" * 10))
    assert findings[0].place == "alpha.csv, row 100002, column `b`"
    assert str(findings[-1]) == "alpha.csv: 7 more rows in which bytes are not UTF-8"
    assert len(findings) == 4
    assert len(rows) == 100_010


def test_a_character_that_lies_across_two_reads_is_whole(write):
    content = "a,b\n" + "é€😀,x\n" * 60_000
    rows, findings = read_all(write(content))
    assert findings == []
    assert {row for _, row in rows} == {("é€😀", "x")}


def test_a_character_cut_off_at_the_end_is_found(write):
    _, (finding,) = read_all(write("a,b\n1,é".encode()[:-1]))
    assert finding.place == "alpha.csv, row 2, column `b`"


def test_a_zero_byte_is_named_with_its_row_and_column(write):
    _, (finding,) = read_all(write(b"a,b\n" + b"1,2\n" * 100_000 + b"1,\0\n"))
    assert finding.rule == "data.nul"
    assert str(finding).startswith("alpha.csv, row 100002, column `b`: found a zero byte, expected text;")


@pytest.mark.parametrize(
    ("content", "rule", "words"),
    [
        (b"", "data.empty", "the file is empty"),
        (b"\n1,2\n", "data.header", "the first row is empty"),
        (b"\xef\xbb\xbf", "data.header", "the first row is empty"),
        (b" , \n1,2\n", "data.header", "the first row is empty"),
        (b"1,2,3\n4,5,6\n", "data.header", "found only numbers (`1`, `2`, `3`)"),
        (b"a;b\n1;2\n", "data.separator", "separated by semicolons"),
        (b"a\tb\n1\t2\n", "data.separator", "separated by tabs"),
        (b"a,b,a\n1,2,3\n", "data.duplicate-column", "found the name `a` 2 times (columns 1, 3); rename"),
        (b'a,"b\n1,2\n', "data.quoting", "none closes it"),
        (b"a,\0\n", "data.nul", "row 1, column 2"),
        (b"PK\x03\x04....", "data.content", "found a workbook or an archive"),
        (b"\xd0\xcf\x11\xe0....", "data.content", "an old workbook"),
        (b"PAR1....", "data.content", "rename it to end in `.parquet`"),
        (gzip.compress(b"a,b\n", mtime=0), "data.content", "rename it to end in `.csv.gz`"),
        ("a,b\n".encode("utf-16"), "data.content", "found UTF-16 text"),
    ],
)
def test_a_file_that_is_not_a_table_is_refused(write, content, rule, words):
    refusal = refuse(write(content))
    assert refusal.rule == rule
    assert words in refusal.reasons[0]
    assert refusal.reasons[0].startswith("alpha.csv")


@pytest.mark.parametrize(
    ("content", "row", "words"),
    [
        ('a,b\n1,2\n3,"4\n5,6\n', 3, "none closes it"),
        ('a,b\n1,"2" x\n', 2, "text follows a closing quotation mark"),
        ("a,b\n1,2\n3," + "x" * 200_000 + "\n", 3, "a field of more than 131,072 characters"),
    ],
)
def test_quotation_marks_that_do_not_close_are_found(write, content, row, words):
    _, (finding,) = read_all(write(content))
    assert finding.rule == "data.quoting"
    assert finding.place == f"alpha.csv, row {row}"
    assert words in finding.message


def test_a_line_without_end_is_refused_before_it_fills_the_memory(write, monkeypatch):
    monkeypatch.setattr("hansa.node.csvfile.MAX_LINE_CHARACTERS", 1000)
    _, (finding,) = read_all(write("a,b\n1,2\n" + "x," * 1000))
    assert finding.rule == "data.quoting"
    assert "found a line of more than 1,000 characters" in finding.message


def test_a_file_of_two_gigabytes_is_refused_at_once(tmp_path):
    path = tmp_path / "alpha.csv"
    with path.open("wb") as file:
        file.write(b"a,b\n1,2\n")
        file.truncate(2 * GIGABYTE)
    refusal = refuse(path, max_bytes=GIGABYTE)
    assert refusal.rule == "data.size"
    assert "found 2,000,000,000 bytes, expected at most 1,000,000,000" in refusal.reasons[0]
    assert "Parquet" in refusal.reasons[0]


def test_a_sparse_file_within_the_limit_is_found_to_hold_zero_bytes(tmp_path):
    path = tmp_path / "alpha.csv"
    with path.open("wb") as file:
        file.write(b"a,b\n1,2\n")
        file.truncate(3_000_000)
    rows, (finding,) = read_all(path)
    assert rows == [(2, ("1", "2"))]
    assert finding.rule == "data.nul"
    assert finding.place == "alpha.csv, row 3"


def test_the_limit_counts_unpacked_bytes(write):
    path = write(gzip.compress(b"a,b\n" + b"1,2\n" * 1_000_000), "alpha.csv.gz")
    assert path.stat().st_size < 20_000
    _, (finding,) = read_all(path, max_bytes=1_000_000)
    assert finding.rule == "data.size"
    assert "more than 1,000,000 bytes after unpacking" in finding.message


def test_a_compressed_file_that_was_cut_short_is_reported(write):
    content = b"a,b\n" + b"".join(b"%d,2\n" % n for n in range(200_000))
    _, (finding,) = read_all(write(gzip.compress(content)[:-2_000], "alpha.csv.gz"))
    assert finding.rule == "data.damaged"
    assert "damaged or incomplete" in finding.message


def test_a_compressed_file_with_a_wrong_byte_is_reported(write):
    content = bytearray(gzip.compress(b"a,b\n" + b"1,2\n" * 10))
    content[-5] ^= 1
    path = write(bytes(content), "alpha.csv.gz")
    _, (finding,) = read_all(path)
    assert finding.rule == "data.damaged"
    assert "crc check failed" in finding.message


@pytest.mark.parametrize("name", ["alpha.csv.gz", "alpha.parquet"])
def test_a_file_that_is_not_what_its_name_says_is_refused(write, name):
    assert refuse(write("a,b\n1,2\n", name)).rule == "data.content"


@pytest.mark.parametrize("name", ["alpha.xlsx", "alpha", "alpha.tsv", "alpha.gz"])
def test_other_kinds_of_files_are_refused(write, name):
    refusal = refuse(write("a,b\n", name))
    assert refusal.rule == "data.kind"
    assert ".csv, .csv.gz, .parquet, .arrow, .feather" in refusal.reasons[0]


def test_a_file_that_is_not_there_is_unavailable(tmp_path):
    with pytest.raises(Unavailable, match=r"alpha\.csv` cannot be read: No such file"):
        read_columns(tmp_path / "alpha.csv")
    (tmp_path / "beta.csv").mkdir()
    with pytest.raises(Unavailable, match="is not a file"):
        read_columns(tmp_path / "beta.csv")


def test_parquet_is_read_as_texts_in_order(tmp_path):
    query = (
        "select range::int as n, (range % 3)::double as x, range % 2 = 0 as b, "
        "case when range = 1 then null else 'é' || range end as t from range(3000)"
    )
    rows, findings = read_all(write_parquet(tmp_path / "alpha.parquet", query))
    assert findings == []
    assert rows[:2] == [(2, ("0", "0.0", "true", "é0")), (3, ("1", "1.0", "false", ""))]
    assert [int(row[0]) for _, row in rows] == list(range(3000))


def test_the_name_of_a_parquet_file_is_not_a_pattern(tmp_path):
    write_parquet(tmp_path / "a1.parquet", "select 1 as wrong")
    path = tmp_path / "a[1]*?.parquet"
    (tmp_path / "plain.parquet").write_bytes(b"")
    write_parquet(tmp_path / "plain.parquet", "select 2 as right")
    (tmp_path / "plain.parquet").rename(path)
    assert read_columns(path).names == ("right",)


def test_names_of_parquet_columns_are_those_of_the_file(tmp_path):
    query = 'select 1 as "a b", {\'x\': 1, \'y\': [1, 2]} as nested, 2 as "q""uote", 3 as last'
    path = write_parquet(tmp_path / "alpha.parquet", query)
    assert read_columns(path).names == ("a b", "nested", 'q"uote', "last")
    rows, _ = read_all(path)
    assert rows[0][1][0] == "1"
    assert rows[0][1][2:] == ("2", "3")


def test_damaged_parquet_is_refused(tmp_path):
    path = write_parquet(tmp_path / "alpha.parquet", "select range as n from range(1000)")
    content = path.read_bytes()
    path.write_bytes(content[:-20])
    assert refuse(path).rule == "data.damaged"


def test_parquet_without_duckdb_says_what_to_install(tmp_path, monkeypatch):
    path = write_parquet(tmp_path / "alpha.parquet", "select 1 as a")
    monkeypatch.setitem(sys.modules, "duckdb", None)
    with pytest.raises(Unavailable, match=r"install `hansa\[data\]`, or save the table as CSV"):
        read_columns(path)
