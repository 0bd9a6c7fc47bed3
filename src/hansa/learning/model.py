"""The joint model: columns and their coefficients, and the file that carries them.

The file is JSON without floats (docs/formats/model.md): every number is the shortest decimal text that
reads back as the same float64, so a model has one spelling and one digest.
"""

import hashlib
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property

import numpy as np

from hansa.errors import Malformed
from hansa.learning.categories import CategoryFeature, count_codes, name_code
from hansa.learning.clipped import find_logits
from hansa.learning.description import describe_feature, parse_feature, read_fields, read_number
from hansa.learning.design import CategoryColumns, Design, NumberColumns, encode_table
from hansa.learning.recipe import Json
from hansa.learning.tables import Feature, NumberFeature, Schema, Table, Vector

FORMAT = "hansa/v1/logistic"

_CLUSTERS = 2

_FIELDS = frozenset({"format", "intercept", "organisation_intercept_penalty", "features"})
_COEFFICIENT = frozenset({"code", "column", "coefficient"})
_MORE = {
    "number": frozenset({"mean", "deviation", "coefficient", "missing_coefficient"}),
    "category": frozenset({"coefficients"}),
}


@dataclass(frozen=True, eq=False)
class Model:
    """A logistic model.

    Args:
        design: the columns.
        coefficients: shape (n_columns,), float64, the intercept first.
        intercept_penalty: each organisation adds an intercept of its own to the logit, fitted to its own
            rows under this penalty and kept there; None for no such intercepts. A newcomer's is 0.
        clusters: coefficients of two further models, each for one kind of members, each of shape (n_columns,); none unless the plan
            asks for them.
    """

    design: Design
    coefficients: Vector
    intercept_penalty: float | None
    clusters: tuple[Vector, ...] = ()

    @cached_property
    def digest(self) -> str:
        """SHA-256 in hex of everything a score depends on."""
        total = hashlib.sha256(repr((self.design, self.intercept_penalty)).encode())
        for coefficients in (self.coefficients, *self.clusters):
            total.update(coefficients.tobytes())
        return total.hexdigest()

    def predict(self, table: Table) -> Vector:
        """Return each row's logit, without any organisation's intercept: shape (n,)."""
        return encode_table(self.design, table).predict(self.coefficients)

    def predict_singly(self, table: Table) -> Vector:
        """Return what `predict` does: a row's is the same, bit for bit, whatever other rows there are."""
        return find_logits(encode_table(self.design, table), self.coefficients)

    def to_json(self) -> dict[str, Json]:
        """Return the model file's content.

        Guarantees:
            `parse_model(model.to_json())` gives the same logits, bit for bit.
        """
        values = iter(self.coefficients.tolist())
        intercept = next(values)
        described: dict[str, Json] = {}
        numbers = {feature.name: feature for feature in self.design.schema.numbers}
        for number in self.design.numbers:
            described[number.name] = _describe_number(numbers[number.name], number, values)
        categories = {feature.name: feature for feature in self.design.schema.categories}
        for block in self.design.categories:
            described[block.name] = _describe_category(categories[block.name], block, values)
        clusters: list[Json] = [[*map(repr, cluster.tolist())] for cluster in self.clusters]
        return {
            **({"clusters": clusters} if clusters else {}),
            "format": FORMAT,
            "intercept": repr(intercept),
            "organisation_intercept_penalty": None
            if self.intercept_penalty is None
            else repr(self.intercept_penalty),
            "features": [described[feature.name] for feature in self.design.schema.features],
        }


def parse_model(document: Json) -> Model:
    """Make a model from the content of a model file.

    Raises:
        Malformed: `model.format` another format; `model.form` a field is absent, unknown or of another
            type; `model.number` a number is not finite or not in its shortest spelling; `model.category`
            a code or a category's name is not one the feature has, or codes do not ascend.
    Guarantees:
        `parse_model(document).to_json() == document`.
    """
    has_clusters = isinstance(document, dict) and "clusters" in document
    fields = read_fields(document, _FIELDS | ({"clusters"} if has_clusters else set()), "the model")
    if fields["format"] != FORMAT:
        raise Malformed("model.format", f"expected `{FORMAT}`, got `{fields['format']}`")
    penalty = fields["organisation_intercept_penalty"]
    features: list[Feature] = []
    numbers: list[NumberColumns] = []
    categories: list[CategoryColumns] = []
    first, second = [read_number(fields["intercept"])], []
    if not isinstance(fields["features"], list):
        raise Malformed("model.form", "`features` must be a list")
    for entry in fields["features"]:
        feature, described = parse_feature(entry, _MORE)
        features.append(feature)
        if isinstance(feature, NumberFeature):
            columns, values = _parse_number(feature.name, described)
            numbers.append(columns)
            first += values
        else:
            block, values = _parse_category(feature, described)
            categories.append(block)
            second += values
    try:
        schema = Schema(tuple(features))
    except ValueError as error:
        raise Malformed("model.form", str(error)) from error
    design = Design(schema, tuple(numbers), tuple(categories))
    coefficients = np.array(first + second)
    clusters = _parse_clusters(fields["clusters"], len(coefficients)) if has_clusters else ()
    return Model(design, coefficients, None if penalty is None else read_number(penalty), clusters)


def _parse_clusters(listed: Json, width: int) -> tuple[Vector, ...]:
    if not (isinstance(listed, list) and len(listed) == _CLUSTERS):
        raise Malformed("model.form", f"`clusters` must be a list of {_CLUSTERS} lists")
    clusters = []
    for cluster in listed:
        if not (isinstance(cluster, list) and len(cluster) == width):
            raise Malformed("model.form", f"a cluster needs {width} coefficients, as the model has")
        clusters.append(np.array([read_number(value) for value in cluster]))
    return tuple(clusters)


def _describe_number(
    feature: NumberFeature, columns: NumberColumns, values: Iterator[float]
) -> dict[str, Json]:
    return {
        **describe_feature(feature),
        "mean": repr(columns.mean),
        "deviation": None if columns.deviation is None else repr(columns.deviation),
        "coefficient": None if columns.deviation is None else repr(next(values)),
        "missing_coefficient": repr(next(values)) if columns.indicator else None,
    }


def _describe_category(
    feature: CategoryFeature, block: CategoryColumns, values: Iterator[float]
) -> dict[str, Json]:
    return {
        **describe_feature(feature),
        "coefficients": [
            {"code": code, "column": name_code(feature, code), "coefficient": repr(next(values))}
            for code in block.codes
        ],
    }


def _parse_number(name: str, fields: dict[str, Json]) -> tuple[NumberColumns, list[float]]:
    deviation = None if fields["deviation"] is None else read_number(fields["deviation"])
    if deviation is not None and deviation <= 0:
        raise Malformed("model.number", f"`{name}` has a deviation that is not positive")
    if (deviation is None) != (fields["coefficient"] is None):
        raise Malformed("model.form", f"`{name}` needs both a deviation and a coefficient, or neither")
    values = [
        read_number(fields[key]) for key in ("coefficient", "missing_coefficient") if fields[key] is not None
    ]
    indicator = fields["missing_coefficient"] is not None
    return NumberColumns(name, read_number(fields["mean"]), deviation, indicator), values


def _parse_category(feature: CategoryFeature, fields: dict[str, Json]) -> tuple[CategoryColumns, list[float]]:
    name, rows = feature.name, fields["coefficients"]
    if not isinstance(rows, list):
        raise Malformed("model.form", f"`{name}` needs a list of coefficients")
    codes: list[int] = []
    values = []
    for row in rows:
        column = read_fields(row, _COEFFICIENT, f"a coefficient of `{name}`")
        code = column["code"]
        if (
            not isinstance(code, int)
            or isinstance(code, bool)
            or not 0 <= code < count_codes(feature) + feature.missing
        ):
            raise Malformed("model.category", f"`{name}` has no code `{code}`")
        if column["column"] != name_code(feature, code) or (codes and code <= codes[-1]):
            raise Malformed("model.category", f"`{name}`: code {code} is misnamed or out of order")
        codes.append(code)
        values.append(read_number(column["coefficient"]))
    return CategoryColumns(name, tuple(codes)), values
