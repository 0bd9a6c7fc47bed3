"""What no total of honest answers to a round can be; see `hansa.learning.contradiction`."""

from collections.abc import Iterator

import numpy as np

from hansa.learning.contradiction import are_counts, fit_members
from hansa.learning.networks.rounds import COUNTS, MOST_LOSS, RoundQuestion
from hansa.learning.tables import Vector

_SLACK = 2.0**-16
"""What fixed points round, of all members together, in shares of the largest possible number."""


def doubt_round(question: RoundQuestion, total: Vector, members: int) -> Iterator[str]:
    """Yield what shows that a total is not the sum of this many honest answers."""
    rows, having = total[-COUNTS:-1]
    if not are_counts(total[-COUNTS:-1]) or rows > question.rows:
        yield "a count is negative, not whole or more than there are"
        return
    if not fit_members(total[-COUNTS : -COUNTS + 1], total[-COUNTS + 1 : -1], members):
        yield "the rows do not fit the members that have them"
    share = rows / question.rows
    if not -_SLACK * MOST_LOSS <= total[-1] <= (share + _SLACK) * MOST_LOSS:
        yield "the loss is negative, or more than the rows can have"
    clip = question.settings.clip
    weight = share if question.settings.weighting == "rows" else having / question.members
    slack = _SLACK * clip
    for vector in total[:-COUNTS].reshape(question.parts, -1):
        # A sum of vectors is no longer than they are together.
        rounding = members * question.settings.resolution * np.sqrt(len(vector))
        if np.linalg.norm(vector) > weight * clip + slack + rounding:
            yield "the updates are longer than the clip norm lets them be together"
            return
