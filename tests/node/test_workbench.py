import duckdb
import pyarrow as pa
import pytest

from hansa.node.workbench import LimitReachedError, WorkFailedError, open_workbench

TEXTS = {"c0": pa.array(["1", "2", None])}

REACHES = [
    "select * from read_csv('/etc/passwd')",
    "select * from read_text('/etc/passwd')",
    "select * from '/etc/passwd'",
    "select * from glob('/*')",
    "select getenv('HOME')",
    "attach '/tmp/hansa-never.db'",
    "copy (select 1) to '/tmp/hansa-never.csv'",
    "export database '/tmp/hansa-never'",
    "install httpfs",
    "load '/tmp/hansa-never.so'",
    "set memory_limit = '1TB'",
    "reset memory_limit",
    "set enable_external_access = true",
    "pragma threads = 8",
]


@pytest.fixture
def bench():
    with open_workbench("`table`") as opened:
        yield opened


@pytest.mark.parametrize("statement", REACHES)
def test_nothing_that_runs_on_a_workbench_reaches_out(bench, statement):
    # What an expression may say is checked before; this holds even if that were deceived.
    with pytest.raises(duckdb.Error):
        bench.connection.execute(statement).fetchall()


def test_variables_of_python_are_no_tables(bench):
    secret = pa.table({"a": [1]})
    with pytest.raises(duckdb.Error, match="does not exist"):
        bench.connection.execute("select * from secret")
    assert len(secret) == 1


def test_what_grows_without_end_reaches_the_limit_of_memory():
    grows = "(with recursive t(n, x) as (select 1, repeat('x', 1000) union all select n + 1, x || x from t) select max(x) from t)"
    with open_workbench("`table`", megabytes=64) as bench, pytest.raises(LimitReachedError):
        bench.project(TEXTS, [grows])


def test_what_never_ends_reaches_the_limit_of_time():
    endless = (
        "(with recursive t(n) as (select 1 union all select n + 1 from t) select max(n) from t)::varchar"
    )
    with open_workbench("`table`", seconds=0.2) as bench:
        with pytest.raises(LimitReachedError):
            bench.project(TEXTS, [endless])
        assert bench.project(TEXTS, ["c0"], "c0 = '2'") == [(1, "2")]  # and it can be used again


def test_a_row_that_fails_is_found(bench):
    numbers = {"c0": pa.array([str(n) for n in range(1000)] + ["x"] + ["y"])}
    with pytest.raises(WorkFailedError) as caught:
        bench.project(numbers, ["c0", "c0::int::varchar"])
    assert (caught.value.row, caught.value.item) == (1000, 1)
