"""The tables of a coalition that is tried out: one for each organisation, as frames or as files."""

import re
import tempfile
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Self

from hansa.errors import Refused
from hansa.rehearsal.casting import find_tables, stem_of
from hansa.study.frame import Columns, Frame, read_frame, spell_columns, write_table


@dataclass(frozen=True, slots=True)
class Coalition:
    """Who would learn together, and each one's table. Use `from_tables` or `from_frame`.

    Args:
        tables: each organisation's columns, by its name; empty when the tables are files.
        folder: where the files are; None when the tables are here.
    """

    tables: Mapping[str, Columns]
    folder: Path | None = None

    @classmethod
    def from_tables(cls, tables: Mapping[str, Frame] | Path | str) -> Self:
        """Take one frame for each organisation, by name, or a folder with one CSV or Parquet file for each.

        Raises:
            Refused: `coalition.few`, fewer than three; `coalition.name`, a name that no file can have.
            Unavailable: the folder cannot be read.
            TypeError: something is no frame.
        """
        if isinstance(tables, (str, Path)):
            folder = Path(tables)
            _verify_enough([stem_of(path) for path in find_tables(folder)])
            return cls({}, folder)
        _verify_enough(list(tables))
        wrong = [name for name in tables if not re.fullmatch(r"[^./\\\0][^/\\\0]{0,99}", name)]
        if wrong:
            raise Refused(
                "coalition.name", f"`{wrong[0]}` cannot name an organisation's table; call it otherwise"
            )
        return cls({name: spell_columns(read_frame(frame)) for name, frame in tables.items()})

    @classmethod
    def from_frame(cls, frame: Frame, organisation: str) -> Self:
        """Take one frame in which a column says whose each row is.

        Raises:
            Refused: `frame.column`, there is no such column; and as `from_tables`.
            TypeError: as `from_tables`.
        """
        columns = spell_columns(read_frame(frame))
        if organisation not in columns:
            known = ", ".join(f"`{name}`" for name in columns)
            raise Refused("frame.column", f"there is no column `{organisation}`; there are {known}")
        owners = columns.pop(organisation)
        tables = {}
        for name in sorted(set(owners)):
            places = [place for place, owner in enumerate(owners) if owner == name]
            tables[name] = {column: [values[place] for place in places] for column, values in columns.items()}
        return cls.from_tables(tables)

    @property
    def organisations(self) -> tuple[str, ...]:
        """Their names, in order."""
        names = self.tables if self.folder is None else map(stem_of, find_tables(self.folder))
        return tuple(sorted(names))

    def lay_out(self, folder: Path) -> Path:
        """Return a folder with one file for each organisation: its own, or `folder`, where they are written."""
        if self.folder is not None:
            return self.folder
        folder.mkdir(parents=True)
        for name, columns in self.tables.items():
            write_table(folder / f"{name}.csv", columns)
        return folder


def make_workplace(folder: Path | str | None) -> Path:
    """Return an empty folder to try things out in: the one that is named, or one among the temporary files.

    Raises:
        Refused: `study.exists`, there is something in it.
    """
    if folder is None:
        return Path(tempfile.mkdtemp(prefix="hansa-"))
    place = Path(folder)
    if place.exists() and (not place.is_dir() or any(place.iterdir())):
        raise Refused("study.exists", f"`{place}` is not empty; name a new folder")
    place.mkdir(parents=True, exist_ok=True)
    return place


def _verify_enough(names: list[str]) -> None:
    if len(names) < 3:
        raise Refused(
            "coalition.few",
            f"{len(names)} organisations are too few, sums hide nothing below 3: each of two would subtract its own part",
        )
