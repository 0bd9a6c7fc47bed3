import pytest

import tables


@pytest.mark.slow
@pytest.mark.parametrize("kind", ["csv", "parquet", "arrow", "duckdb", "sqlite"])
def test_a_table_several_times_larger_than_the_memory_that_it_takes_is_read(tmp_path, monkeypatch, kind):
    path = tmp_path / f"large.{kind}"
    monkeypatch.setattr(tables, "COLUMNS", 160)
    rows = 300_000 if kind in {"csv", "sqlite"} else 800_000
    tables.make_table(path, kind, rows)
    found = tables.measure(path, is_mapped=True)
    assert rows * 0.8 < found["rows"] < rows
    assert path.stat().st_size > 2.5 * found["peak"] * 1e6
