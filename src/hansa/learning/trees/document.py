"""The file that carries a forest (docs/formats/trees.md): JSON without floats, so that a model has one spelling and one digest."""

from collections.abc import Iterator
from itertools import pairwise
from typing import Final

from hansa.errors import Malformed
from hansa.learning.categories import CategoryFeature, count_codes, name_code
from hansa.learning.description import describe_feature, parse_feature, read_fields, read_number
from hansa.learning.recipe import Json
from hansa.learning.tables import NumberFeature, Schema
from hansa.learning.trees.bins import MOST_BINS, Bins, CategoryBins, NumberBins
from hansa.learning.trees.forest import Branch, Forest, Leaf, Tree

FORMAT: Final = "hansa/v1/trees"

_FIELDS: Final = frozenset({"format", "base", "organisation_offset_penalty", "features", "trees"})
_MORE: Final = {"number": frozenset({"edges"}), "category": frozenset({"codes"})}
_BRANCH: Final = frozenset({"feature", "right", "children", "gain"})
_LEAF: Final = frozenset({"value"})

MOST_NODES: Final = 2**9 - 1
"""In one tree: of depth 8."""


def write_forest(forest: Forest) -> dict[str, Json]:
    """Return the model file's content.

    Guarantees:
        `parse_forest(write_forest(forest))` gives the same logits, bit for bit.
    """
    features: list[Json] = []
    for feature, column in zip(forest.bins.schema.features, forest.bins.columns, strict=True):
        described = describe_feature(feature)
        match column:
            case NumberBins():
                described["edges"] = [repr(edge) for edge in column.edges]
            case CategoryBins():
                assert isinstance(feature, CategoryFeature)  # as its bins are
                described["codes"] = [[code, name_code(feature, code)] for code in column.codes]
        features.append(described)
    return {
        "format": FORMAT,
        "base": repr(forest.base),
        "organisation_offset_penalty": None if forest.offset_penalty is None else repr(forest.offset_penalty),
        "features": features,
        "trees": [[_write_node(forest.bins, node) for node in tree.nodes] for tree in forest.trees],
    }


def _write_node(bins: Bins, node: Branch | Leaf) -> Json:
    if isinstance(node, Leaf):
        return {"value": repr(node.value)}
    return {
        "feature": bins.columns[node.feature].name,
        "right": [*node.right],
        "children": [*node.children],
        "gain": repr(node.gain),
    }


def parse_forest(document: Json) -> Forest:
    """Make a forest from the content of a model file.

    Raises:
        Malformed: `model.format`, `model.form`, `model.number`, `model.category` as of every model; `model.edges`, edges do not
            ascend, or are too many; `model.tree`, a branch names a bin, a feature or a node that is not there, or a node has no
            mother or several.
    Guarantees:
        `write_forest(parse_forest(document)) == document`.
    """
    if isinstance(document, dict) and document.get("format") != FORMAT:
        raise Malformed("model.format", f"expected `{FORMAT}`, got `{document.get('format')}`")
    fields = read_fields(document, _FIELDS, "the model")
    if not isinstance(fields["features"], list) or not isinstance(fields["trees"], list):
        raise Malformed("model.form", "`features` and `trees` must be lists")
    pairs = [_parse_column(entry) for entry in fields["features"]]
    try:
        schema = Schema(tuple(feature for feature, _ in pairs))
    except ValueError as error:
        raise Malformed("model.form", str(error)) from error
    bins = Bins(schema, tuple(column for _, column in pairs))
    penalty = fields["organisation_offset_penalty"]
    return Forest(
        bins,
        read_number(fields["base"]),
        tuple(_parse_tree(bins, nodes) for nodes in fields["trees"]),
        None if penalty is None else read_number(penalty),
    )


def _parse_column(entry: Json) -> tuple[NumberFeature | CategoryFeature, NumberBins | CategoryBins]:
    feature, rest = parse_feature(entry, _MORE)
    if isinstance(feature, NumberFeature):
        listed = rest["edges"]
        if not isinstance(listed, list):
            raise Malformed("model.form", f"`{feature.name}` needs a list of edges")
        edges = tuple(read_number(edge) for edge in listed)
        if len(edges) >= MOST_BINS or any(a >= b for a, b in pairwise(edges)):
            raise Malformed(
                "model.edges", f"`{feature.name}`: edges must ascend, and be fewer than {MOST_BINS}"
            )
        return feature, NumberBins(feature.name, edges, feature.missing)
    return feature, CategoryBins(feature.name, tuple(_parse_codes(feature, rest["codes"])))


def _parse_codes(feature: CategoryFeature, listed: Json) -> Iterator[int]:
    before = -1
    if not isinstance(listed, list) or len(listed) >= MOST_BINS:
        raise Malformed("model.form", f"`{feature.name}` needs a list of fewer than {MOST_BINS} codes")
    for entry in listed:
        code = entry[0] if isinstance(entry, list) and len(entry) == 2 else None
        if (
            not isinstance(code, int)
            or isinstance(code, bool)
            or not before < code < count_codes(feature) + feature.missing
        ):
            raise Malformed(
                "model.category", f"`{feature.name}` has no code `{code}`, or codes do not ascend"
            )
        if entry != [code, name_code(feature, code)]:
            raise Malformed("model.category", f"`{feature.name}`: code {code} is misnamed")
        before = code
        yield code


def _parse_tree(bins: Bins, nodes: Json) -> Tree:
    if not isinstance(nodes, list) or not 1 <= len(nodes) <= MOST_NODES:
        raise Malformed("model.tree", f"a tree has 1 to {MOST_NODES} nodes")
    places = {column.name: place for place, column in enumerate(bins.columns)}
    parsed: list[Branch | Leaf] = []
    following = 1
    for place, entry in enumerate(nodes):
        if isinstance(entry, dict) and "value" in entry:
            parsed.append(Leaf(read_number(read_fields(entry, _LEAF, "a leaf")["value"])))
            continue
        fields = read_fields(entry, _BRANCH, "a branch")
        feature = places.get(str(fields["feature"]), -1)
        right, children = _read_counts(fields["right"]), _read_counts(fields["children"])
        # Children are written in pairs, in the order of their mothers; so each has one, and ways do not cross.
        if feature < 0 or children != (following, following + 1) or place >= following:
            raise Malformed("model.tree", f"node {place}: its feature or its children are not there")
        if not right or right[-1] >= bins.columns[feature].width or any(a >= b for a, b in pairwise(right)):
            raise Malformed("model.tree", f"node {place}: the bins that go right must ascend, and be there")
        following += 2
        parsed.append(Branch(feature, right, (children[0], children[1]), read_number(fields["gain"])))
    if following != len(parsed):
        raise Malformed("model.tree", "a node has no mother, or a branch no children")
    return Tree(tuple(parsed))


def _read_counts(value: Json) -> tuple[int, ...]:
    listed = value if isinstance(value, list) else [None]
    counts = tuple(
        item for item in listed if isinstance(item, int) and not isinstance(item, bool) and item >= 0
    )
    if len(counts) != len(listed):
        raise Malformed("model.tree", "expected a list of counts")
    return counts
