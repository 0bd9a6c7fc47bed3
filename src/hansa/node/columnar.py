"""Parquet and Arrow files, column by column and a batch of rows at a time."""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from types import ModuleType
from typing import TYPE_CHECKING, Final

from hansa.node.csvfile import explain_failure
from hansa.node.workbench import first_line, need

if TYPE_CHECKING:
    import pyarrow as pa

ARROW_SUFFIXES: Final = (".arrow", ".feather")
SUFFIXES: Final = (".parquet", *ARROW_SUFFIXES)

BATCH_ROWS: Final = 16_384


class DamagedFileError(Exception):
    """The file is not what its name says, or not all of it; the text says more. For `tablefile` alone."""


def read_names(path: Path) -> tuple[str, ...]:
    """Return the names of the columns as the file has them.

    Raises:
        DamagedFileError: the file cannot be understood.
        Unavailable: a package is not installed, or the disk fails.
    """
    with _explained(path) as pa:
        if path.name.lower().endswith(ARROW_SUFFIXES):
            with pa.OSFile(str(path)) as file:
                return tuple(pa.ipc.open_file(file).schema.names)
        from pyarrow.parquet import ParquetFile

        with ParquetFile(path) as file:
            return tuple(file.schema_arrow.names)


def read_batches(path: Path, places: Sequence[int]) -> Iterator[list["pa.Array"]]:
    """Yield the columns at `places`, at most `BATCH_ROWS` rows at a time, in the file's order.

    Args:
        path: a file whose names `read_names` has read.
        places: at least one; the names there are unlike all others.

    Raises:
        DamagedFileError, Unavailable: see `read_names`.
    Guarantees:
        Never more is in memory than these columns of one row group, or of one batch of an Arrow file.
    """
    is_arrow = path.name.lower().endswith(ARROW_SUFFIXES)
    with _explained(path) as pa:
        for batch in (_read_arrow if is_arrow else _read_parquet)(path, places, pa):
            for start in range(0, batch.num_rows, BATCH_ROWS):
                yield batch.slice(start, BATCH_ROWS).columns


def _read_parquet(path: Path, places: Sequence[int], _: ModuleType) -> Iterator["pa.RecordBatch"]:
    from pyarrow.parquet import ParquetFile

    with ParquetFile(path) as file:
        names = [file.schema_arrow.names[place] for place in places]
        for batch in file.iter_batches(BATCH_ROWS, columns=names, use_threads=False):
            yield batch.select(names)


def _read_arrow(path: Path, places: Sequence[int], pa: ModuleType) -> Iterator["pa.RecordBatch"]:
    with pa.OSFile(str(path)) as file:
        options = pa.ipc.IpcReadOptions(included_fields=sorted(set(places)), use_threads=False)
        names = [pa.ipc.open_file(file).schema.names[place] for place in places]
        reader = pa.ipc.open_file(file, options=options)
        for number in range(reader.num_record_batches):
            yield reader.get_batch(number).select(names)


@contextmanager
def _explained(path: Path) -> Iterator[ModuleType]:
    """Turn what pyarrow raises into what is wrong with the file."""
    _, pa = need(f"`{path.name}`")
    try:
        yield pa
    except (pa.ArrowException, UnicodeDecodeError) as error:
        raise DamagedFileError(first_line(error)) from error
    except OSError as error:
        if error.errno is None:  # what pyarrow raises for many a damaged file
            raise DamagedFileError(first_line(error)) from error
        raise explain_failure(path, error) from error
