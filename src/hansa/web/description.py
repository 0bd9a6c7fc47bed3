"""How the table of requests is spelt in OpenAPI, so that the document and the checks have one source."""

from collections.abc import Mapping
from typing import Any, Final

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
