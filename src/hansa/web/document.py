"""JSON bodies as values: one spelling in, checked against a model, and out again."""

from collections.abc import Mapping
from typing import TypeVar

from pydantic import BaseModel, ConfigDict, ValidationError
from starlette.responses import Response

from hansa.errors import Malformed
from hansa.transparency import canonical
from hansa.transparency.quoting import quote


class Body(BaseModel):
    """The form of a body: frozen, strict, no other fields."""

    model_config = ConfigDict(frozen=True, strict=True, extra="forbid")


_B = TypeVar("_B", bound=Body)


def parse_body(model: type[_B], value: canonical.Json) -> _B:
    """Read a body.

    Raises:
        Malformed: `request.fields`, naming the first field that is wrong.
    """
    try:
        return model.model_validate(value)
    except ValidationError as error:
        first = error.errors(include_url=False)[0]
        place = ".".join(str(part) for part in first["loc"]) or "the body"
        raise Malformed("request.fields", f"{quote(place, 80)}: {first['msg'].lower()}") from None


def answer_json(value: Mapping[str, canonical.Json], status: int = 200) -> Response:
    """Return an answer of canonical JSON."""
    return Response(
        canonical.encode(dict(value)),
        status,
        {"cache-control": "no-store"},
        media_type="application/json",
    )
