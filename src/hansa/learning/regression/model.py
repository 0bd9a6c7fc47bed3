"""The regression as a file (docs/formats/recipe-regression.md): JSON without floats, so that a model has one spelling and one digest."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import Any, Final, cast

import numpy as np

from hansa.errors import HansaError, Malformed
from hansa.learning.categories import count_codes, name_code
from hansa.learning.description import describe_feature, parse_feature, read_fields, read_number, read_text
from hansa.learning.design import CategoryColumns, Design, NumberColumns, encode_table
from hansa.learning.recipe import Json
from hansa.learning.regression.outcome import Amount, Classes, Outcome, Survival, Target
from hansa.learning.regression.settings import FAMILIES, FamilyName, make_family
from hansa.learning.tables import Feature, NumberFeature, Schema, Table, Vector

FORMAT: Final = "hansa/v1/regression"

_FIELDS: Final = frozenset({"format", "family", "outcome", "features", "equations", "fit", "baseline"})
_FIT: Final = frozenset(
    {"rows", "events", "ridge", "lasso", "deviance", "null_deviance", "dispersion", "freedom"}
)
_MORE: Final = {
    "number": frozenset({"mean", "deviation", "missing_column"}),
    "category": frozenset({"codes"}),
}
_COLUMN: Final = frozenset({"column", "coefficient", "estimate", "standard_error"})
_BOUNDS: Final = frozenset({"name", "minimum", "maximum"})


@dataclass(frozen=True, slots=True)
class Fitness:
    """How well the training rows are fitted.

    Args:
        rows: training rows.
        events: of these, the ones that ended with the event; None unless the outcome is a time.
        ridge: the penalty on half of squares.
        lasso: the penalty on magnitudes.
        deviance: of a time, twice the negative logarithm of the partial likelihood; of linear, the sum of squared residuals.
        null_deviance: the same without any columns, if it is known.
        dispersion: the estimated variance, of linear, or its ratio to the squared mean, of gamma; None for the others.
        freedom: rows less coefficients; likewise.
    """

    rows: int
    events: int | None
    ridge: float
    lasso: float
    deviance: float
    null_deviance: float | None
    dispersion: float | None
    freedom: int | None


@dataclass(frozen=True, eq=False)
class Regression:
    """A fitted regression.

    Args:
        family: which one.
        outcome: what it explains.
        design: the columns.
        coefficients: in the fit's own units, shape (outputs, n_columns): per standard score; of linear, in shares of the declared range.
        estimates: in the features' and the label's units, the same shape; of a time, the intercept is 0 and stands for nothing.
        errors: standard errors of the estimates, the same shape; None where a penalty or too few rows leave them without meaning.
        fitness: how well the training rows are fitted.
        baseline: of a time, (end of a joined step, cumulated hazard of a row of means and references until then).
    """

    family: FamilyName
    outcome: Outcome
    design: Design
    coefficients: Vector
    estimates: Vector
    errors: Vector | None
    fitness: Fitness
    baseline: tuple[tuple[float, float], ...]

    @cached_property
    def digest(self) -> str:
        """A text that differs for models that predict otherwise."""
        return repr((self.family, self.outcome, self.design, self.coefficients.tolist()))

    @property
    def equations(self) -> tuple[str | None, ...]:
        """What each linear predictor is of: a class, or nothing in particular."""
        return self.outcome.names[1:] if isinstance(self.outcome, Classes) else (None,)

    def predict_linear(self, table: Table) -> Vector:
        """Return each row's linear predictors, without any exposure: shape (n, outputs)."""
        matrix = encode_table(self.design, table)
        return np.column_stack([matrix.predict(part) for part in self.coefficients])

    def predict(self, table: Table, target: Target) -> Vector:
        """Return what is predicted: shape (n,) means; (n, classes) probabilities; (n,) logarithmic hazards of times.

        Args:
            table: n rows.
            target: of the same rows, for the exposures.
        """
        predictors = self.predict_linear(table)
        family = make_family(self.family, self.outcome)
        return predictors[:, 0] if family is None else family.predict(predictors, target)

    def to_json(self) -> dict[str, Json]:
        """Return the model file's content.

        Guarantees:
            `parse_regression(model.to_json())` predicts the same, bit for bit.
        """
        fitness = self.fitness
        return {
            "format": FORMAT,
            "family": self.family,
            "outcome": _describe_outcome(self.outcome),
            "features": list(_describe_features(self.design)),
            "equations": [
                {"of": name, "columns": list(self._describe_columns(number))}
                for number, name in enumerate(self.equations)
            ],
            "fit": {
                "rows": fitness.rows,
                "events": fitness.events,
                "ridge": repr(fitness.ridge),
                "lasso": repr(fitness.lasso),
                "deviance": repr(fitness.deviance),
                "null_deviance": _spell(fitness.null_deviance),
                "dispersion": _spell(fitness.dispersion),
                "freedom": fitness.freedom,
            },
            "baseline": [{"until": repr(until), "hazard": repr(hazard)} for until, hazard in self.baseline],
        }

    def _describe_columns(self, number: int) -> Iterator[Json]:
        errors = None if self.errors is None else self.errors[number].tolist()
        pairs = zip(self.coefficients[number].tolist(), self.estimates[number].tolist(), strict=True)
        for place, (name, (coefficient, estimate)) in enumerate(zip(self.design.names, pairs, strict=True)):
            if place or not isinstance(self.outcome, Survival):
                yield {
                    "column": name,
                    "coefficient": repr(coefficient),
                    "estimate": repr(estimate),
                    "standard_error": None if errors is None else repr(errors[place]),
                }


def parse_regression(document: Json) -> Regression:
    """Make a model from the content of a model file.

    Raises:
        Malformed: `model.format` another format; `model.form` a field is absent, unknown or of another type, or the parts do not fit
            one another; `model.number`, `model.category` as for other models.
    Guarantees:
        `parse_regression(document).to_json() == document`.
    """
    fields = read_fields(document, _FIELDS, "the model")
    if fields["format"] != FORMAT:
        raise Malformed("model.format", f"expected `{FORMAT}`, got `{fields['format']}`")
    if fields["family"] not in FAMILIES:
        raise Malformed("model.form", f"unknown family `{fields['family']}`")
    family = cast("FamilyName", fields["family"])
    try:
        outcome = _parse_outcome(fields["outcome"])
        make_family(family, outcome)
        design = _parse_features(_list(fields["features"]))
        has_times = isinstance(outcome, Survival)
        tables = [
            [
                _parse_column(entry)
                for entry in _list(read_fields(part, frozenset({"of", "columns"}), "an equation")["columns"])
            ]
            for part in _list(fields["equations"])
        ]
        zero = [(0.0, 0.0, 0.0)] if has_times else []
        values = np.array([[*zero, *table] for table in tables], dtype=np.float64)
        steps = [
            read_fields(part, frozenset({"until", "hazard"}), "a step") for part in _list(fields["baseline"])
        ]
        model = Regression(
            family,
            outcome,
            design,
            values[:, :, 0],
            values[:, :, 1],
            None if np.isnan(values[:, :, 2]).any() else values[:, :, 2],
            _parse_fit(fields["fit"]),
            tuple((read_number(step["until"]), read_number(step["hazard"])) for step in steps),
        )
        again = model.to_json()
    except (ValueError, IndexError, KeyError) as error:
        raise Malformed("model.form", f"the parts of the model do not fit one another: {error}") from error
    except HansaError as error:
        if isinstance(error, Malformed):
            raise
        raise Malformed("model.form", str(error)) from error
    if again != document:
        raise Malformed("model.form", "the parts of the model do not fit one another, or are spelt otherwise")
    return model


def _describe_outcome(outcome: Outcome) -> dict[str, Json]:
    match outcome:
        case Amount(column=column, exposure=exposure):
            return {
                "type": "number",
                **_describe_bounds(column),
                "exposure": None if exposure is None else _describe_bounds(exposure),
            }
        case Classes(column=name, names=names):
            return {"type": "category", "name": name, "categories": [*names]}
        case Survival(column=name, step=step, steps=steps):
            return {"type": "time", "name": name, "step": repr(step), "steps": steps}


def _parse_outcome(entry: Json) -> Outcome:
    kind = entry.get("type") if isinstance(entry, dict) else None
    match kind:
        case "number":
            fields = read_fields(entry, _BOUNDS | {"type", "exposure"}, "the outcome")
            exposure = fields["exposure"]
            more = None if exposure is None else _parse_bounds(read_fields(exposure, _BOUNDS, "the exposure"))
            return Amount(_parse_bounds(fields), more)
        case "category":
            fields = read_fields(entry, frozenset({"type", "name", "categories"}), "the outcome")
            return Classes(
                read_text(fields["name"]), tuple(read_text(text) for text in _list(fields["categories"]))
            )
        case "time":
            fields = read_fields(entry, frozenset({"type", "name", "step", "steps"}), "the outcome")
            return Survival(
                read_text(fields["name"]), read_number(fields["step"]), _read_count(fields["steps"])
            )
        case _:
            raise Malformed("model.form", f"unknown type of outcome `{kind}`")


def _describe_bounds(column: NumberFeature) -> dict[str, Json]:
    return {"name": column.name, "minimum": repr(column.minimum), "maximum": repr(column.maximum)}


def _parse_bounds(fields: Mapping[str, Json]) -> NumberFeature:
    low, high = read_number(fields["minimum"]), read_number(fields["maximum"])
    return NumberFeature(read_text(fields["name"]), low, high, missing=False)


def _describe_features(design: Design) -> Iterator[Json]:
    numbers = {columns.name: columns for columns in design.numbers}
    categories = {columns.name: columns for columns in design.categories}
    for feature in design.schema.features:
        described = describe_feature(feature)
        if isinstance(feature, NumberFeature):
            columns = numbers[feature.name]
            described |= {
                "mean": repr(columns.mean),
                "deviation": _spell(columns.deviation),
                "missing_column": columns.indicator,
            }
        else:
            codes = categories[feature.name].codes
            described["codes"] = [[code, name_code(feature, code)] for code in codes]
        yield described


def _parse_features(entries: list[Json]) -> Design:
    features: list[Feature] = []
    numbers, categories = [], []
    for entry in entries:
        feature, fields = parse_feature(entry, _MORE)
        features.append(feature)
        if isinstance(feature, NumberFeature):
            deviation = None if fields["deviation"] is None else read_number(fields["deviation"])
            if deviation is not None and deviation <= 0:
                raise Malformed("model.number", f"`{feature.name}` has a deviation that is not positive")
            numbers.append(
                NumberColumns(
                    feature.name,
                    read_number(fields["mean"]),
                    deviation,
                    indicator=fields["missing_column"] is True,
                )
            )
            continue
        codes = [_list(pair)[0] for pair in _list(fields["codes"])]
        known = count_codes(feature) + feature.missing
        whole = [
            code
            for code in codes
            if isinstance(code, int) and not isinstance(code, bool) and 0 <= code < known
        ]
        if whole != codes or sorted(set(whole)) != whole:
            raise Malformed(
                "model.category", f"`{feature.name}` has codes that it cannot have, or out of order"
            )
        categories.append(CategoryColumns(feature.name, tuple(whole)))
    return Design(Schema(tuple(features)), tuple(numbers), tuple(categories))


def _parse_column(entry: Json) -> tuple[float, float, float]:
    fields = read_fields(entry, _COLUMN, "a column")
    error = fields["standard_error"]
    return (
        read_number(fields["coefficient"]),
        read_number(fields["estimate"]),
        np.nan if error is None else read_number(error),
    )


def _parse_fit(entry: Json) -> Fitness:
    fields: dict[str, Any] = read_fields(entry, _FIT, "the fit")
    optional = {
        name: None if fields[name] is None else read_number(fields[name])
        for name in ("null_deviance", "dispersion")
    }
    return Fitness(
        _read_count(fields["rows"]),
        None if fields["events"] is None else _read_count(fields["events"]),
        read_number(fields["ridge"]),
        read_number(fields["lasso"]),
        read_number(fields["deviance"]),
        optional["null_deviance"],
        optional["dispersion"],
        None if fields["freedom"] is None else _read_count(fields["freedom"]),
    )


def _read_count(value: Json) -> int:
    if not isinstance(value, int) or isinstance(value, bool) or value < 0:
        raise Malformed("model.form", f"expected a count, got `{value}`")
    return value


def _list(value: Json) -> list[Json]:
    if not isinstance(value, list):
        raise Malformed("model.form", f"expected a list, got `{value}`")
    return value


def _spell(number: float | None) -> str | None:
    return None if number is None else repr(number)
