"""What a plan wants predicted: two values, a number, one of several classes, or the time until an event."""

from collections.abc import Iterator
from decimal import Decimal
from fractions import Fraction
from typing import Annotated, Any, Final, Literal, TypeAlias

from pydantic import (
    BeforeValidator,
    Discriminator,
    Field,
    SerializerFunctionWrapHandler,
    ValidationInfo,
    field_validator,
    model_serializer,
)

from hansa.governance.document import Path
from hansa.governance.feature import check_bounds, read_texts
from hansa.governance.spelling import CellText, DecimalText, ShortText, fault, is_decimal, name_in
from hansa.governance.validation import Form
from hansa.transparency.canonical import Json
from hansa.transparency.quoting import quote

_EXPLAINS: Final = {
    "linear": ("number", "a label of the type `number`, without exposure"),
    "poisson": ("number", "a label of the type `number`, with a minimum of 0 or more"),
    "gamma": ("number", "a label of the type `number`, with a minimum above 0 and without exposure"),
    "multinomial": ("category", "a label of the type `category`"),
    "cox": ("time", "a label of the type `time`"),
}
"""By family of a regression, the type of its label, and what else it must be."""

MAXIMUM_CLASSES: Final = 50
"""Coefficients, and the square of them in what is summed, grow with classes."""

MAXIMUM_STEPS: Final = 1_000
"""Of time; rows are counted in each."""


MAXIMUM_STEP: Final = 10**9
"""So that the end of the last one can still be written."""


class _Two(Form):
    """A column, and the two texts that it may hold."""

    name: Annotated[CellText, Field(examples=["damage"])]
    positive: Annotated[CellText, Field(examples=['"1"'])]
    negative: Annotated[CellText, Field(examples=['"0"'])]

    @field_validator("negative", mode="after")
    @classmethod
    def _check_two_values(cls, negative: str, info: ValidationInfo) -> str:
        if negative == info.data.get("positive"):
            raise fault("label", f"positive and negative are both {quote(negative)}; they must differ")
        return negative


class Event(_Two):
    """The column that says whether a row's time ended with the event, or the row was seen last then."""


class Label(_Two):
    """The column to be predicted, and the two texts that it may hold."""

    type: Literal["binary"] = "binary"

    @property
    def event(self) -> _Two:
        """What sets a row's label to 0 or 1."""
        return self

    @property
    def columns(self) -> tuple[str, ...]:
        """The columns that the label reads."""
        return (self.name,)

    @model_serializer(mode="wrap")
    def _leave_out_the_type(self, handler: SerializerFunctionWrapHandler) -> dict[str, Any]:
        return {name: value for name, value in handler(self).items() if name != "type"}


class Exposure(Form):
    """The column that says over what, such as a time or a population, a row's count came about."""

    name: Annotated[CellText, Field(examples=["years"])]
    unit: ShortText = ""
    minimum: Annotated[DecimalText, Field(examples=['"0.1"'])]
    maximum: Annotated[DecimalText, Field(examples=['"1"'])]

    @field_validator("minimum", mode="after")
    @classmethod
    def _check_minimum(cls, minimum: str) -> str:
        if Fraction(minimum) <= 0:
            raise fault("bounds", f"an exposure is above 0, and its minimum is `{minimum}`")
        return minimum

    _check_bounds = field_validator("maximum", mode="after")(check_bounds)


class NumberLabel(Form):
    """A number within declared bounds, perhaps a count over an exposure."""

    name: Annotated[CellText, Field(examples=["claims"])]
    type: Literal["number"]
    unit: ShortText = ""
    minimum: Annotated[DecimalText, Field(examples=['"0"'])]
    maximum: Annotated[DecimalText, Field(examples=['"40"'])]
    exposure: Exposure | None = None

    _check_bounds = field_validator("maximum", mode="after")(check_bounds)

    @property
    def event(self) -> None:
        """What sets a row's label to 0 or 1: nothing."""
        return

    @property
    def columns(self) -> tuple[str, ...]:
        """The columns that the label reads."""
        return (self.name, self.exposure.name) if self.exposure else (self.name,)


def _read_classes(value: object) -> object:
    texts = read_texts(value)
    if not 2 <= len(texts) <= MAXIMUM_CLASSES:
        raise fault("categories", f"expected 2 to {MAXIMUM_CLASSES} classes, got {len(texts)}")
    return texts


class CategoryLabel(Form):
    """One of several texts; the first is what the others are compared with."""

    name: Annotated[CellText, Field(examples=["grade"])]
    type: Literal["category"]
    categories: Annotated[
        tuple[str, ...], BeforeValidator(_read_classes), Field(examples=["[none, some, severe]"])
    ]

    @property
    def event(self) -> None:
        """What sets a row's label to 0 or 1: nothing."""
        return

    @property
    def columns(self) -> tuple[str, ...]:
        """The columns that the label reads."""
        return (self.name,)


class TimeLabel(Form):
    """The time until an event, or until a row was seen last, in begun steps."""

    name: Annotated[CellText, Field(examples=["days"])]
    type: Literal["time"]
    unit: ShortText = ""
    step: Annotated[DecimalText, Field(examples=['"30"'])]
    steps: Annotated[int, Field(ge=1, le=MAXIMUM_STEPS, examples=[24])]
    event: Annotated[Event, Field(examples=['{name: died, positive: "1", negative: "0"}'])]

    @field_validator("step", mode="after")
    @classmethod
    def _check_step(cls, step: str) -> str:
        if not 0 < Fraction(step) <= MAXIMUM_STEP:
            raise fault(
                "bounds", f"a step of time is above 0 and at most {MAXIMUM_STEP}, and this is `{step}`"
            )
        return step

    @property
    def end(self) -> str:
        """The end of the last step; no row's time is later."""
        return f"{Decimal(self.step) * self.steps:f}"

    @property
    def columns(self) -> tuple[str, ...]:
        """The columns that the label reads."""
        return (self.name, self.event.name)


def _add_type(value: object) -> object:
    """Say the type of a label of two values, which people and the record leave out."""
    return {**value, "type": "binary"} if isinstance(value, dict) and "type" not in value else value


PlanLabel: TypeAlias = Label | NumberLabel | CategoryLabel | TimeLabel

AnyLabel: TypeAlias = Annotated[
    Annotated[PlanLabel, Discriminator("type")],
    BeforeValidator(_add_type),
]


def type_of(label: Json) -> str | None:
    """Return the type of a label that may be wrong in other ways."""
    return name_in(label, "type") if isinstance(label, dict) and "type" in label else "binary"


def list_columns_of(label: Json) -> list[str]:
    """Return the columns that such a label names, its own first."""
    parts = (label, label.get("exposure"), label.get("event")) if isinstance(label, dict) else ()
    return [name for name in (name_in(part, "name") for part in parts) if name is not None]


def check_label(recipe: Json, label: Json) -> Iterator[tuple[Path, str, str]]:
    """Find in a plan a label that its recipe, which makes a model, cannot learn: path, rule, message."""
    name, kind = name_in(recipe, "name"), type_of(label)
    if name != "regression":
        if kind != "binary":
            message = f"`{name}` tells two values apart, `positive` and `negative`; `regression` explains other labels"
            yield ("label", "type"), "label-type", message
        return
    parameters = recipe.get("parameters") if isinstance(recipe, dict) else None
    family = name_in(parameters, "family")
    if family not in _EXPLAINS or not isinstance(label, dict):
        return  # said elsewhere
    expected, words = _EXPLAINS[family]
    minimum = name_in(label, "minimum") or ""
    low = Fraction(minimum) if is_decimal(minimum) else Fraction(1)
    has_exposure = label.get("exposure") is not None
    is_learnt = {
        "linear": not has_exposure,
        "poisson": low >= 0,
        "gamma": low > 0 and not has_exposure,
    }
    if kind != expected or not is_learnt.get(family, True):
        yield ("label",), "label-type", f"`{family}` explains {words}"
