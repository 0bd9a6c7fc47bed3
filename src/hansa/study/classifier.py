"""An estimator whose `fit` is a whole coalition: votes, masked sums, seals, verification."""

import json
import shutil
import weakref
from collections.abc import Sequence
from dataclasses import dataclass
from decimal import Decimal
from pathlib import Path
from typing import Any, Final, Self

import numpy as np
from numpy.typing import NDArray
from rich.console import Console

from hansa.governance import Plan
from hansa.governance.label import Label
from hansa.learning.tables import Vector
from hansa.rehearsal import Silent, Spoken, cast_folder, play
from hansa.rehearsal.inspection import inspect_folder
from hansa.store import BlobStore
from hansa.study.frame import Frame, list_values, read_frame, spell_value
from hansa.study.model import JointModel, order_classes
from hansa.study.planning import Drafting, draft_charter, draft_plan
from hansa.study.report import Report, read_report
from hansa.study.tables import Coalition, make_workplace

_LABEL: Final = "label"


@dataclass(frozen=True, eq=False)
class _Fitted:
    """What `fit` leaves. A temporary folder lasts as long as this."""

    model: JointModel
    report: Report
    drafting: Drafting
    record: Path
    run: int


class JointClassifier:
    """A classifier of two classes that organisations would learn together, as scikit-learn's classifiers are used.

    `fit` drafts a plan, founds a coalition on this machine, lets every organisation vote, trains over masked sums,
    releases the model if the plan's bars are met, and verifies the record: what is tried is what would be run. All keys
    and tables lie on this one machine, so it shows the mechanics and the gains, and nobody's consent.

    Args:
        recipe: what is learnt, such as `trees` or `logistic`.
        organisation: for `fit(X, y)` on one frame, the column that says whose each row is.
        group: the column whose rows stay on one side of the split, such as a person.
        time: the column by which later rows test.
        leave_out: columns to pass over.
        epsilon: what the run may cost each row; None for masked sums without noise.
        folder: where the coalition will live, new or empty; when None, among the temporary files as long as the classifier
            lives.
        verbose: whether what happens is told as it happens.
        **settings: the recipe's parameters, such as `trees=50`; docs/formats/plan.md lists them.
    """

    _estimator_type = "classifier"

    def __init__(
        self,
        recipe: str = "trees",
        *,
        organisation: str | None = None,
        group: str | None = None,
        time: str | None = None,
        leave_out: Sequence[str] = (),
        epsilon: float | str | None = None,
        folder: Path | str | None = None,
        verbose: bool = False,
        **settings: object,
    ) -> None:
        self.recipe = recipe
        self.organisation = organisation
        self.group = group
        self.time = time
        self.leave_out = leave_out
        self.epsilon = epsilon
        self.folder = folder
        self.verbose = verbose
        self.settings = settings
        self._fitted: _Fitted | None = None

    # -- as scikit-learn expects --------------------------------------------------------------------------------

    def get_params(self, deep: bool = True) -> dict[str, Any]:  # noqa: ARG002, FBT001, FBT002 - scikit-learn's signature
        """Return every parameter, settings among them."""
        return {name: getattr(self, name) for name in _PARAMETERS} | self.settings

    def set_params(self, **parameters: object) -> Self:
        """Change parameters; what is none of the constructor's is a setting of the recipe."""
        for name, value in parameters.items():
            if name in _PARAMETERS:
                setattr(self, name, value)
            else:
                self.settings[name] = value
        return self

    def __sklearn_is_fitted__(self) -> bool:
        """Say whether `fit` came to its end."""
        return self._fitted is not None

    def __sklearn_tags__(self) -> object:
        """Tell scikit-learn, which alone asks, that this is a classifier of two classes."""
        from sklearn.utils import (  # type: ignore[import-untyped]  # it has no types, and is here whenever it asks
            ClassifierTags,
            InputTags,
            Tags,
            TargetTags,
        )

        return Tags(
            estimator_type="classifier",
            target_tags=TargetTags(required=True),
            classifier_tags=ClassifierTags(multi_class=False),
            input_tags=InputTags(allow_nan=True, categorical=True, string=True),
        )

    def __repr__(self) -> str:
        """Return the call that makes it, without what is as by default."""
        default = JointClassifier().get_params()
        said = {name: value for name, value in self.get_params().items() if default.get(name) != value}
        return f"JointClassifier({', '.join(f'{name}={value!r}' for name, value in said.items())})"

    # -- learning -----------------------------------------------------------------------------------------------

    def fit(self, X: Coalition | Frame, y: str | Sequence[object]) -> Self:
        """Let the organisations learn together.

        Args:
            X: a coalition; or a frame with the column `organisation`.
            y: of a coalition, the label's column; of a frame, the label's values or its column.

        Raises:
            TableRefused: the tables disagree, or the label does not hold two values; every finding at once.
            Refused: `coalition.few`, `frame.*`, `study.exists`; or whatever stopped the run.
            Malformed: a setting is not one of the recipe's, or out of bounds.
            ValueError: there is no such recipe, or a frame came without `organisation`.
        """
        coalition, label, values = self._gather(X, y)
        self._fitted = None
        workplace = make_workplace(self.folder)
        try:
            self._fitted = self._play(coalition, label, values, workplace)
        except BaseException:
            if self.folder is None:
                shutil.rmtree(workplace, ignore_errors=True)
            raise
        if self.folder is None:
            weakref.finalize(self._fitted, shutil.rmtree, workplace, ignore_errors=True)
        return self

    def _play(self, coalition: Coalition, label: str, values: dict[str, object], workplace: Path) -> _Fitted:
        epsilon = None if self.epsilon is None else f"{Decimal(str(self.epsilon)):f}"
        tables = coalition.lay_out(workplace / "tables")
        inspection = inspect_folder(tables, label, self.group, self.time, leave_out=self.leave_out)
        drafting = draft_plan(inspection, self.recipe, self.settings, epsilon)
        narrator = Spoken(Console()) if self.verbose else Silent()
        cast = cast_folder(tables, drafting.plan, draft_charter("A trial", epsilon))
        played = play(workplace / "coalition", cast, narrator)
        blobs = BlobStore(workplace / "coalition" / "blobs")
        document = json.loads(blobs.get(played.result["joint"]["model"]))
        label_of_plan = drafting.plan.label
        assert isinstance(label_of_plan, Label)  # the recipes here are of two classes
        event, other = label_of_plan.positive, label_of_plan.negative
        meaning = values or {event: event, other: other}
        classes, positive = order_classes([meaning[other], meaning[event]], meaning[event])
        report = read_report(played.result)
        model = JointModel(document, classes, positive, report.meets_bars)
        run = next(
            decision["entry"] for decision in played.result["decisions"] if decision["effect"] == "run"
        )
        return _Fitted(model, report, drafting, workplace / "coalition", run)

    def _gather(self, tables: Coalition | Frame, y: Any) -> tuple[Coalition, str, dict[str, object]]:  # noqa: ANN401 - whatever holds values
        """Return the tables, the label's column, and which value each of its texts stands for, if that is known."""
        if isinstance(tables, Coalition):
            if not isinstance(y, str):
                raise TypeError("of a coalition, `y` is the name of the label's column")
            return tables, y, {}
        if self.organisation is None:
            raise ValueError(
                "say in which column of the frame the organisation stands: `JointClassifier(organisation=...)`"
            )
        columns = read_frame(tables)
        if isinstance(y, str):
            label = y
        else:
            name = getattr(y, "name", None)
            label = name if isinstance(name, str) and name not in columns else _LABEL
            columns[label] = list_values(y)
        meaning = {spell_value(value, label): value for value in columns.get(label, ())}
        return Coalition.from_frame(columns, self.organisation), label, meaning

    # -- what came of it ----------------------------------------------------------------------------------------

    @property
    def classes_(self) -> NDArray[np.generic]:
        """The two values of the label, in order."""
        return np.array(self.model.classes)

    @property
    def model(self) -> JointModel:
        """The joint model."""
        return self._done.model

    @property
    def report(self) -> Report:
        """Whom it helps, on test rows."""
        return self._done.report

    @property
    def plan(self) -> Plan:
        """What was voted on."""
        return self._done.drafting.plan

    @property
    def record(self) -> Path:
        """The coalition's folder; `hansa verify` replays it, and `report.html` in it is for people."""
        return self._done.record

    @property
    def run(self) -> int:
        """The number of the run in the record, as in `hansa run report RUN`."""
        return self._done.run

    def write_plan(self, path: Path | str) -> None:
        """Write the plan as YAML, to be read, edited and proposed: `hansa proposal open run PLAN`."""
        Path(path).write_text(self._done.drafting.text, encoding="utf-8")

    @property
    def _done(self) -> _Fitted:
        if self._fitted is None:
            raise AttributeError("this classifier has not learnt yet; call `fit` first")
        return self._fitted

    def predict_proba(self, X: Frame) -> Vector:
        """Return the probability of each class: shape (n, 2), as a newcomer to the coalition would have it.

        Raises:
            TableRefused, TypeError: as `JointModel.predict_logit`.
        """
        return self.model.predict_proba(X)

    def predict(self, X: Frame) -> NDArray[np.generic]:
        """Return the likelier class of each row: shape (n,).

        Raises:
            TableRefused, TypeError: as `JointModel.predict_logit`.
        """
        return self.model.predict(X)

    def score(self, X: Frame, y: Sequence[object]) -> float:
        """Return the share of rows whose class is predicted."""
        return float(np.mean(self.predict(X) == np.array(list_values(y))))


_PARAMETERS: Final = (
    "recipe",
    "organisation",
    "group",
    "time",
    "leave_out",
    "epsilon",
    "folder",
    "verbose",
)
