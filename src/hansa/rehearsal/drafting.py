"""From an inspection to a plan: YAML with a comment for every decision that a person should look at."""

import json
import re
from collections.abc import Iterator
from typing import Final, Literal

from hansa.errors import Refused
from hansa.rehearsal.dependent import Bounds, OutcomeDraft
from hansa.rehearsal.draft import Draft
from hansa.rehearsal.inspection import Inspection
from hansa.rehearsal.target import LabelDraft

_PLAIN: Final = re.compile(r"[A-Za-z][A-Za-z0-9_]*(?:[ -][A-Za-z0-9_]+)*")
_RESERVED: Final = frozenset({"true", "false", "null"})
_WIDTH: Final = 100
_SHOWN: Final = 150


_BEFORE_BARS: Final = "# What must be met for a release. Set it now: nobody can change it once the run has been voted on.\nbars:"
_MEMBERS_GAIN: Final = (
    "  - {metric: members_gain, at_least: 2/3}      # share of them for whom together is better than alone"
)
_REGRESSION_BARS: Final = {
    "time": '  - {metric: concordance_together, at_least: "0.60"}   # pairs of rows ranked rightly; 1/2 is guessing',
    "other": '  - {metric: explained_together, at_least: "0.10"}   # share of the deviance over all test rows; of a linear model R²',
}

Drafted = Literal["logistic", "network", "regression", "trees"]
"""The recipes that a plan can be drafted of."""


def write_plan(inspection: Inspection, recipe: Drafted = "logistic") -> str:
    """Return the plan that follows from an inspection, as YAML for people to edit.

    Args:
        inspection: what was found.
        recipe: what is to be computed.

    Raises:
        Refused: the inspection found errors; the rule is that of the first, the reasons are all of them.
    Guarantees:
        `governance.load_plan` reads it, and `node.check_file` accepts every file that was inspected.
    """
    errors = inspection.errors
    if errors:
        raise Refused(errors[0].rule, [str(finding) for finding in errors])
    label = inspection.label
    assert label is not None  # an inspection without errors has one
    if isinstance(label, OutcomeDraft) != (recipe == "regression"):
        raise ValueError(f"`{recipe}` is not of such a label")
    return "\n".join(_write(inspection, recipe)) + "\n"


def quote(text: str) -> str:
    """Return a text as one YAML scalar that reads as this text."""
    if _PLAIN.fullmatch(text) and text not in _RESERVED:
        return text
    quoted = json.dumps(text, ensure_ascii=False)
    return "".join(char if char.isprintable() else _escape(char) for char in quoted)


def _escape(char: str) -> str:
    return f"\\U{ord(char):08x}" if ord(char) > 0xFFFF else f"\\u{ord(char):04x}"


def _write(inspection: Inspection, recipe: Drafted) -> Iterator[str]:
    label = inspection.label
    assert label is not None
    count = len(inspection.organisations)
    rows = sum(organisation.rows for organisation in inspection.organisations)
    features = [column for column in inspection.columns if column.kind != "left out"]
    yield f"# Drafted from {count} tables with {rows:,} rows. Read it, change it: every line is a decision of the coalition,"
    yield "# and all members will see it. Bounds are rounded outwards; categories stand as they are in the files."
    yield "version: 1"
    yield f"name: {quote(f'Predict {_comment(label.name)}')}"
    yield "purpose: Find out whether learning together pays for each organisation   # say what the model is for"
    yield ""
    yield "# What is computed. The digest of the installed recipe is filled in when the plan is proposed."
    yield "recipe:"
    yield f"  name: {recipe}"
    yield "  parameters:"
    match label, recipe:
        case OutcomeDraft(), _:
            yield from _write_regression(label, count)
        case _, "network":
            yield from _write_network(count)
        case _, "trees":
            yield from _write_trees(count)
        case _:
            yield from _write_logistic(count)
    yield ""
    yield f"# {_comment(label.remark)}"
    yield _write_label(label)
    yield ""
    yield "# Units are not known from the files: fill them in, and make sure that all organisations use the same."
    yield "features:"
    for column in features:
        yield from _write_feature(column)
    left_out = [column for column in inspection.columns if column.kind == "left out"]
    if left_out:
        yield "  # Left out:"
        yield from (f"  #   {_comment(column.name)}: {_comment(column.remark)}" for column in left_out)
    yield ""
    yield "# Who takes part: all, or a list of members; and how many at least."
    yield f"cohort: {{members: all, minimum: {min(5, count)}}}"
    yield ""
    yield from _write_split(inspection)
    yield ""
    yield from _write_terms(label, recipe)


def _write_terms(label: LabelDraft | OutcomeDraft, recipe: Drafted) -> Iterator[str]:
    """Say how it is protected, what must be met, and what leaves."""
    if isinstance(label, OutcomeDraft):
        yield "# With `none`, sums leave masked but without noise: no formal guarantee. A regression has no form with noise yet."
        yield "privacy: {noise: none}"
        yield ""
        yield _BEFORE_BARS
        yield _REGRESSION_BARS["time" if label.kind == "time" else "other"]
        yield _MEMBERS_GAIN
        yield ""
        yield "leaves:"
        told = ", of events per step of time" if label.kind == "time" else ""
        yield f"  - what: sums over the cohort of counts, gradients and curvatures{told}, and of what the models miss on test rows"
        yield "    to: members of the cohort"
        return
    if recipe == "network":
        yield "# With `none`, sums leave masked but without noise: no formal guarantee. A network has no form with noise yet."
    else:
        yield "# With `none`, sums leave masked but without noise: no formal guarantee. For a formal one uncomment `budget` in charter.yaml,"
        yield "# split by rows, group or time, and put the bar on auc_pooled_together, which noise leaves standing:"
        yield "#   privacy: {noise: discrete-gaussian, epsilon: 3, delta: 0.00001, unit: row}"
        if recipe == "trees":
            yield "# and say `organisation_offsets: false`; a `learning_rate` of 0.2 then serves better."
    yield "privacy: {noise: none}"
    yield ""
    yield _BEFORE_BARS
    yield '  - {metric: auc_together, at_least: "0.70"}   # mean area under the ROC curve over the members that can be scored'
    yield _MEMBERS_GAIN
    yield ""
    yield "leaves:"
    yield "  - what: sums over the cohort of counts, gradients, curvatures and score histograms"
    yield "    to: members of the cohort"


def _write_logistic(count: int) -> Iterator[str]:
    """Say what a logistic model of so many organisations may set."""
    yield '    ridge: "1"                      # the higher, the nearer coefficients stay to zero'
    yield "    organisation_intercepts: false  # true: a base rate of its own for each organisation"
    yield '    correction: "10"                # how strongly local corrections are pulled to the joint model'
    yield f"    minimum_category_members: {_find_few(count)}     # a category that fewer organisations have is dropped"
    yield "    minimum_category_rows: 10       # or that fewer rows have"
    yield "    maximum_turns: 25"


def _write_network(count: int) -> Iterator[str]:
    """Say what a network of so many organisations may set."""
    yield "    layers: [{kind: linear, size: 32}, {kind: relu}]   # the last one, with one output, is added"
    yield '    method: fedavg              # fedprox or scaffold where organisations differ; fedadam, fedyogi with `server_rate: "0.02"`'
    yield "    rounds: 20                  # each is one secure sum"
    yield "    epochs: 1                   # how often an organisation goes through its rows in a round"
    yield "    batch: 32                   # rows of a step"
    yield '    learning_rate: "0.1"'
    yield '    clip: "10"                  # the longest update of an organisation'
    yield "    weighting: rows             # members: each organisation counts the same"
    yield "    own: []                     # [head]: the last layer is every organisation's own"
    yield f"    minimum_category_members: {_find_few(count)} # a category that fewer organisations have is dropped"
    yield "    minimum_category_rows: 10   # or that fewer rows have"


def _write_trees(count: int) -> Iterator[str]:
    """Say what trees of so many organisations may set."""
    yield "    trees: 100                  # more learn more, until they learn by heart; each takes `depth` secure sums"
    yield "    depth: 4                    # how many questions lead to a leaf"
    yield '    learning_rate: "0.1"        # how much of each tree counts; the smaller, the more trees it takes'
    yield "    minimum_rows: 20            # on each side of a question"
    yield f"    minimum_members: {_find_few(count)}          # organisations that have such rows"
    yield "    organisation_offsets: true  # a base rate of its own for each organisation, which never leaves it"
    yield "    patience: 0                 # 10, say: ten trees without gain on rows set aside end it; 0 sets none aside"
    yield "    organisation_rate: false    # true: how often the label is positive at an organisation, in coarse steps, is a feature"
    yield "    # rising: [COLUMN]          # numbers with which the label may only become more likely; `falling` for less"


def _write_regression(label: OutcomeDraft, count: int) -> Iterator[str]:
    """Say what a regression of so many organisations may set."""
    yield f"    family: {label.family}"
    yield '    ridge: "0"                  # above 0, coefficients stay nearer to zero; then there are no standard errors'
    yield '    lasso: "0"                  # above 0, some of them are zero'
    yield '    correction: "10"            # how strongly local corrections are pulled to the joint model'
    yield "    minimum_rows: 10            # a category that fewer rows have is dropped"
    yield f"    minimum_members: {_find_few(count)}          # or that fewer organisations have"


def _write_label(label: LabelDraft | OutcomeDraft) -> str:
    name = quote(label.name)
    match label:
        case LabelDraft():
            return f"label: {{name: {name}, {_write_texts(label)}}}"
        case OutcomeDraft(kind="category"):
            return f"label: {{name: {name}, type: category, categories: [{', '.join(map(quote, label.categories))}]}}"
        case OutcomeDraft(event=LabelDraft() as event):
            told = f"event: {{name: {quote(event.name)}, {_write_texts(event)}}}"
            return f'label: {{name: {name}, type: time, unit: "", step: {_decimal(label.step)}, steps: {label.steps}, {told}}}'
        case _:
            assert label.bounds is not None  # what is no class and no time is a number
            exposure = "" if label.exposure is None else f", exposure: {{{_write_bounds(label.exposure)}}}"
            return f"label: {{{_write_bounds(label.bounds, 'type: number, ')}{exposure}}}"


def _write_texts(label: LabelDraft) -> str:
    return f"positive: {quote(label.positive)}, negative: {quote(label.negative)}"


def _write_bounds(bounds: Bounds, kind: str = "") -> str:
    low, high = _decimal(bounds.minimum), _decimal(bounds.maximum)
    return f'name: {quote(bounds.name)}, {kind}unit: "", minimum: {low}, maximum: {high}'


def _find_few(count: int) -> int:
    """Return how many of so many organisations should have what the model may see."""
    return min(3, max(2, count // 2))


def _write_feature(column: Draft) -> Iterator[str]:
    missing = "allowed" if column.has_missing else "refused"
    yield f"  # {_comment(column.remark)}"
    name = quote(column.name)
    if column.kind == "number":
        bounds = f"minimum: {_decimal(column.minimum)}, maximum: {_decimal(column.maximum)}"
        yield f'  - {{name: {name}, type: number, unit: "", {bounds}, missing: {missing}}}'
        return
    if not column.categories:
        yield f"  - {{name: {name}, type: category, categories: counted, missing: {missing}}}"
        return
    listed = [quote(category) for category in column.categories]
    line = f"  - {{name: {name}, type: category, categories: [{', '.join(listed)}], missing: {missing}}}"
    if len(line) <= _WIDTH:
        yield line
        return
    yield f"  - name: {name}"
    yield "    type: category"
    yield "    categories:"
    yield from (f"      - {category}" for category in listed)
    yield f"    missing: {missing}"


def _write_split(inspection: Inspection) -> Iterator[str]:
    yield "# Which rows test. Nobody trains on them."
    split = inspection.split
    if split is None:
        kind = "rows" if isinstance(inspection.label, OutcomeDraft) else "stratified"
        yield f"split: {{kind: {kind}, seed: 0, test: 3/10}}"
    elif split.kind == "group":
        scope = "everywhere" if split.everywhere else "member"
        yield f"# Rows with the same value stay together; organisations {'share' if split.everywhere else 'do not share'} values."
        yield f"split: {{kind: group, column: {quote(split.column)}, seed: 0, test: 3/10, scope: {scope}}}"
    else:
        yield "# Rows from this time on; 70% of all rows are earlier, or as near to that as the times allow."
        yield f"split: {{kind: time, column: {quote(split.column)}, from: {quote(split.start)}}}"


def _decimal(text: str) -> str:
    return text if re.fullmatch(r"0|-?[1-9][0-9]*", text) else f'"{text}"'


def _comment(text: str) -> str:
    """A text on one line, for a comment or a title."""
    return " ".join("".join(char if char.isprintable() else " " for char in text).split())[:_SHOWN]
