"""Members as people list them before they have keys: `members.yaml` for founders, one entry for a newcomer.

    - {id: north-air, name: North Air, country: NO, class: airline, weight: 1, data: north.csv}

`class` may be left out where the charter has one class only, `weight` counts 1 then, and a member without `data`
takes part in votes and not in runs. `budget: {epsilon, delta}` is what may ever be learned from its data, where it
wants less than the charter allows. Paths are seen from the file that names them.
"""

from collections.abc import Iterator, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Annotated, Final

from pydantic import AfterValidator, Field

from hansa import entropy
from hansa.cli.options import ALL
from hansa.errors import HansaError, Malformed, Unavailable
from hansa.governance import Budget, Charter, Finding, InvalidDocument, Member, load_charter
from hansa.governance.document import Document, parse_document
from hansa.governance.member import COUNTRIES, MAX_VOTING_WEIGHT
from hansa.governance.spelling import NameText, Several, Slug, fault
from hansa.governance.validation import Form, load_model
from hansa.node import database
from hansa.node.mapping import load_mapping
from hansa.node.tablefile import SUFFIXES
from hansa.rehearsal import Founder
from hansa.rehearsal.stage import describe_founder
from hansa.transparency import SigningKey

EXAMPLE: Final = "- {id: north-air, name: North Air, country: NO, data: north.csv}"


def _check_id(value: str) -> str:
    if value == ALL:
        raise fault("id", f"`{ALL}` means all members on the command line; choose another id")
    return value


def _check_country(value: str) -> str:
    if value not in COUNTRIES:
        raise fault("country", f"expected the two capital letters of a country in ISO 3166, got `{value}`")
    return value


class MemberLine(Form):
    """One member as listed."""

    id: Annotated[Slug, AfterValidator(_check_id), Field(examples=["north-air"])]
    name: Annotated[NameText, Field(examples=["North Air"])]
    member_class: Annotated[Slug | None, Field(alias="class")] = None
    country: Annotated[str, AfterValidator(_check_country), Field(examples=["NO"])]
    weight: Annotated[int, Field(ge=1, le=MAX_VOTING_WEIGHT)] = 1
    data: str | None = None
    mapping: str | None = None
    budget: Budget | None = None


class MemberList(Form):
    """A file of founders."""

    members: Annotated[Several[MemberLine], Field(min_length=1)]


def read_text(path: Path) -> str:
    """Read a file that a person wrote.

    Raises:
        Unavailable: it cannot be read.
        Malformed: `file.encoding`, it is not UTF-8.
    """
    try:
        return path.read_text(encoding="utf-8")
    except OSError as error:
        raise Unavailable(f"`{path}` cannot be read: {error.strerror}") from error
    except UnicodeDecodeError as error:
        raise Malformed(
            "file.encoding", f"`{path}` is not UTF-8 ({error.reason} at byte {error.start}); save it as UTF-8"
        ) from None


def read_agreement(charter_path: Path, members_path: Path | None) -> tuple[Charter, tuple[Founder, ...]]:
    """Read a charter and its founders.

    Args:
        charter_path: YAML.
        members_path: YAML; None for a charter alone.

    Raises:
        InvalidDocument: every finding of both files.
        Unavailable: a file cannot be read.
    """
    findings: list[Finding] = []
    charter: Charter | None = None
    founders: tuple[Founder, ...] = ()
    try:
        charter = load_charter(read_text(charter_path), charter_path.name)
    except InvalidDocument as error:
        findings += error.findings
    if members_path is not None:
        try:
            founders = read_founders(members_path, charter)
        except InvalidDocument as error:
            findings += error.findings
    if charter is None or findings:
        raise InvalidDocument(findings)
    return charter, founders


def read_founders(path: Path, charter: Charter | None) -> tuple[Founder, ...]:
    """Read `members.yaml`.

    Args:
        path: the file.
        charter: what classes there are; None leaves the classes unjudged.

    Raises:
        InvalidDocument: `yaml.*`, `members.*`, with every finding.
    """
    document = parse_document(read_text(path), path.name)
    if not isinstance(document.value, list):
        where = document.place(())
        raise InvalidDocument(
            [Finding("error", "members.form", f"expected a list of members such as `{EXAMPLE}`", where)]
        )
    listed = Document(
        {"members": document.value},
        document.source,
        {("members", *place): line for place, line in document.lines.items()} | {(): 1},
        document.findings,
    )
    lines = load_model(MemberList, listed, "members").members
    findings = list(_find_doubles(lines, listed))
    founders = []
    for number, line in enumerate(lines):
        place = listed.place(("members", number))
        founder, found = _read_line(line, path.parent, charter, place)
        founders.append(founder)
        findings += found
    if findings:
        raise InvalidDocument(findings)
    return tuple(founders)


def read_newcomer(path: Path, charter: Charter) -> Founder:
    """Read the description of one newcomer.

    Raises:
        InvalidDocument: `yaml.*`, `member.*`, with every finding.
    """
    document = parse_document(read_text(path), path.name)
    line = load_model(MemberLine, document, "member")
    founder, findings = _read_line(line, path.parent, charter, document.place(()))
    if findings:
        raise InvalidDocument([replace(f, rule=f.rule.replace("members.", "member.")) for f in findings])
    return founder


def draw_members(founders: Sequence[Founder]) -> tuple[Member, ...]:
    """Return founders as members with keys that nobody keeps, to judge a charter before anything is founded."""
    return tuple(describe_founder(founder, SigningKey.from_seed(entropy.draw(32))) for founder in founders)


def _find_doubles(lines: Sequence[MemberLine], document: Document) -> Iterator[Finding]:
    seen: set[str] = set()
    for number, line in enumerate(lines):
        if line.id in seen:
            place = document.place(("members", number, "id"))
            yield Finding("error", "members.twice", f"`{line.id}` is listed above already", place)
        seen.add(line.id)


def _read_line(
    line: MemberLine, folder: Path, charter: Charter | None, place: str
) -> tuple[Founder, tuple[Finding, ...]]:
    findings = []
    classes = () if charter is None else tuple(charter.classes)
    member_class = line.member_class or (classes[0] if len(classes) == 1 else "")
    if charter is not None and member_class not in classes:
        got = f"`{line.id}` has the class `{member_class}`" if member_class else f"`{line.id}` has no class"
        findings.append(
            Finding("error", "members.class", f"{got}; the charter knows {', '.join(classes)}", place)
        )
    data = None if line.data is None else folder / line.data
    if data is not None and not data.is_file():
        findings.append(Finding("error", "members.data", f"there is no file `{data}`", place))
    elif data is not None and not data.name.lower().endswith((*SUFFIXES, *database.SUFFIXES)):
        message = f"expected a table ({', '.join((*SUFFIXES, *database.SUFFIXES))}), got `{data.name}`"
        findings.append(Finding("error", "members.data", message, place))
    mapping = None if line.mapping is None else folder / line.mapping
    if mapping is not None:
        try:
            load_mapping(mapping)
        except InvalidDocument as invalid:
            findings += invalid.findings
        except HansaError as error:
            findings.append(Finding("error", "members.mapping", str(error), place))
    founder = Founder(line.id, line.name, member_class, line.country, line.weight, data, line.budget, mapping)
    return founder, tuple(findings)
