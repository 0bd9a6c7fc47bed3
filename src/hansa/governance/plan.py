"""The plan of a run: what is learned, from which columns, by whom, at which privacy, and what counts as success.

Everything is fixed before the run; the digest of the canonical form is what is voted on. A plan carries no code.
`docs/formats/plan.md` specifies the form, example first.
"""

from collections.abc import Collection, Iterator, Mapping
from dataclasses import replace
from functools import cached_property
from types import MappingProxyType
from typing import Annotated, Any, Final, Literal, get_args

from pydantic import (
    BeforeValidator,
    Field,
    SerializerFunctionWrapHandler,
    ValidationInfo,
    field_validator,
    model_serializer,
)

from hansa.governance.bar import METRICS, NOISED_METRICS, Bar, BarVerdict, Direction, list_metrics
from hansa.governance.document import Path, parse_document
from hansa.governance.feature import Feature
from hansa.governance.label import AnyLabel, check_label, list_columns_of, type_of
from hansa.governance.privacy import BareSums, NoisedSums
from hansa.governance.recipe import Recipe
from hansa.governance.spelling import NameText, ProseText, Several, as_typed, fault, is_slug, name_in
from hansa.governance.split import Division, GroupSplit, Split, StratifiedSplit, TimeSplit, has_large_parts
from hansa.governance.validation import Form, load_model, parse_model
from hansa.transparency.canonical import Json, digest
from hansa.transparency.quoting import quote

MINIMUM_COHORT: Final = 3
"""A sum over two hides nothing: each of the two subtracts its own part."""


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


class Leaf(Form):
    """What leaves the members, and to whom, in words for people."""

    what: Annotated[ProseText, Field(examples=["sums over the cohort of counts and gradients"])]
    to: Annotated[ProseText, Field(examples=["members of the cohort"])]


class Plan(Form):
    """Everything about a run that its voters need to know, and that its contributors hold it to.

    A plan of a model has a label, a split and bars; one of `statistics` has none of them.
    """

    version: Annotated[Literal[1], Field(examples=[1])]
    name: Annotated[NameText, Field(examples=["Which strikes affect the flight"])]
    purpose: Annotated[ProseText, Field(examples=["Know which strikes need an inspection."])]
    recipe: Annotated[Recipe, Field(discriminator="name", examples=["{name: logistic}"])]
    label: Annotated[AnyLabel | None, Field(examples=['{name: damage, positive: "1", negative: "0"}'])] = None
    features: Annotated[
        Several[Annotated[Feature, Field(discriminator="type")]],
        Field(
            min_length=1, max_length=1_000, examples=["[{name: sky, type: category, categories: counted}]"]
        ),
    ]
    cohort: Annotated[Cohort, Field(examples=["{members: all, minimum: 5}"])]
    attempts: Annotated[int, Field(ge=1, le=10)] = 2
    """How many attempts one approval allows, because each is charged."""
    split: Annotated[
        Annotated[Split, Field(discriminator="kind")] | None,
        Field(examples=["{kind: stratified, seed: 0, test: 3/10}"]),
    ] = None
    privacy: Annotated[BareSums | NoisedSums, Field(discriminator="noise", examples=["{noise: none}"])]
    bars: Annotated[
        Several[Bar],
        Field(max_length=100, examples=['[{metric: auc_together, at_least: "0.80"}]']),
    ] = ()
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

    @cached_property
    def division(self) -> Division:
        """All that decides which rows are test rows; equal for plans that divide the same rows alike."""
        if self.split is None:
            return Division()
        event = self.label.event if self.label and isinstance(self.split, StratifiedSplit) else None
        labels = None if event is None else event.to_json()
        rule = digest({"label": labels, "split": self.split.to_json()})
        return Division(rule, has_large_parts=has_large_parts(self.split))

    @property
    def columns(self) -> tuple[str, ...]:
        """The columns that the plan reads, each once: the label, the features, the column of the split or the unit."""
        label = self.label.columns if self.label else ()
        key = (self.key_column,) if self.key_column else ()
        return tuple(dict.fromkeys((*label, *(feature.name for feature in self.features), *key)))

    @property
    def key_column(self) -> str | None:
        """The column that only tells rows apart: that of the split, or of the unit of privacy; None without any."""
        if isinstance(self.split, GroupSplit | TimeSplit):
            return self.split.column
        unit = self.privacy.unit if isinstance(self.privacy, NoisedSums) else "row"
        return None if isinstance(unit, str) else unit.column

    @model_serializer(mode="wrap")
    def _leave_out_the_absent(self, handler: SerializerFunctionWrapHandler) -> dict[str, Any]:
        absent = [name for name in _OF_A_MODEL if not getattr(self, name)]
        return {name: value for name, value in handler(self).items() if name not in absent}


_OF_A_MODEL: Final = ("label", "split", "bars")
_MODELS: Final = ("logistic", "network", "regression", "trees")
"""What a plan has whose recipe makes a model, and no other."""


def _cross_check(value: Json) -> Iterator[tuple[Path, str, str]]:
    """Find what concerns several parts of a plan; parts that are wrong by themselves are passed over."""
    if not isinstance(value, dict):
        return
    yield from _check_recipe(value)
    labels = list_columns_of(value.get("label"))
    if len(set(labels)) < len(labels):
        yield (
            ("label",),
            "label",
            f"{quote(labels[-1])} is named twice; each part of a label has a column of its own",
        )
    names: set[str] = set()
    for index, feature in enumerate(_list(value.get("features"))):
        name = name_in(feature, "name")
        if name is not None and name in labels:
            what = "is the label" if name == labels[0] else "belongs to the label"
            yield (
                ("features", index, "name"),
                "label-feature",
                f"{quote(name)} {what}; remove it from the features",
            )
        if name is not None and name in names:
            yield ("features", index, "name"), "feature-twice", f"{quote(name)} is listed above already"
        if name is not None:
            names.add(name)
    split = value.get("split")
    column = name_in(split, "column")
    if column is not None and column in labels:
        what = "is the label" if column == labels[0] else "belongs to the label"
        yield ("split", "column"), "split-column", f"{quote(column)} {what}; split by another column"
    if column is not None and column in names and name_in(split, "kind") == "group":
        message = f"a model that sees {quote(column)} learns whose rows they are; remove it from the features"
        yield ("split", "column"), "split-column", message
    yield from _check_noise(value, {*labels, *names})
    yield from _check_metrics(value)
    seen = set()
    for index, bar in enumerate(_list(value.get("bars"))):
        for direction in get_args(Direction):
            limit = name_in(bar, "metric"), direction
            if isinstance(bar, dict) and direction in bar and limit in seen:
                message = f"{quote(str(limit[0]))} has an `{direction}` above already; keep one of the two"
                yield ("bars", index, direction), "bar-twice", message
            elif isinstance(bar, dict) and direction in bar:
                seen.add(limit)


def _check_recipe(value: dict[str, Json]) -> Iterator[tuple[Path, str, str]]:
    """Find what a model needs and is not there, and what statistics have no use for."""
    recipe = name_in(value.get("recipe"), "name")
    for name in _OF_A_MODEL:
        if recipe == "statistics" and name in value:
            yield (name,), "statistics", f"statistics are of all rows, and have no {name}; remove it"
        elif recipe in _MODELS and name not in value:
            example = Plan.model_fields[name].examples
            assert example is not None  # each of them has one
            yield (name,), "field-missing", f"a model needs it; add it, for example `{name}: {example[0]}`"
        elif recipe in _MODELS and not value[name]:
            yield (name,), "value", "a model needs it, and nothing is there"
    if recipe == "trees":
        yield from _check_directions(value)
    if recipe in _MODELS and isinstance(value.get("label"), dict):
        yield from check_label(value["recipe"], value["label"])
    split = value.get("split")
    if recipe == "regression" and isinstance(split, dict) and split.get("validation") is not None:
        message = "nobody chooses by these rows in a regression yet, so they would serve nothing; leave `validation` out"
        yield ("split", "validation"), "split-validation", message


def _check_metrics(value: dict[str, Json]) -> Iterator[tuple[Path, str, str]]:
    """Find bars on metrics that a run with this label does not have."""
    known = list_metrics(type_of(value.get("label")) or "")
    for index, bar in enumerate(_list(value.get("bars"))):
        metric = name_in(bar, "metric")
        if metric in METRICS and metric not in known:
            message = f"{quote(metric)} is not computed for such a label; use one of {', '.join(known)}"
            yield ("bars", index, "metric"), "bar-metric", message


def _check_directions(value: dict[str, Json]) -> Iterator[tuple[Path, str, str]]:
    """Find what trees are to rise or fall with, and cannot."""
    recipe = value.get("recipe")
    parameters = recipe.get("parameters") if isinstance(recipe, dict) else None
    numbers = {
        name_in(feature, "name")
        for feature in _list(value.get("features"))
        if name_in(feature, "type") == "number"
    }
    seen: set[Json] = set()
    for direction in ("rising", "falling"):
        listed = _list(parameters.get(direction)) if isinstance(parameters, dict) else []
        for index, name in enumerate(listed):
            if not isinstance(name, str) or name in numbers - seen:
                seen.add(name if isinstance(name, str) else None)
                continue
            reason = "is listed above already" if name in seen else "is no numeric feature of this plan"
            yield ("recipe", "parameters", direction, index), "direction", f"{quote(name)} {reason}"


def _check_noise(value: dict[str, Json], read: Collection[str | None]) -> Iterator[tuple[Path, str, str]]:
    """Find what noise could not protect; nothing when the plan adds none."""
    privacy, split = value.get("privacy"), value.get("split")
    if not isinstance(privacy, dict) or name_in(privacy, "noise") != "discrete-gaussian":
        return
    unit = name_in(privacy.get("unit"), "column")
    if unit in read and unit is not None:
        message = f"{quote(unit)} is learned from; the unit of privacy is another column, which only tells rows apart"
        yield ("privacy", "unit", "column"), "unit-column", message
    kind = name_in(split, "kind")
    if unit is not None and kind is not None and (kind != "group" or name_in(split, "column") != unit):
        message = f"all rows of one {quote(unit)} must train, or all test: split by `group` with this column"
        yield ("split", "kind"), "privacy-split", message
    elif kind == "stratified":
        message = "with noise, the side of a row may not depend on the labels of others: use `rows`, `group` or `time`"
        yield ("split", "kind"), "privacy-split", message
    recipe = value.get("recipe")
    if name_in(recipe, "name") == "regression":
        message = "`regression` has no form with noise yet: plan bare sums if the charter allows them"
        yield ("privacy", "noise"), "privacy-regression", message
    if name_in(recipe, "name") == "network":
        message = "`network` has no form with noise yet: use `logistic`, or plan bare sums if the charter allows them"
        yield ("privacy", "noise"), "privacy-network", message
    parameters = recipe.get("parameters") if isinstance(recipe, dict) else None
    if isinstance(parameters, dict) and parameters.get("organisation_intercepts") is True:
        message = (
            "an intercept of a member's own is learned from its rows alone, and noise does not protect it"
        )
        yield ("recipe", "parameters", "organisation_intercepts"), "privacy-intercepts", message
    if name_in(recipe, "name") == "trees":
        yield from _check_noised_trees(parameters if isinstance(parameters, dict) else {})
    if isinstance(parameters, dict) and parameters.get("voice") in {"root", "members"}:
        message = "noise hides what each row counts alike; with another voice a row of a small member counts for more"
        yield ("recipe", "parameters", "voice"), "privacy-voice", message
    if isinstance(parameters, dict) and parameters.get("clusters") == 2:
        message = "which model a member takes follows from its rows alone, and noise does not protect that"
        yield ("recipe", "parameters", "clusters"), "privacy-clusters", message
    for index, bar in enumerate(_list(value.get("bars"))):
        metric = name_in(bar, "metric")
        if metric in METRICS and metric not in NOISED_METRICS:
            message = f"{quote(metric)} is not computed under noise; use one of {', '.join(NOISED_METRICS)}"
            yield ("bars", index, "metric"), "privacy-bar", message


_OFF_WITH_NOISE: Final = MappingProxyType(
    {"organisation_offsets": "false", "organisation_rate": "false", "patience": "0", "positive_weight": "1"}
)


def _check_noised_trees(parameters: dict[str, Json]) -> Iterator[tuple[Path, str, str]]:
    """Find what trees cannot learn with noise, or has no meaning with it, and is not turned off."""
    for name, off in _OFF_WITH_NOISE.items():
        default = "true" if name == "organisation_offsets" else off
        if as_typed(parameters.get(name, default)) != off:
            message = (
                f"is learned from a member's rows without noise, or has no form with it: set `{name}: {off}`"
            )
            yield ("recipe", "parameters", name), "privacy-trees", f"`{name}` {message}"
    for name in ("rising", "falling"):
        if parameters.get(name):
            message = f"splits are drawn with noise, so nothing is sure to be `{name}`; leave it out"
            yield ("recipe", "parameters", name), "privacy-trees", message


def _list(value: Json) -> list[Json]:
    return value if isinstance(value, list) else []


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
