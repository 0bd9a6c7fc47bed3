"""A table worked out from a source: each cell a text, by the source's own columns or by a mapping."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

from hansa.governance import Finding
from hansa.node.block import BLOCK_ROWS, Block
from hansa.node.defects import TableRefused
from hansa.node.expression import explain_unknown
from hansa.node.likeness import show
from hansa.node.mapping import MAPPING_FILE, Item, TableMapping, compile_mapping, write_item
from hansa.node.source import Batch, Source
from hansa.node.workbench import LimitReachedError, Workbench, WorkFailedError, open_workbench, write_text


@dataclass(frozen=True, slots=True)
class OwnColumns:
    """The columns of a source as they are."""

    source: Source

    @property
    def file(self) -> str:
        """What messages call it."""
        return self.source.file

    @property
    def names(self) -> tuple[str, ...]:
        """The columns that have a name."""
        return tuple(name for name in self.source.header if name)

    def blocks(self, columns: Sequence[str] | None = None) -> Iterator[Block]:
        """Yield all rows in order; see `Readable.blocks`."""
        wanted = self.names if columns is None else tuple(columns)
        if not wanted:
            return
        header = self.source.header
        with open_workbench(show(self.file)) as bench:
            work = _Work(
                self.source, bench, tuple(dict.fromkeys(header.index(name) for name in wanted)), wanted
            )
            yield from work.blocks([write_text(work.called[name]) for name in wanted], "true")


@dataclass(frozen=True, slots=True)
class MappedColumns:
    """The columns that a mapping makes of a source.

    Args:
        source: has every column that the mapping reads.
        mapping: the member's own.
    """

    source: Source
    mapping: TableMapping

    @property
    def file(self) -> str:
        """What messages call it."""
        return self.source.file

    @property
    def names(self) -> tuple[str, ...]:
        """The columns, in the mapping's order."""
        return self.mapping.names

    def verify_columns(self) -> None:
        """Check that the source has what the mapping reads.

        Raises:
            TableRefused: `data.mapping`, each column that it lacks.
        """
        known = tuple(name for name in self.source.header if name)
        findings = []
        with open_workbench(show(self.file)) as bench:
            for item in compile_mapping(self.mapping, bench):
                place = f"{MAPPING_FILE}, {show(item.name)}"
                findings += [
                    Finding("error", "data.mapping", explain_unknown(column, known), place)
                    for column in item.expression.columns
                    if column not in known
                ]
        if findings:
            raise TableRefused(findings)

    def blocks(self, columns: Sequence[str] | None = None) -> Iterator[Block]:
        """Yield all rows in order; see `Readable.blocks`."""
        wanted = self.names if columns is None else tuple(columns)
        with open_workbench(show(self.file)) as bench:
            compiled = {
                item.name: item for item in compile_mapping(self.mapping, bench) if item.column is not None
            }
            chosen = [compiled[name] for name in wanted]
            filters = [item for item in compile_mapping(self.mapping, bench) if item.column is None]
            read = dict.fromkeys(
                self.source.header.index(column)
                for item in (*chosen, *filters)
                for column in item.expression.columns
            )
            # A mapping may read no column at all, and rows are counted nevertheless.
            work = _Work(self.source, bench, tuple(read) or (0,), wanted)

            def write(item: Item) -> str:
                return write_item(item, work.called, bench)

            yield from work.blocks(
                [write(item) for item in chosen], *([write(item) for item in filters] or ["true"])
            )


class _Work:
    """One reading of a source.

    Args:
        source: what is read.
        bench: where.
        places: of the columns that are read.
        names: of the columns that come out.
    """

    def __init__(self, source: Source, bench: Workbench, places: Sequence[int], names: Sequence[str]) -> None:
        self._source = source
        self._bench = bench
        self._places = places
        self._names = names
        self.called: Mapping[str, str] = {source.header[place]: f"c{place}" for place in places}
        """By column of the source, what SQL calls it: names of any spelling, in capitals or not, stay apart."""

    def blocks(self, items: Sequence[str], where: str) -> Iterator[Block]:
        for batch in self._source.read(self._places):
            columns = dict(zip(self.called.values(), batch.columns, strict=True))
            try:
                found = self._bench.project(columns, items, where) if len(batch.rows) else []
            except (WorkFailedError, LimitReachedError) as error:
                yield self._end((*batch.findings, self._explain(batch, error)))
                return
            for start in range(0, len(found), BLOCK_ROWS):
                places, *texts = zip(*found[start : start + BLOCK_ROWS], strict=True)
                rows = [batch.rows[int(place)] for place in places]
                yield Block(rows, dict(zip(self._names, texts, strict=True)))
            if batch.findings:
                yield self._end(batch.findings)

    def _end(self, findings: tuple[Finding, ...]) -> Block:
        return Block((), dict.fromkeys(self._names, ()), findings)

    def _explain(self, batch: Batch, error: WorkFailedError | LimitReachedError) -> Finding:
        file = self._source.file
        if isinstance(error, LimitReachedError):
            message = "working out the columns took too much memory or time; make the expressions of the mapping simpler"
            return Finding("error", "data.limits", message, f"{file}, from row {batch.rows[0]}")
        name = (*self._names, "where")[error.item]
        if error.row is None:
            message = (
                f"the expression does not fit the types of the columns: {error.message}; columns of CSV and SQLite are "
                "texts: write `try_cast(age as integer)` for `age`"
            )
            return Finding("error", "data.expression", message, f"{MAPPING_FILE}, {show(name)}")
        message = f"the expression fails on this row: {error.message}; use `try_cast`, or give the case where it fails"
        return Finding(
            "error", "data.expression", message, f"{file}, row {batch.rows[error.row]}, column {show(name)}"
        )
