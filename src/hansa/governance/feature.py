"""What a plan reads: the label and the features, each a column with declared values."""

from collections import Counter
from fractions import Fraction
from typing import Annotated, Literal, TypeAlias

from pydantic import BeforeValidator, Field, ValidationInfo, field_validator

from hansa.governance.spelling import CellText, DecimalText, ShortText, as_typed, check_cell, fault
from hansa.governance.validation import Form
from hansa.transparency.quoting import quote


class Label(Form):
    """The column to be predicted, and the two texts that it may hold."""

    name: Annotated[CellText, Field(examples=["damage"])]
    positive: Annotated[CellText, Field(examples=['"1"'])]
    negative: Annotated[CellText, Field(examples=['"0"'])]

    @field_validator("negative", mode="after")
    @classmethod
    def _check_two_values(cls, negative: str, info: ValidationInfo) -> str:
        if negative == info.data.get("positive"):
            raise fault("label", f"positive and negative are both {quote(negative)}; they must differ")
        return negative


Missing = Literal["allowed", "refused"]


class NumberFeature(Form):
    """A column of numbers within declared bounds."""

    name: Annotated[CellText, Field(examples=["speed"])]
    type: Literal["number"]
    unit: ShortText = ""
    minimum: Annotated[DecimalText, Field(examples=['"0"'])]
    maximum: Annotated[DecimalText, Field(examples=['"100"'])]
    missing: Missing = "refused"

    @field_validator("maximum", mode="after")
    @classmethod
    def _check_bounds(cls, maximum: str, info: ValidationInfo) -> str:
        minimum = info.data.get("minimum")
        if minimum is not None and Fraction(minimum) >= Fraction(maximum):
            raise fault("bounds", f"the maximum `{maximum}` is not above the minimum `{minimum}`")
        return maximum


def _read_categories(value: object) -> object:
    if value == "counted":
        return value
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


class CategoryFeature(Form):
    """A column of texts out of a list, or `counted`: those which enough members and rows turn out to share."""

    name: Annotated[CellText, Field(examples=["sky"])]
    type: Literal["category"]
    categories: Annotated[
        tuple[str, ...] | Literal["counted"], BeforeValidator(_read_categories), Field(examples=["counted"])
    ]
    missing: Missing = "refused"


Feature: TypeAlias = NumberFeature | CategoryFeature
