"""Documents that people write: a careful reader of YAML 1.2 that remembers every line.

What is read is a value without surprises: only `true`, `false`, `null`, `~` and whole numbers in plain
digits are something else than text. `NO` is the text `NO`, `0.80` stays the text `0.80`, `007` stays `007`.
Anchors, aliases, tags, directives and several documents in one file are refused, and so is a name given twice.

Source: YAML 1.2.2, sections 6.8.1 (directives), 6.9 (node properties), 10.2 (JSON schema).
"""

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import Any, Final, NoReturn, TypeAlias

from ruamel.yaml import YAML
from ruamel.yaml.error import MarkedYAMLError, YAMLError
from ruamel.yaml.events import (
    AliasEvent,
    DocumentStartEvent,
    MappingEndEvent,
    MappingStartEvent,
    ScalarEvent,
    SequenceEndEvent,
    SequenceStartEvent,
)

from hansa.governance.finding import Finding, InvalidDocument
from hansa.transparency.canonical import Json
from hansa.transparency.quoting import quote

Path: TypeAlias = tuple[str | int, ...]
"""Where a value stands in a document: names and, in lists, indices from 0."""

MAX_CHARACTERS: Final = 262_144
MAX_DEPTH: Final = 16

_WHOLE: Final = re.compile(r"0|-?[1-9][0-9]{0,15}")
_CONSTANTS: Final = MappingProxyType({"true": True, "false": False, "null": None, "~": None, "": None})
_LIMIT: Final = 2**53


@dataclass(frozen=True, slots=True)
class Document:
    """A document's value and the line on which each part of it stands.

    Args:
        value: the content.
        source: the file's name, as messages show it.
        lines: from path to line number, from 1; the empty path is the document itself.
        findings: what was found while reading and does not hinder judging the content.
    """

    value: Json
    source: str
    lines: Mapping[Path, int]
    findings: tuple[Finding, ...] = ()

    def place(self, path: Path) -> str:
        """Return `file:line` of the value at `path`, or of the nearest one around it."""
        while path not in self.lines:
            path = path[:-1]
        return f"{self.source}:{self.lines[path]}"


def parse_document(text: str, source: str) -> Document:
    """Read one YAML document; faults that do not hide its content are left in `findings`.

    Left in `findings`: `yaml.duplicate-name`, `yaml.anchor`, `yaml.tag`.

    Raises:
        InvalidDocument: `yaml.too-long`, `yaml.syntax`, `yaml.empty`, `yaml.documents`, `yaml.directive`,
            `yaml.alias`, `yaml.name`, `yaml.depth`.
    """
    if len(text) > MAX_CHARACTERS:
        raise InvalidDocument(
            [
                Finding(
                    "error",
                    "yaml.too-long",
                    f"expected at most {MAX_CHARACTERS:,} characters, got {len(text):,}",
                    source,
                )
            ]
        )
    reader = _Reader(source)
    text = text.removeprefix("\ufeff")
    for number, line in enumerate(text.splitlines()):
        # Found before parsing, because the parser fails with an assertion on versions that it does not know.
        if line.lstrip("\ufeff").startswith("%"):
            reader.stop("yaml.directive", "leave out the `%` directive; YAML 1.2 is understood", number)
    try:
        value = reader.read_stream(_parse_events(text))
    except MarkedYAMLError as error:
        mark = error.problem_mark or error.context_mark
        problem = " ".join(str(error.problem or error.context or "cannot be read").split())
        reader.stop(
            "yaml.syntax",
            f"this is not YAML: {problem}, column {mark.column + 1}; check quotes, colons and indentation here and just above",
            mark.line,
        )
    except YAMLError as error:
        problem = " ".join(str(error).split())
        reader.stop("yaml.syntax", f"this is not YAML: {problem}", 0)
    return Document(value, source, MappingProxyType(reader.lines), tuple(reader.findings))


def _parse_events(text: str) -> Iterator[Any]:
    try:
        yield from YAML(typ="safe", pure=True).parse(text)
    except (ValueError, OverflowError):  # the parser hands a number above U+10FFFF to `chr`
        raise YAMLError("an escape after a backslash names no character") from None


class _Reader:
    """Turns parsing events into a value, its lines and its findings."""

    def __init__(self, source: str) -> None:
        self.source = source
        self.lines: dict[Path, int] = {}
        self.findings: list[Finding] = []

    def read_stream(self, events: Iterator[Any]) -> Json:
        next(events)  # the start of the stream
        start = next(events)
        if not isinstance(start, DocumentStartEvent):
            self.stop("yaml.empty", "the document is empty", 0)
        if start.version is not None or start.tags:
            self.stop(
                "yaml.directive", "leave out the `%` directive; YAML 1.2 is understood", start.start_mark.line
            )
        value = self._read(next(events), events, ())
        next(events)  # the end of the document
        after = next(events)
        if isinstance(after, DocumentStartEvent):
            self.stop(
                "yaml.documents", "one file holds one document; remove the `---` here", after.start_mark.line
            )
        return value

    def _read(self, event: Any, events: Iterator[Any], path: Path) -> Json:  # noqa: ANN401 - ruamel.yaml events are untyped
        line = event.start_mark.line
        self.lines[path] = line + 1
        if len(path) > MAX_DEPTH:
            self.stop("yaml.depth", f"nothing here nests deeper than {MAX_DEPTH} levels", line)
        if isinstance(event, AliasEvent):
            self.stop(
                "yaml.alias", f"write the value out instead of the alias {quote(f'*{event.anchor}')}", line
            )
        self._note_properties(event)
        if isinstance(event, ScalarEvent):
            return _read_scalar(event.value, plain=event.style is None)
        if isinstance(event, SequenceStartEvent):
            items: list[Json] = []
            while not isinstance(item := next(events), SequenceEndEvent):
                items.append(self._read(item, events, (*path, len(items))))
            return items
        if not isinstance(event, MappingStartEvent):
            raise TypeError(f"unexpected event {type(event).__name__}")
        return self._read_mapping(events, path)

    def _read_mapping(self, events: Iterator[Any], path: Path) -> Json:
        members: dict[str, Json] = {}
        while not isinstance(key := next(events), MappingEndEvent):
            line = key.start_mark.line
            if not isinstance(key, ScalarEvent):
                self.stop("yaml.name", "a name is plain text", line)
            self._note_properties(key)
            name = str(key.value)
            if name in members:
                self._note(
                    "yaml.duplicate-name", f"{quote(name)} stands here twice; keep one of the two", line
                )
                kept, self.lines = self.lines, {}
                self._read(next(events), events, (*path, name))
                self.lines = kept
                continue
            members[name] = self._read(next(events), events, (*path, name))
            self.lines[*path, name] = line + 1
        return members

    def _note_properties(self, event: Any) -> None:  # noqa: ANN401 - as above
        """Refuse what may stand before a value or a name and would make it something else, or something to repeat."""
        line = event.start_mark.line
        if event.anchor is not None:
            self._note("yaml.anchor", f"remove the anchor {quote(f'&{event.anchor}')}", line)
        if event.tag is not None:
            self._note(
                "yaml.tag",
                f"remove the tag {quote(event.tag)}; the document's form says what each value is",
                line,
            )

    def _note(self, rule: str, message: str, line: int) -> None:
        self.findings.append(Finding("error", rule, message, f"{self.source}:{line + 1}"))

    def stop(self, rule: str, message: str, line: int) -> NoReturn:
        self._note(rule, message, line)
        raise InvalidDocument(self.findings)


def _read_scalar(text: str, *, plain: bool) -> Json:
    if not plain:
        return text
    if text in _CONSTANTS:
        return _CONSTANTS[text]
    if _WHOLE.fullmatch(text) and -_LIMIT < (number := int(text)) < _LIMIT:
        return number
    return text
