"""From a document to a model: every finding at once, each with its line and the remedy in the reader's words."""

import difflib
import types
import typing
from collections.abc import Callable, Iterable, Iterator, Mapping
from typing import Any, ClassVar, Final, TypeAlias, TypeVar

from pydantic import AliasChoices, BaseModel, ConfigDict, ValidationError
from pydantic.fields import FieldInfo
from pydantic_core import ErrorDetails

from hansa.governance.document import Document, Path
from hansa.governance.finding import Finding, InvalidDocument
from hansa.governance.spelling import as_typed
from hansa.transparency.canonical import Json, encode
from hansa.transparency.quoting import quote


class Form(BaseModel):
    """What charters, plans, members and effects have in common: frozen, strict, no unknown fields."""

    model_config = ConfigDict(frozen=True, strict=True, extra="forbid")

    short_forms: ClassVar[tuple[str, ...]] = ()
    """Names that people may write, and that a validator of the model spells out."""

    def to_json(self) -> dict[str, Json]:
        """Return the canonical form: every default written out, every quantity in its one spelling."""
        return self.model_dump(mode="json", by_alias=True)


_M = TypeVar("_M", bound=Form)

_PHRASES: Final[Mapping[str, str]] = types.MappingProxyType(
    {
        "string_type": "expected text",
        "string_unicode": "expected text without half characters (surrogates)",
        "int_type": "expected a whole number",
        "bool_type": "expected `true` or `false`",
        "model_type": "expected a mapping of names to values",
        "model_attributes_type": "expected a mapping of names to values",
        "dict_type": "expected a mapping of names to values",
        "mapping_type": "expected a mapping of names to values",
        "tuple_type": "expected a list",
        "list_type": "expected a list",
        "literal_error": "expected {expected}",
        "union_tag_invalid": "expected {discriminator} to be one of {expected_tags}",
        "union_tag_not_found": "expected a mapping that says its {discriminator}",
        "greater_than_equal": "expected at least {ge}",
        "less_than_equal": "expected at most {le}",
        "string_too_short": "expected text, not nothing",
        "string_too_long": "expected at most {max_length} characters",
        "too_short": "expected at least {min_length}, got {actual_length}",
        "too_long": "expected at most {max_length}, got {actual_length}",
    }
)


CrossCheck: TypeAlias = Callable[[Json], Iterable[tuple[Path, str, str]]]
"""Finds, in a value that may be wrong in other ways too, what concerns several parts of it: path, rule, message."""


def load_model(model: type[_M], document: Document, kind: str, cross_check: CrossCheck | None = None) -> _M:
    """Build a model from a document that a person wrote.

    Args:
        model: what to build.
        document: the file as read.
        kind: `charter` or `plan`, the first part of each rule's name.
        cross_check: rules that concern several parts of the document.

    Raises:
        InvalidDocument: with every finding of the reader and of the model: `<kind>.field-missing`,
            `<kind>.field-unknown`, `<kind>.value`, and the model's own rules.
    """
    built, problems = _build(model, document.value, cross_check)
    findings = {
        *document.findings,
        *(
            Finding("error", f"{kind}.{rule}", message, document.place(path))
            for path, rule, message in problems
        ),
    }
    if built is None or findings:
        raise InvalidDocument(sorted(findings, key=_line))
    return built


def parse_model(model: type[_M], value: Json, kind: str, cross_check: CrossCheck | None = None) -> _M:
    """Build a model from its canonical form, and refuse every other spelling of it.

    Raises:
        InvalidDocument: as `load_model`, or `<kind>.not-canonical`: the value says what is meant, but not in
            the one spelling.
    """
    try:
        spelling = encode(value)
    except (ValueError, TypeError) as error:
        # Before anything looks at it: what cannot be spelt, however deep or large, is no record.
        message = f"the document is not canonical JSON: {quote(str(error), 100)}"
        raise InvalidDocument([Finding("error", f"{kind}.value", message)]) from None
    built, problems = _build(model, value, cross_check)
    if built is None or problems:
        raise InvalidDocument([Finding("error", f"{kind}.{rule}", message) for _, rule, message in problems])
    again: Json = built.model_dump(mode="json", by_alias=True)
    if spelling != encode(again):
        where = _format_path(_first_difference(value, again, ()))
        message = f"{where} is not in its canonical spelling; write the document through `hansa` again"
        raise InvalidDocument([Finding("error", f"{kind}.not-canonical", message)])
    return built


def _build(
    model: type[_M], value: Json, cross_check: CrossCheck | None
) -> tuple[_M | None, list[tuple[Path, str, str]]]:
    problems = [
        (path, rule, f"{_format_path(path)}: {message}")
        for path, rule, message in (cross_check or _no_check)(value)
    ]
    try:
        return model.model_validate(value), problems
    except ValidationError as error:
        details = error.errors(include_url=False)
        # What stands under a name that may not stand here needs no findings of its own.
        strange = {detail["loc"][:-1] for detail in details if detail["loc"][-1:] == ("[key]",)}
        described = [
            _describe(model, value, detail)
            for detail in details
            if detail["loc"][-1:] == ("[key]",)
            or not any(detail["loc"][:end] in strange for end in range(len(detail["loc"]) + 1))
        ]
        return None, [*described, *problems]


def _no_check(_value: Json) -> Iterable[tuple[Path, str, str]]:
    return ()


def _line(finding: Finding) -> tuple[int, str]:
    line = finding.place.rpartition(":")[2]
    return int(line) if line.isdecimal() else 0, finding.message


def _describe(model: type[Form], value: Json, detail: ErrorDetails) -> tuple[Path, str, str]:
    error, location, context = detail["type"], detail["loc"], detail.get("ctx", {})
    path = _path_in(value, location, keep_last=error == "missing")
    where = _format_path(path)
    if error == "missing":
        name = str(path[-1])
        field = next((f for names, f in _fields_at(model, location[:-1]) if name in names), None)
        example = (
            f", for example `{name}: {field.examples[0]}`" if field is not None and field.examples else ""
        )
        return path, "field-missing", f"{where} is missing; add it{example}"
    if error == "extra_forbidden":
        names = sorted(
            {names[0] for names, _ in _fields_at(model, location[:-1])}
            | {name for candidate in _models_at(model, location[:-1]) for name in candidate.short_forms}
        )
        close = difflib.get_close_matches(str(path[-1]), names, n=1)
        hint = f"did you mean `{close[0]}`?" if close else f"known here: {', '.join(names)}"
        return path, "field-unknown", f"{where} is not a known field; {hint}"
    phrase = _PHRASES.get(error)
    if phrase is None:
        return path, error if "message" in context else "value", f"{where}: {detail['msg']}"
    expected = phrase.format(**context).replace("'", "`")
    if error in _SIZE_TYPES:
        return path, "value", f"{where}: {expected}"
    got = context["tag"] if error == "union_tag_invalid" else detail["input"]
    return path, "value", f"{where}: {expected}, got {_show(got)}"


_SIZE_TYPES: Final = frozenset({"too_short", "too_long", "string_too_short", "string_too_long"})


def _show(value: object) -> str:
    if isinstance(value, Mapping):
        return "a mapping"
    if isinstance(value, (list, tuple)):
        return "a list"
    return "nothing" if value is None else quote(str(as_typed(value)))


def _path_in(value: Json, location: tuple[str | int, ...], *, keep_last: bool) -> Path:
    """Turn pydantic's location into a path of the document.

    Parts that are not in the document are left out: pydantic also names members of unions, and names that a
    validator wrote out. Only the name of a missing field is kept.
    """
    path: list[str | int] = []
    current: object = value
    for part in location:
        if isinstance(current, dict) and part in current:
            current = current[str(part)]
        elif isinstance(current, list) and isinstance(part, int) and part < len(current):
            current = current[part]
        else:
            continue
        path.append(part)
    if keep_last:
        path.append(location[-1])
    return tuple(path)


def _format_path(path: Path) -> str:
    if not path:
        return "the document"
    text = "".join(f"[{part}]" if isinstance(part, int) else f".{part}" for part in path)
    return quote(text.removeprefix("."), 200)


def _first_difference(value: Json, again: Json, path: Path) -> Path:
    if isinstance(value, dict) and isinstance(again, dict):
        for name in sorted(value.keys() | again.keys()):
            if name not in value or name not in again:
                return (*path, name)
            if encode(value[name]) != encode(again[name]):
                return _first_difference(value[name], again[name], (*path, name))
    if isinstance(value, list) and isinstance(again, list) and len(value) == len(again):
        for index, (left, right) in enumerate(zip(value, again, strict=True)):
            if encode(left) != encode(right):
                return _first_difference(left, right, (*path, index))
    return path


def _models_at(model: type[Form], location: tuple[str | int, ...]) -> list[type[Form]]:
    """Return every model that may stand at pydantic's `location`."""
    models = [model]
    for part in location:
        fields = [field for candidate in models for names, field in _named_fields(candidate) if part in names]
        if fields:
            models = [inner for field in fields for inner in _models_in(field.annotation)]
        elif chosen := [candidate for candidate in models if _has_tag(candidate, part)]:
            models = chosen
    return models


def _fields_at(model: type[Form], location: tuple[str | int, ...]) -> list[tuple[tuple[str, ...], FieldInfo]]:
    """Return the names and the field of everything that may stand in the mapping at `location`."""
    return [pair for candidate in _models_at(model, location) for pair in _named_fields(candidate)]


def _has_tag(model: type[Form], tag: str | int) -> bool:
    return any(tag in typing.get_args(field.annotation) for field in model.model_fields.values())


def _named_fields(model: type[Form]) -> Iterator[tuple[tuple[str, ...], FieldInfo]]:
    for name, field in model.model_fields.items():
        match field.validation_alias:
            case AliasChoices(choices=choices):
                yield tuple(str(choice) for choice in choices), field
            case str(alias):
                yield (alias,), field
            case _:
                yield (name,), field


def _models_in(annotation: Any) -> Iterator[type[Form]]:  # noqa: ANN401 - annotations have no common type
    if isinstance(annotation, type) and issubclass(annotation, Form):
        yield annotation
    for inner in typing.get_args(annotation):
        yield from _models_in(inner)
