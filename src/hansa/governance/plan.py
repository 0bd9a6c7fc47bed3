"""The plan of a run: what is learned, from which columns, by whom, at which privacy, and what counts as success.

Everything is fixed before the run; the digest of the canonical form is what is voted on. A plan carries no code.
`docs/formats/plan.md` specifies the form, example first.
"""

import re
from collections import Counter
from collections.abc import Iterator, Mapping
from dataclasses import replace
from fractions import Fraction
from functools import cached_property
from typing import Annotated, Final, Literal, TypeAlias, get_args

from pydantic import (
    AfterValidator,
    BeforeValidator,
    Field,
    StringConstraints,
    ValidationInfo,
    field_validator,
)

from hansa.governance.bar import Bar, BarVerdict, Direction
from hansa.governance.document import Path, parse_document
from hansa.governance.spelling import (
    DecimalText,
    Digest,
    NameText,
    ProperShare,
    ProseText,
    Several,
    ShortText,
    as_typed,
    fault,
    is_slug,
)
from hansa.governance.validation import Form, load_model, parse_model
from hansa.transparency.canonical import Json, digest
from hansa.transparency.quoting import quote

MINIMUM_COHORT: Final = 3
"""A sum over two hides nothing: each of the two subtracts its own part."""


_NO_CELL: Final = re.compile("[\x00-\x1f\x7f-\x9f\u202a-\u202e\u2066-\u2069\ud800-\udfff]")
"""Controls, halves of characters, and what turns a line around; all else may stand in data files."""


def _check_cell(value: str) -> str:
    if _NO_CELL.search(value):
        raise fault("text", f"expected text without control characters, got {quote(value)}")
    return value


CellText = Annotated[
    str,
    BeforeValidator(as_typed),
    StringConstraints(min_length=1, max_length=200),
    AfterValidator(_check_cell),
]
"""A column's name or a cell's content, exactly as it stands in the data files."""


def _check_strength(value: str) -> str:
    if not Fraction("0.000001") <= Fraction(value) <= 1_000_000_000:
        raise fault("decimal", f"expected a number from 0.000001 to 1000000000, got {quote(str(value))}")
    return value


Strength = Annotated[DecimalText, AfterValidator(_check_strength)]
"""How strongly a penalty holds, within what the recipes compute with."""


class LogisticParameters(Form):
    """Parameters of the recipe `logistic`."""

    ridge: Strength = "1"
    organisation_intercepts: bool = False
    correction: Strength = "10"
    minimum_category_members: Annotated[int, Field(ge=1, le=100_000)] = 3
    minimum_category_rows: Annotated[int, Field(ge=1, le=1_000_000)] = 10
    maximum_turns: Annotated[int, Field(ge=1, le=1_000)] = 25


class Recipe(Form):
    """Which computation: the name of a recipe that ships with the package, the digest of its code, its parameters."""

    name: Annotated[Literal["logistic"], Field(examples=["logistic"])]
    digest: Digest
    parameters: LogisticParameters = LogisticParameters()


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
    return tuple(_check_cell(str(item)) for item in texts)


class CategoryFeature(Form):
    """A column of texts out of a list, or `counted`: those which enough members and rows turn out to share."""

    name: Annotated[CellText, Field(examples=["sky"])]
    type: Literal["category"]
    categories: Annotated[
        tuple[str, ...] | Literal["counted"], BeforeValidator(_read_categories), Field(examples=["counted"])
    ]
    missing: Missing = "refused"


Feature: TypeAlias = NumberFeature | CategoryFeature


def _read_members(value: object) -> object:
    if value == "all":
        return value
    if not isinstance(value, (list, tuple)) or not all(
        isinstance(item, str) and is_slug(item) for item in value
    ):
        raise fault("cohort", "expected `all`, or a list of members' ids")
    if len(set(value)) != len(value):
        raise fault("cohort", "each member is listed once")
    return tuple(sorted(value))


class Cohort(Form):
    """Who takes part: all members, or those listed; never fewer than `minimum`."""

    members: Annotated[tuple[str, ...] | Literal["all"], BeforeValidator(_read_members)] = "all"
    minimum: Annotated[int, Field(ge=MINIMUM_COHORT, le=100_000, examples=[5])]

    @field_validator("minimum", mode="after")
    @classmethod
    def _check_minimum(cls, minimum: int, info: ValidationInfo) -> int:
        members = info.data.get("members", "all")
        if members != "all" and len(members) < minimum:
            raise fault("cohort", f"{len(members)} members are listed, and at least {minimum} must take part")
        return minimum


Seed = Annotated[int, Field(ge=0, lt=2**53)]


class StratifiedSplit(Form):
    """Test rows are drawn by row, the same share of each label."""

    kind: Literal["stratified"]
    seed: Seed = 0
    test: Annotated[ProperShare, Field(examples=["3/10"])]


class GroupSplit(Form):
    """Rows with the same value of `column` stay together; with scope `everywhere` also across members."""

    kind: Literal["group"]
    column: Annotated[CellText, Field(examples=["person"])]
    seed: Seed = 0
    test: Annotated[ProperShare, Field(examples=["3/10"])]
    scope: Literal["member", "everywhere"] = "everywhere"


class TimeSplit(Form):
    """Rows whose `column` is `start` or later are test rows; `from` in the document."""

    kind: Literal["time"]
    column: Annotated[CellText, Field(examples=["year"])]
    start: Annotated[CellText, Field(alias="from", examples=['"1996"'])]


Split: TypeAlias = StratifiedSplit | GroupSplit | TimeSplit


class PlanPrivacy(Form):
    """How sums are protected beyond masking. Only `none` exists yet."""

    noise: Annotated[Literal["none"], Field(examples=["none"])]

    @property
    def guarantee(self) -> str:
        """The label that goes wherever a result is shown."""
        return "no formal guarantee"


class Leaf(Form):
    """What leaves the members, and to whom, in words for people."""

    what: Annotated[ProseText, Field(examples=["sums over the cohort of counts and gradients"])]
    to: Annotated[ProseText, Field(examples=["members of the cohort"])]


class Plan(Form):
    """Everything about a run that its voters need to know, and that its contributors hold it to."""

    version: Annotated[Literal[1], Field(examples=[1])]
    name: Annotated[NameText, Field(examples=["Which strikes affect the flight"])]
    purpose: Annotated[ProseText, Field(examples=["Know which strikes need an inspection."])]
    recipe: Annotated[Recipe, Field(examples=["{name: logistic}"])]
    label: Annotated[Label, Field(examples=['{name: damage, positive: "1", negative: "0"}'])]
    features: Annotated[
        Several[Annotated[NumberFeature | CategoryFeature, Field(discriminator="type")]],
        Field(
            min_length=1, max_length=1_000, examples=["[{name: sky, type: category, categories: counted}]"]
        ),
    ]
    cohort: Annotated[Cohort, Field(examples=["{members: all, minimum: 5}"])]
    split: Annotated[
        StratifiedSplit | GroupSplit | TimeSplit,
        Field(discriminator="kind", examples=["{kind: stratified, seed: 0, test: 3/10}"]),
    ]
    privacy: Annotated[PlanPrivacy, Field(examples=["{noise: none}"])]
    bars: Annotated[
        Several[Bar],
        Field(min_length=1, max_length=100, examples=['[{metric: auc_together, at_least: "0.80"}]']),
    ]
    leaves: Annotated[
        Several[Leaf],
        Field(
            min_length=1,
            max_length=100,
            examples=["[{what: sums over the cohort, to: members of the cohort}]"],
        ),
    ]

    @cached_property
    def digest(self) -> str:
        """SHA-256 of the canonical form, lower-case hexadecimal; what the members vote on."""
        return digest(self.to_json())

    @property
    def columns(self) -> tuple[str, ...]:
        """The columns that the plan reads, each once: the label, the features, the column of the split."""
        split = () if isinstance(self.split, StratifiedSplit) else (self.split.column,)
        return tuple(dict.fromkeys((self.label.name, *(feature.name for feature in self.features), *split)))


def _cross_check(value: Json) -> Iterator[tuple[Path, str, str]]:
    """Find what concerns several parts of a plan; parts that are wrong by themselves are passed over."""
    if not isinstance(value, dict):
        return
    label = _name_in(value.get("label"), "name")
    names: set[str] = set()
    for index, feature in enumerate(_list(value.get("features"))):
        name = _name_in(feature, "name")
        if name is not None and name == label:
            yield (
                ("features", index, "name"),
                "label-feature",
                f"{quote(name)} is the label; remove it from the features",
            )
        if name is not None and name in names:
            yield ("features", index, "name"), "feature-twice", f"{quote(name)} is listed above already"
        if name is not None:
            names.add(name)
    split = value.get("split")
    column = _name_in(split, "column")
    if column is not None and column == label:
        yield ("split", "column"), "split-column", f"{quote(column)} is the label; split by another column"
    if column is not None and column in names and _name_in(split, "kind") == "group":
        message = f"a model that sees {quote(column)} learns whose rows they are; remove it from the features"
        yield ("split", "column"), "split-column", message
    seen = set()
    for index, bar in enumerate(_list(value.get("bars"))):
        for direction in get_args(Direction):
            limit = _name_in(bar, "metric"), direction
            if isinstance(bar, dict) and direction in bar and limit in seen:
                message = f"{quote(str(limit[0]))} has an `{direction}` above already; keep one of the two"
                yield ("bars", index, direction), "bar-twice", message
            elif isinstance(bar, dict) and direction in bar:
                seen.add(limit)


def _list(value: Json) -> list[Json]:
    return value if isinstance(value, list) else []


def _name_in(value: Json, field: str) -> str | None:
    text = as_typed(value.get(field)) if isinstance(value, dict) else None
    return text if isinstance(text, str) else None


def load_plan(text: str, source: str, *, recipe_digest: str = "") -> Plan:
    """Read the plan that a person wrote.

    Args:
        text: YAML.
        source: the file's name, for messages.
        recipe_digest: the digest of the recipe's code on this machine; fills `recipe.digest` where it is left out.

    Raises:
        InvalidDocument: `yaml.*` and `plan.*`, with every finding.
    """
    document = parse_document(text, source)
    value = document.value
    if recipe_digest and isinstance(value, dict) and isinstance(recipe := value.get("recipe"), dict):
        document = replace(document, value={**value, "recipe": {"digest": recipe_digest, **recipe}})
    return load_model(Plan, document, "plan", _cross_check)


def parse_plan(value: Json) -> Plan:
    """Read a plan in canonical form.

    Raises:
        InvalidDocument: `plan.*`; `plan.not-canonical` for any other spelling of a plan.
    """
    return parse_model(Plan, value, "plan", _cross_check)


def judge_bars(plan: Plan, metrics: Mapping[str, str]) -> tuple[BarVerdict, ...]:
    """Hold a run's metrics against the bars of its plan, exactly and in the plan's order.

    Args:
        plan: the approved plan.
        metrics: from name to `MetricText`. A metric that is not there meets no bar.

    Raises:
        ValueError: a value has another spelling.
    """
    return tuple(bar.judge(metrics.get(bar.metric, "")) for bar in plan.bars)
