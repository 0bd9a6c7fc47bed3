"""What members are compared by: the words for it in report and summary, and the metric that says it of the cohort."""

from typing import Final, NamedTuple


class Yardstick(NamedTuple):
    """How the ways to learn are compared, by what kind of label.

    Args:
        metric: the stem of the cohort's metric, before `_alone` or `_together`.
        name: in the middle of a sentence.
        figure: of the cohort's metric, with a small letter.
        lead: of the same, at the beginning of a sentence.
        meaning: what it is, in a sentence; `{label}` stands for the label.
        unscored: what a member's test rows lack that cannot be scored.
        join: what stands between this and the members' mean gain, which need not be its difference.
        cases: what rows are counted beside test rows; empty for none.
    """

    metric: str
    name: str
    figure: str
    lead: str
    meaning: str
    unscored: str
    join: str
    cases: str


_RANKING: Final = Yardstick(
    "auc",
    "ROC-AUC",
    "mean ROC-AUC",
    "On each member’s own test rows, the mean ROC-AUC",
    "ROC-AUC is the chance that a case that matters{label} is ranked above one that does not: 0.5 is guessing, 1 is perfect.",
    "fewer than 3 cases of one kind in their test rows",
    ": a mean gain of",
    "cases",
)
_EXPLAINED: Final = Yardstick(
    "explained",
    "share of deviance explained",
    "deviance explained over all test rows",
    "Over the test rows of all members, the share of deviance explained",
    "The share of deviance explained says how much nearer to the outcome{label} a model is than a constant: of a linear model it is R², 0 is as good "
    "as a constant, below 0 is worse, 1 is perfect.",
    "fewer than 10 test rows, or all with one outcome",
    "; the members’ mean gain is",
    "",
)
_CONCORDANCE: Final = Yardstick(
    "concordance",
    "concordance",
    "concordance over the members’ test rows",
    "Over the members’ test rows, the concordance",
    "Concordance is the chance that of two rows of a member the one with the event first{label} was given the greater hazard: 0.5 is guessing, 1 is perfect.",
    "fewer than 10 test rows that end with the event",
    "; the members’ mean gain is",
    "events",
)


def find_yardstick(label_type: str) -> Yardstick:
    """Return the yardstick for a label of this type; an empty one stands for two values."""
    return {"number": _EXPLAINED, "category": _EXPLAINED, "time": _CONCORDANCE}.get(label_type, _RANKING)
