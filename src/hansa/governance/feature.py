"""What a plan learns from: the features, each a column with declared values."""

from collections import Counter
from fractions import Fraction
from typing import Annotated, Literal, TypeAlias

from pydantic import BeforeValidator, Field, ValidationInfo, field_validator

from hansa.governance.spelling import CellText, DecimalText, ShortText, as_typed, check_cell, fault
from hansa.governance.validation import Form
from hansa.transparency.quoting import quote


def check_bounds(maximum: str, info: ValidationInfo) -> str:
    """Check, after a form's `minimum`, that its `maximum` is above it."""
    minimum = info.data.get("minimum")
    if minimum is not None and Fraction(minimum) >= Fraction(maximum):
        raise fault("bounds", f"the maximum `{maximum}` is not above the minimum `{minimum}`")
    return maximum


Missing = Literal["allowed", "refused"]


class NumberFeature(Form):
    """A column of numbers within declared bounds."""

    name: Annotated[CellText, Field(examples=["speed"])]
    type: Literal["number"]
    unit: ShortText = ""
    minimum: Annotated[DecimalText, Field(examples=['"0"'])]
    maximum: Annotated[DecimalText, Field(examples=['"100"'])]
    missing: Missing = "refused"

    _check_bounds = field_validator("maximum", mode="after")(check_bounds)


def read_texts(value: object) -> tuple[str, ...]:
    """Read a list of different texts as they stand in files, in a validator of a form."""
    if not isinstance(value, (list, tuple)):
        raise fault("categories", "expected a list of texts, or `counted`")
    texts = [as_typed(item) for item in value]
    wrong = [item for item in texts if not isinstance(item, str) or not 1 <= len(item) <= 200]
    if wrong or not texts:
        raise fault(
            "categories", "expected at least one text, and each of 1 to 200 characters; quote `null` and `~`"
        )
    twice = sorted(str(item) for item, count in Counter(texts).items() if count > 1)
    if twice:
        raise fault("categories", f"listed twice: {', '.join(map(quote, twice))}")
    return tuple(check_cell(str(item)) for item in texts)


def _read_categories(value: object) -> object:
    return value if value == "counted" else read_texts(value)


class CategoryFeature(Form):
    """A column of texts out of a list, or `counted`: those which enough members and rows turn out to share."""

    name: Annotated[CellText, Field(examples=["sky"])]
    type: Literal["category"]
    categories: Annotated[
        tuple[str, ...] | Literal["counted"], BeforeValidator(_read_categories), Field(examples=["counted"])
    ]
    missing: Missing = "refused"


Feature: TypeAlias = NumberFeature | CategoryFeature
