"""Bars: what a run must reach before its model may be released, said before the run, and how a run's metrics are spelt."""

import re
from fractions import Fraction
from typing import Annotated, Any, Final, Literal, NamedTuple, get_args

from pydantic import (
    AfterValidator,
    BeforeValidator,
    Field,
    SerializerFunctionWrapHandler,
    model_serializer,
    model_validator,
)

from hansa.governance.spelling import as_typed, fault, format_fraction, is_decimal, parse_fraction
from hansa.governance.validation import Form
from hansa.transparency.quoting import quote

Metric = Literal[
    "auc_alone",
    "auc_together",
    "auc_corrected",
    "gain_mean",
    "corrected_gain_mean",
    "members_gain",
    "members_gain_corrected",
    "auc_chosen",
    "chosen_gain_mean",
    "members_gain_chosen",
    "members_trusting_alone",
    "members_trusting_together",
    "members_trusting_clustered",
    "members_trusting_corrected",
    "members_trusting_mixed",
    "members_scored",
    "auc_pooled_alone",
    "auc_pooled_together",
    "auc_pooled_corrected",
    "average_precision_alone",
    "average_precision_together",
    "average_precision_corrected",
    "recall_at_5_percent_alone",
    "recall_at_5_percent_together",
    "recall_at_5_percent_corrected",
    "brier_alone",
    "brier_together",
    "brier_corrected",
    "calibration_error_alone",
    "calibration_error_together",
    "calibration_error_corrected",
    "deviance_alone",
    "deviance_together",
    "deviance_corrected",
    "explained_alone",
    "explained_together",
    "explained_corrected",
    "absolute_error_alone",
    "absolute_error_together",
    "absolute_error_corrected",
    "accuracy_alone",
    "accuracy_together",
    "accuracy_corrected",
    "concordance_alone",
    "concordance_together",
    "concordance_corrected",
]
METRICS: Final[tuple[str, ...]] = get_args(Metric)
"""The metrics of a run; on the record each is a `MetricText`."""

NOISED_METRICS: Final = (
    "auc_pooled_together",
    "average_precision_together",
    "recall_at_5_percent_together",
    "brier_together",
)
"""Those of a run with noise; the others would need too much of its budget."""

_OF_ALL: Final = ("members_scored", "members_gain", "members_gain_corrected")
_WAYS: Final = ("alone", "together", "corrected")
_MEASURES_BY_LABEL: Final = {
    "number": ("deviance", "explained", "absolute_error"),
    "category": ("deviance", "explained", "accuracy"),
    "time": ("concordance",),
}


def list_metrics(label_type: str) -> tuple[str, ...]:
    """Return the metrics of a run without noise whose label is of this type, in the order of `METRICS`."""
    others = {
        f"{measure}_{way}"
        for measures in _MEASURES_BY_LABEL.values()
        for measure in measures
        for way in _WAYS
    }
    if label_type not in _MEASURES_BY_LABEL:
        return tuple(metric for metric in METRICS if metric not in others)
    own = {f"{measure}_{way}" for measure in _MEASURES_BY_LABEL[label_type] for way in _WAYS}
    return tuple(metric for metric in METRICS if metric in own or metric in _OF_ALL)


METRIC_PLACES: Final = 6
METRIC_DIGITS: Final = 9
"""The most digits of a metric before the point."""

_METRIC: Final = re.compile(rf"-?(?:0|[1-9][0-9]{{0,{METRIC_DIGITS - 1}}})\.[0-9]{{{METRIC_PLACES}}}")
_MINUS_ZERO: Final = "-0." + "0" * METRIC_PLACES


def is_metric(text: str) -> bool:
    """Say whether `text` is the one spelling of a metric: exactly six places, such as `0.800000` or `-0.012500`."""
    return bool(_METRIC.fullmatch(text)) and text != _MINUS_ZERO


def _check_metric(value: str) -> str:
    if not is_metric(value):
        raise fault(
            "decimal",
            f"expected at most {METRIC_DIGITS} digits, a point and {METRIC_PLACES} digits, such as `0.800000`, "
            f"got {quote(value)}",
        )
    return value


MetricText = Annotated[str, AfterValidator(_check_metric)]
"""A metric as the record keeps it; `Bar.judge` takes every one of them."""

Direction = Literal["at_least", "at_most"]


class BarVerdict(NamedTuple):
    """Whether one bar was met.

    Args:
        metric: the metric's name.
        direction: `at_least` or `at_most`.
        limit: as the plan says it, a decimal or a fraction.
        value: what the run reported; empty when it reported nothing.
        met: whether that satisfies the bar.
    """

    metric: str
    direction: Direction
    limit: str
    value: str
    met: bool

    @property
    def bar(self) -> str:
        """The bar in words, such as `at least 0.80`."""
        return f"{self.direction.replace('_', ' ')} {self.limit}"


def _read_limit(value: object) -> object:
    text = as_typed(value)
    if isinstance(text, str) and is_decimal(text):
        return text
    try:
        return format_fraction(parse_fraction(str(text)))
    except ValueError:
        raise fault(
            "bar", f"expected a decimal or a fraction such as `0.80` or `2/3`, got {quote(str(value))}"
        ) from None


Limit = Annotated[str, BeforeValidator(_read_limit)]


class Bar(Form):
    """One condition for release, set before the run: a metric is at least, or at most, a number."""

    metric: Annotated[Metric, Field(examples=["auc_together"])]
    at_least: Limit | None = None
    at_most: Limit | None = None

    @model_validator(mode="after")
    def _check_one_limit(self) -> "Bar":
        if (self.at_least is None) == (self.at_most is None):
            raise fault("bar", f"say for `{self.metric}` either `at_least` or `at_most`")
        return self

    @model_serializer(mode="wrap")
    def _leave_out_the_other(self, handler: SerializerFunctionWrapHandler) -> dict[str, Any]:
        return {name: value for name, value in handler(self).items() if value is not None}

    @property
    def direction(self) -> Direction:
        """Which of the two limits the bar has."""
        return "at_least" if self.at_least is not None else "at_most"

    @property
    def limit(self) -> str:
        """The limit as it was written."""
        return self.at_least or self.at_most or ""

    def judge(self, value: str) -> BarVerdict:
        """Compare a recorded metric with the limit, exactly.

        Metrics are recorded with six places, so a limit is compared at six places too: two thirds recorded as
        `0.666667`, and one third recorded as `0.333333`, both meet a bar at that fraction.

        Args:
            value: a `MetricText`, or nothing when the run did not report the metric.

        Raises:
            ValueError: `value` is neither.
        """
        if value and not is_metric(value):
            raise ValueError(f"expected a metric such as `0.800000` for {self.metric}, got {quote(value)}")
        limit = round(Fraction(self.limit), METRIC_PLACES)
        met = bool(value) and (
            Fraction(value) >= limit if self.direction == "at_least" else Fraction(value) <= limit
        )
        return BarVerdict(self.metric, self.direction, self.limit, value, met)
