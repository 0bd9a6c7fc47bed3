"""How the table of requests is spelt in OpenAPI, so that the document and the checks have one source."""

from collections.abc import Mapping
from typing import Annotated, Any, Final, TypeAlias

from fastapi import Path
from pydantic import BaseModel

from hansa.web.problems import MEDIA_TYPE

PROBLEM_SCHEMA: Final[Mapping[str, Any]] = {
    "type": "object",
    "required": ["type", "title", "status", "rule", "reasons"],
    "properties": {
        "type": {"type": "string"},
        "title": {"type": "string"},
        "status": {"type": "integer"},
        "rule": {"type": "string"},
        "reasons": {"type": "array", "items": {"type": "string"}},
    },
}

PROBLEMS: Final[dict[int | str, dict[str, Any]]] = {
    "4XX": {"description": "It was not done, and why", "content": {MEDIA_TYPE: {"schema": PROBLEM_SCHEMA}}},
    "5XX": {"description": "It cannot be done now", "content": {MEDIA_TYPE: {"schema": PROBLEM_SCHEMA}}},
}
"""What every request may be answered with."""

SIGNED: Final[dict[str, Any]] = {"security": [{"signature": []}]}
"""For requests that a member signs."""

SCHEMES: Final[Mapping[str, Any]] = {
    "signature": {
        "type": "apiKey",
        "in": "header",
        "name": "Signature",
        "description": "HTTP message signature (RFC 9421) in the spelling of docs/formats/wire.md, with "
        "Signature-Input and Content-Digest",
    },
    "invitation": {"type": "http", "scheme": "bearer", "description": "the token of a founder's invitation"},
}


def _spelt(pattern: str, example: str) -> Any:  # noqa: ANN401 - FastAPI's own marker
    """Describe a part of a path. It is not checked before it is known who asks, but by whoever reads it."""
    return Path(json_schema_extra={"pattern": f"^{pattern}$", "examples": [example]})


DigestPart: TypeAlias = Annotated[str, _spelt("[0-9a-f]{64}", "9f" * 32)]
MemberPart: TypeAlias = Annotated[str, _spelt("[a-z0-9][a-z0-9-]{0,62}", "north-air")]
CountPart: TypeAlias = Annotated[str, _spelt("(0|[1-9][0-9]{0,8})", "0")]
NumberPart: TypeAlias = Annotated[str, _spelt("[1-9][0-9]{0,8}", "1")]
TilePart: TypeAlias = Annotated[
    str,
    _spelt("(entries|[0-9]|[1-5][0-9]|6[0-3])/(x[0-9]{3}/){0,6}[0-9]{3}([.]p/[1-9][0-9]{0,2})?", "0/000.p/1"),
]


def describe_json(model: type[BaseModel]) -> dict[str, Any]:
    """Describe a request body of canonical JSON."""
    schema = model.model_json_schema(ref_template="#/components/schemas/{model}")
    return {"requestBody": {"required": True, "content": {"application/json": {"schema": schema}}}}


def describe_bytes() -> dict[str, Any]:
    """Describe a request body of raw bytes."""
    schema = {"type": "string", "format": "binary"}
    return {"requestBody": {"required": True, "content": {"application/octet-stream": {"schema": schema}}}}


def describe_answers(media_type: str, meaning: str, **others: str) -> dict[int | str, dict[str, Any]]:
    """Describe the answers of a request.

    Args:
        media_type: of a `200`.
        meaning: of a `200`.
        others: meanings of answers without a body, named `s204` and the like.
    """
    binary = {"type": "string", "format": "binary"} if media_type == "application/octet-stream" else {}
    content = {media_type: {"schema": binary or {"type": "string"}}}
    if media_type == "application/json":
        content = {media_type: {"schema": {"type": "object"}}}
    return {
        200: {"description": meaning, "content": content},
        **{int(name[1:]): {"description": text} for name, text in others.items()},
        **PROBLEMS,
    }
