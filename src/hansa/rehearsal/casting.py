"""Who plays, with which data: the demo's airlines, or a folder with one table per organisation."""

import csv
import gzip
import io
import re
import unicodedata
from collections.abc import Iterable, Mapping
from importlib import resources
from pathlib import Path
from types import MappingProxyType
from typing import Final

from hansa.errors import Malformed, Refused, Unavailable
from hansa.governance import Charter, Plan, default_charter_text, load_charter, load_plan
from hansa.learning import recipe_digest
from hansa.node.tablefile import SUFFIXES
from hansa.rehearsal.actor import Founder
from hansa.rehearsal.play import Cast, Drama

CHARTER_FILE: Final = "charter.yaml"
PLAN_FILE: Final = "plan.yaml"
NOWHERE: Final = "AQ"
"""The country of members whose country nobody said: Antarctica, which is in ISO 3166 and belongs to nobody."""

_BIRDS: Final = resources.files("hansa.rehearsal") / "birds"
_COUNTRIES: Final[Mapping[str, str]] = MappingProxyType({"air-canada": "CA", "japan-airlines": "JP"})
_DRAMA: Final = Drama(
    choices={
        "fedex-express": ("no", "we would rather see one more quarter of data first"),
        "hawaiian-air": ("abstain", "too few strikes of our own to judge"),
    },
    recused={"japan-airlines": "our safety office helped to write the plan"},
    silent=("hawaiian-air", 6),
    again=("delta-air-lines", "2"),
    leaver=("westair-commuter", "we are about to merge, and our partner must decide anew"),
)


def cast_birds(folder: Path) -> Cast:
    """Write each airline's rows to a file of its own, and return the demo's cast.

    Args:
        folder: where the files go; made if it is missing.
    """
    folder.mkdir(parents=True, exist_ok=True)
    with gzip.open(
        io.BytesIO((_BIRDS / "data.csv.gz").read_bytes()), "rt", encoding="utf-8", newline=""
    ) as file:
        reader = csv.DictReader(file)
        columns = [name for name in reader.fieldnames or () if name != "org"]
        rows: dict[str, list[Mapping[str, str]]] = {}
        for row in reader:
            rows.setdefault(row["org"], []).append(row)
    founders = []
    for member, name in name_members(rows).items():
        path = folder / f"{member}.csv"
        with path.open("w", encoding="utf-8", newline="") as file:
            writer = csv.DictWriter(file, columns, extrasaction="ignore", lineterminator="\n")
            writer.writeheader()
            writer.writerows(rows[name])
        founders.append(Founder(member, name, "airline", _COUNTRIES.get(member, "US"), 1, path))
    charter = load_charter((_BIRDS / CHARTER_FILE).read_text(encoding="utf-8"), CHARTER_FILE)
    return Cast(charter, tuple(founders), read_plan(_BIRDS / PLAN_FILE), "american-airlines", _DRAMA)


def cast_folder(folder: Path, plan: Plan, charter: Charter) -> Cast:
    """Return a cast with one member for each table in `folder`.

    Args:
        folder: holds one CSV or Parquet file per organisation.
        plan: as it will be voted on.
        charter: its first voting class is everybody's.

    Raises:
        Refused: `rehearsal.few`, fewer than three tables.
        Unavailable: the folder cannot be read.
    """
    files = find_tables(folder)
    if len(files) < 3:
        raise Refused(
            "rehearsal.few",
            f"`{folder}` holds {len(files)} tables, and sums hide nothing below 3; put one CSV or Parquet file "
            "per organisation there",
        )
    by_name = {stem_of(path): path for path in files}
    if len(by_name) < len(files):
        raise Refused(
            "rehearsal.twice", f"two tables in `{folder}` have the same name but for their ending; keep one"
        )
    voting = next(name for name, member_class in charter.classes.items() if member_class.votes)
    founders = tuple(
        Founder(member, name, voting, NOWHERE, 1, by_name[name])
        for member, name in name_members(by_name).items()
    )
    return Cast(charter, founders, plan, founders[0].id)


def find_tables(folder: Path) -> tuple[Path, ...]:
    """Return the tables in a folder by name; hidden files and other endings are passed over.

    Raises:
        Unavailable: it is not a folder, or cannot be read.
    """
    try:
        return tuple(
            path
            for path in sorted(folder.iterdir())
            if path.is_file() and not path.name.startswith(".") and path.name.lower().endswith(SUFFIXES)
        )
    except OSError as error:
        raise Unavailable(f"`{folder}` cannot be read as a folder: {error.strerror}") from error


def stem_of(path: Path) -> str:
    """Return an organisation's name: the file's, without its ending."""
    suffix = next(
        suffix for suffix in sorted(SUFFIXES, key=len, reverse=True) if path.name.lower().endswith(suffix)
    )
    return path.name[: -len(suffix)]


def name_members(names: Iterable[str]) -> dict[str, str]:
    """Return a member id for each organisation's name: letters, digits and hyphens, never the same twice."""
    ids: dict[str, str] = {}
    for name in sorted(names):
        plain = unicodedata.normalize("NFKD", name).encode("ascii", "ignore").decode().lower()
        slug = re.sub(r"[^a-z0-9]+", "-", plain).strip("-")[:50].strip("-") or "member"
        number, candidate = 2, slug
        while candidate in ids:
            candidate, number = f"{slug}-{number}", number + 1
        ids[candidate] = name
    return dict(sorted(ids.items()))


def read_charter(folder: Path, name: str) -> Charter:
    """Read the charter in a folder; when there is none, write a sensible one there first, for people to see."""
    path = folder / CHARTER_FILE
    if not path.exists():
        slug = next(iter(name_members([name])))
        try:
            path.write_text(default_charter_text(name, f"{slug}.example/rehearsal"), encoding="utf-8")
        except OSError as error:
            raise Unavailable(f"the charter `{path}` cannot be written: {error.strerror}") from error
    return load_charter(_read(path), path.name)


def read_plan(path: Path | resources.abc.Traversable) -> Plan:
    """Read a plan; a recipe's digest that is left out is the one installed here.

    Raises:
        Malformed: `file.encoding`, it is not UTF-8; or every finding about the plan.
        Unavailable: it cannot be read.
    """
    return load_plan(_read(path), path.name, recipe_digest=recipe_digest())


def _read(path: Path | resources.abc.Traversable) -> str:
    try:
        return path.read_text(encoding="utf-8")
    except OSError as error:
        raise Unavailable(f"`{path}` cannot be read: {error.strerror}") from error
    except UnicodeDecodeError as error:
        raise Malformed(
            "file.encoding", f"`{path}` is not UTF-8 ({error.reason} at byte {error.start}); save it as UTF-8"
        ) from None
