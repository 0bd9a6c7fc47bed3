"""One spelling for every value: canonical JSON (RFC 8785) within a profile that has no floats.

What is signed or hashed must have exactly one byte string. The profile is the part of RFC 8785 that
needs no number formatting and no UTF-16: object names are ASCII, numbers are integers below 2^53 in
size, everything nests at most `MAX_DEPTH` deep. `docs/formats/canonical-json.md` is the specification.

Source: RFC 8785; RFC 4648 section 4 (base64) with section 3.5 (trailing bits).
"""

import base64
import binascii
import hashlib
import json
import re
from typing import NoReturn, TypeAlias

from hansa.errors import Malformed
from hansa.transparency.quoting import quote

Json: TypeAlias = "bool | int | str | list[Json] | dict[str, Json] | None"
"""A value of the profile: JSON without floats."""

MAX_DEPTH = 32
"""How deep arrays and objects may nest; a number alone has depth 0, `[]` has depth 1."""

_LIMIT = 2**53
"""Integers lie strictly between -2^53 and 2^53, so that every JSON reader holds them exactly."""

_NESTING = re.compile(rb'"(?:[^"\\]|\\.)*"?|[\[{\]}]', re.DOTALL)
_SURROGATE = re.compile("[\ud800-\udfff]")


def encode(value: Json) -> bytes:
    """Return the one canonical spelling of a value.

    Raises:
        ValueError: the value is outside the profile (a float, a large integer, a name that is not
            ASCII, a lone surrogate, nesting too deep, a type that JSON does not have). Our own code
            made it, so this is misuse and not somebody's malformed bytes.
    Guarantees:
        `parse(encode(value)) == value`.
    Source: RFC 8785 section 3.2.
    """
    _check_profile(value, MAX_DEPTH)
    return _ENCODER.encode(value).encode("utf-8")


def parse(data: bytes) -> Json:
    """Read canonical JSON and refuse every other spelling.

    Most documents are canonical, so the quick way is taken first: read, write again, compare. Only a
    document that differs is searched for the rule that it breaks.

    Raises:
        Malformed: `canonical-json.` followed by `utf8`, `depth`, `syntax`, `duplicate-name`, `float`,
            `integer-range`, `name`, `surrogate` or `not-canonical`; the message says where.
    Guarantees:
        `encode(parse(data)) == data` for all data that is accepted.
    """
    try:
        text = data.decode("utf-8")
    except UnicodeDecodeError as error:
        raise Malformed("canonical-json.utf8", f"byte {error.start} is not UTF-8") from None
    # A document with few openers cannot nest deeply; the count keeps the usual case free of a scan,
    # and the check comes before the reader so that no input can exhaust its stack.
    if data.count(b"[") + data.count(b"{") > MAX_DEPTH:
        _check_depth(data)
    try:
        value: Json = _DECODER.decode(text)
    except json.JSONDecodeError as error:
        raise Malformed("canonical-json.syntax", f"{error.msg.lower()} at character {error.pos}") from None
    again = _ENCODER.encode(value)
    if again != text:
        _diagnose(text, again)
    if not data.isascii():
        _check_names(value)
    return value


def digest(value: Json) -> str:
    """Return the SHA-256 of the canonical spelling, 64 lower-case hexadecimal digits."""
    return hashlib.sha256(encode(value)).hexdigest()


def encode_base64(data: bytes) -> str:
    """Return standard base64, padded (RFC 4648 section 4)."""
    return base64.b64encode(data).decode("ascii")


def parse_base64(text: str) -> bytes:
    """Read standard, padded base64 and refuse every other spelling of the same bytes.

    Raises:
        Malformed: `base64.not-canonical`, for another alphabet, missing padding, white space, or
            trailing bits that are not zero (RFC 4648 section 3.5).
    """
    try:
        data = binascii.a2b_base64(text.encode("ascii"))
    except (ValueError, binascii.Error):
        data = None
    if data is None or base64.b64encode(data).decode("ascii") != text:
        raise Malformed("base64.not-canonical", f"{quote(text)} is not padded standard base64")
    return data


def _check_profile(value: Json, depth: int) -> None:
    """Raise ValueError unless the value is in the profile with `depth` levels left."""
    if isinstance(value, str):
        if _SURROGATE.search(value):
            raise ValueError("a text holds a lone surrogate")
    elif isinstance(value, bool) or value is None:
        pass
    elif isinstance(value, int):
        if not -_LIMIT < value < _LIMIT:
            raise ValueError("an integer does not lie between -2^53 and 2^53")
    elif isinstance(value, list | dict):
        if depth == 0:
            raise ValueError(f"the value nests deeper than {MAX_DEPTH} levels")
        if isinstance(value, dict):
            for name in value:
                if not str.isascii(name):
                    raise ValueError(f"the object name {name!r} is not ASCII text")
        for item in value.values() if isinstance(value, dict) else value:
            _check_profile(item, depth - 1)
    else:
        raise ValueError(f"canonical JSON has no {type(value).__name__}")


def _check_depth(data: bytes) -> None:
    depth = 0
    for token in _NESTING.finditer(data):
        opener = token.group()
        if opener in {b"[", b"{"}:
            depth += 1
            if depth > MAX_DEPTH:
                raise Malformed(
                    "canonical-json.depth", f"nests deeper than {MAX_DEPTH} levels at byte {token.start()}"
                )
        elif opener in {b"]", b"}"}:
            depth -= 1


def _check_names(value: Json) -> None:
    if isinstance(value, dict):
        for name, item in value.items():
            if not name.isascii():
                raise Malformed("canonical-json.name", f"the object name {quote(name)} is not ASCII")
            _check_names(item)
    elif isinstance(value, list):
        for item in value:
            _check_names(item)


def _read_integer(digits: str) -> int:
    # 17 characters hold a sign and 2^53; longer ones are not even converted.
    if len(digits) > 17 or not -_LIMIT < (value := int(digits)) < _LIMIT:
        raise Malformed(
            "canonical-json.integer-range", f"the integer {quote(digits)} does not lie between -2^53 and 2^53"
        )
    return value


def _refuse_float(text: str) -> NoReturn:
    raise Malformed("canonical-json.float", f"{quote(text)} is not an integer; write decimals as text")


def _refuse_constant(text: str) -> NoReturn:
    raise Malformed("canonical-json.syntax", f"`{text}` is not JSON")


def _refuse_duplicates(pairs: list[tuple[str, Json]]) -> dict[str, Json]:
    result: dict[str, Json] = {}
    for name, value in pairs:
        if name in result:
            raise Malformed("canonical-json.duplicate-name", f"the object name {quote(name)} occurs twice")
        result[name] = value
    return result


def _diagnose(text: str, again: str) -> NoReturn:
    """Name the rule that a readable document breaks when its second spelling `again` differs."""
    json.loads(
        text,
        parse_int=_read_integer,
        parse_float=_refuse_float,
        parse_constant=_refuse_constant,
        object_pairs_hook=_refuse_duplicates,
    )
    _check_names(json.loads(text))
    if _SURROGATE.search(again):
        raise Malformed("canonical-json.surrogate", "a text holds a lone surrogate")
    at = next(
        (i for i, (a, b) in enumerate(zip(text, again, strict=False)) if a != b), min(len(text), len(again))
    )
    raise Malformed(
        "canonical-json.not-canonical",
        f"at character {at}: expected {quote(again[at:], 16)}, got {quote(text[at:], 16)}",
    )


# Both are used as constants: neither keeps anything between two calls.
_DECODER = json.JSONDecoder(
    parse_int=_read_integer, parse_float=_refuse_float, parse_constant=_refuse_constant
)
_ENCODER = json.JSONEncoder(
    sort_keys=True, separators=(",", ":"), ensure_ascii=False, check_circular=False, allow_nan=False
)
