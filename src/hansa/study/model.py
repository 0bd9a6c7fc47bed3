"""A joint model in a data scientist's hands: probabilities for the rows of any frame."""

import json
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Final, Literal

import numpy as np
from numpy.typing import NDArray

from hansa.coalition import State, replay
from hansa.errors import Malformed, Refused, Unavailable
from hansa.governance import CategoryFeature, NumberFeature, Plan
from hansa.governance.label import Label
from hansa.learning.prediction import Predictor, parse_predictor
from hansa.learning.recipe import Json
from hansa.learning.tables import NumberFeature as Number
from hansa.learning.tables import Schema, Table, Vector
from hansa.learning.trees.organisation import RATE
from hansa.node.block import FIRST_ROW
from hansa.node.column import CategoryColumn, Cells, NumberColumn
from hansa.node.defects import Defects
from hansa.store import BlobStore, read_tree
from hansa.study.frame import Columns, Frame, read_frame, spell_columns

_NO_BOUND: Final = "1e308"
"""Bounds hold rows that train; a model says something of every number, as others do."""


@dataclass(frozen=True, eq=False)
class JointModel:
    """What a coalition learnt. It knows two classes, and what a frame must hold.

    What an organisation keeps to itself (its offset, its correction) is not in it: these are a newcomer's probabilities.

    Args:
        document: the model file's content.
        classes: the values of the label, in order; 0 and 1 where only a file is known.
        positive: the place of the event among them.
        is_released: whether the coalition has released it; False where only a file is known.
    """

    document: Json
    classes: tuple[object, object] = (0, 1)
    positive: int = 1
    is_released: bool = False

    @cached_property
    def _parsed(self) -> tuple[Predictor, Schema]:
        return parse_predictor(self.document)

    @property
    def features(self) -> tuple[str, ...]:
        """The columns that a frame must hold."""
        _, schema = self._parsed
        return tuple(feature.name for feature in schema.features if feature != RATE)

    def predict_logit(self, frame: Frame) -> Vector:
        """Return the logit of the event for each row: shape (n,).

        Raises:
            TableRefused: a column is absent, or a cell is none that the plan allows; every finding at once.
            TypeError: it is no frame.
        """
        predictor, schema = self._parsed
        return predictor.predict(_make_table(schema, spell_columns(read_frame(frame))))

    def predict_proba(self, frame: Frame) -> Vector:
        """Return the probability of each class: shape (n, 2), in the order of `classes`.

        Raises:
            TableRefused, TypeError: as `predict_logit`.
        """
        logits = self.predict_logit(frame)
        event = 0.5 * (1.0 + np.tanh(0.5 * logits))
        both = (1.0 - event, event) if self.positive else (event, 1.0 - event)
        return np.stack(both, axis=1)

    def predict(self, frame: Frame) -> NDArray[np.generic]:
        """Return the likelier class of each row: shape (n,).

        Raises:
            TableRefused, TypeError: as `predict_logit`.
        """
        predicted: NDArray[np.generic] = np.array(self.classes)[self.predict_proba(frame).argmax(axis=1)]
        return predicted

    def save(self, path: Path | str) -> None:
        """Write the model file, which `load_model` and `hansa model export` read."""
        Path(path).write_text(json.dumps(self.document, ensure_ascii=False) + "\n", encoding="utf-8")


def load_model(path: Path | str, run: int | None = None) -> JointModel:
    """Read a joint model from its file, or from a coalition's folder.

    Args:
        path: a model file; or, with `run`, a folder with a record: a coalition's, a rehearsal's, or a member's house.
        run: the number of the run that made it.

    Raises:
        Malformed: the file or the record is damaged.
        Refused: `run.not-completed`, the record knows no completed run of this number; `model.recipe`.
        Unavailable: it is not there.
    """
    place = Path(path)
    if run is None:
        try:
            return JointModel(json.loads(place.read_text(encoding="utf-8")))
        except OSError as error:
            hint = "; of a folder, say which `run`" if place.is_dir() else ""
            raise Unavailable(f"the model `{place}` cannot be read: {error.strerror}{hint}") from error
        except ValueError:
            raise Malformed("model.format", f"`{place}` is no model file") from None
    state = replay(read_tree(place / "log").leaves)
    if state is None:
        raise Refused("log.empty", f"the record in `{place}` holds no entry yet")
    plan, digest = _find_run(state, run)
    label = plan.label
    if not isinstance(label, Label):
        raise Refused("model.recipe", f"run {run} made no model of two classes")
    document = json.loads(BlobStore(place / "blobs").get(digest))
    classes, positive = order_classes([label.negative, label.positive], label.positive)
    return JointModel(document, classes, positive, is_released=digest in {r.model for r in state.releases})


def _find_run(state: State, number: int) -> tuple[Plan, str]:
    proposal = state.proposal(number)
    attempts = () if proposal is None or proposal.plan is None else state.attempts(proposal.id)
    for attempt in attempts:
        if attempt.status == "completed" and proposal is not None and proposal.plan is not None:
            return proposal.plan, attempt.model
    raise Refused("run.not-completed", f"the record knows no completed run {number}; see `hansa run list`")


def order_classes(values: Sequence[object], positive: object) -> tuple[tuple[object, object], int]:
    """Return the two values of a label in order, as scikit-learn has them, and the place of the event.

    Whole numbers that are spelt as texts, as a CSV file has them, are numbers.
    """
    if all(isinstance(value, str) and value.isdecimal() for value in values):
        values, positive = [int(str(value)) for value in values], int(str(positive))
    first, second = np.unique(np.array(values, dtype=object)).tolist()
    return (first, second), (first, second).index(positive)


def _make_table(schema: Schema, columns: Columns) -> Table:
    """Hold a frame against what the model's features are, as a member's node holds its table.

    Raises:
        TableRefused: with every finding.
    """
    length = len(next(iter(columns.values()), ()))
    rows = range(FIRST_ROW, FIRST_ROW + length)
    defects = Defects("frame")
    numbers, texts = {}, {}
    for feature in schema.features:
        name = feature.name
        missing: Literal["allowed", "refused"] = "allowed" if feature.missing else "refused"
        if name not in columns:
            if feature == RATE:
                numbers[name] = np.full(length, np.nan)  # a newcomer's
                continue
            known = ", ".join(f"`{known}`" for known in columns)
            defects.add_column("data.column", name, f"the model needs this column; the frame has {known}")
            continue
        cells = Cells(name, rows, columns[name])
        if isinstance(feature, Number):
            number = NumberColumn(
                NumberFeature.model_construct(
                    name=name, type="number", minimum=f"-{_NO_BOUND}", maximum=_NO_BOUND, missing=missing
                )
            )
            number.read(cells, defects)
            numbers[name] = number.values
        else:
            listed: tuple[str, ...] | Literal["counted"] = feature.categories or "counted"
            category = CategoryColumn(
                CategoryFeature(name=name, type="category", categories=listed, missing=missing)
            )
            category.read(cells, defects)
            texts[name] = category.values
    defects.verify_none()
    return Table(schema, numbers, texts, np.zeros(length, np.int8))
