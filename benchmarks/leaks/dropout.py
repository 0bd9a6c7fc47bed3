"""Dropout: what a run tells of a member that was lost between two turns of its fit.

Nobody colludes here. The turn before holds the lost member's sums, the turn after does not, and they ask at two
points that lie the nearer the later it is. What the step between them moved in the others' gradient is known from
the Hessian, so only what it moved in their Hessian is in the way.
"""

from collections.abc import Iterator, Sequence

import numpy as np

from hansa.learning.newton import Slope
from hansa.learning.slope import SlopeQuestion, read_slope
from leaks.finding import Finding
from leaks.gathering import Coalition, Members
from leaks.view import Turn, add_exactly


def watch_loss(coalition: Coalition, members: Members, lost: str, turn: int) -> tuple[Turn, Turn]:
    """Run until the turn of the fit that the lost member has no part in.

    Args:
        coalition: its plan.
        members: everybody's rows.
        lost: who vanishes.
        turn: the first turn without it, from 2.

    Returns:
        The last turn with it, and the first without.
    """
    recipe = coalition.recipe(members)
    state, turns = recipe.begin(), []
    while len(turns) < turn:
        question = recipe.ask(state)
        there = sorted(name for name in members if name != lost or len(turns) < turn - 1)
        total = add_exactly(question, [recipe.answer(question, members[name]) for name in there])
        if isinstance(question, SlopeQuestion):
            turns.append(Turn(question, total))
        state = recipe.learn(state, total, tuple(there))
    return turns[-2], turns[-1]


def count_turns(coalition: Coalition, members: Members) -> int:
    """Return how many turns the fit takes when nobody is lost."""
    recipe = coalition.recipe(members)
    state, turns = recipe.begin(), 0
    while turns == 0 or isinstance(recipe.ask(state), SlopeQuestion):
        question = recipe.ask(state)
        turns += isinstance(question, SlopeQuestion)
        total = add_exactly(question, [recipe.answer(question, rows) for rows in members.values()])
        state = recipe.learn(state, total, tuple(sorted(members)))
    return turns


def subtract_turns(before: Turn, after: Turn) -> Slope:
    """Estimate the lost member's loss, gradient and Hessian at the point before."""
    questions = [turn.question for turn in (before, after)]
    assert all(isinstance(question, SlopeQuestion) for question in questions)
    whole, rest = (read_slope(turn.question, turn.total) for turn in (before, after))
    step = questions[1].coefficients - questions[0].coefficients
    moved = rest.curvature @ step
    # The others' loss and gradient at the point before, to the second order of the step.
    loss = rest.loss - rest.gradient @ step + 0.5 * step @ moved
    return Slope(
        whole.loss - loss, whole.gradient - (rest.gradient - moved), whole.curvature - rest.curvature
    )


def measure_dropout(coalition: Coalition, lost: Sequence[str]) -> Iterator[Finding]:
    """Lose each of some members early and late in the fit, and yield how far the estimates are off."""
    members = coalition.divide()
    last = count_turns(coalition, members)
    for name in lost:
        for turn in sorted({2, last}):
            before, after = watch_loss(coalition, members, name, turn)
            found = subtract_turns(before, after)
            answer = coalition.recipe(members).answer(before.question, members[name])
            truth = read_slope(before.question, answer)
            rows = len(members[name].train)
            held = "1 training row" if rows == 1 else f"{rows:,} training rows"
            setting = (
                f"1 member with {held}, of {len(members)}, lost before turn {turn} of {last}; nobody colludes"
            )
            for measure, estimate, exact in (
                ("its gradient is off by", found.gradient, truth.gradient),
                ("its Hessian is off by", found.curvature, truth.curvature),
            ):
                error = float(np.linalg.norm(estimate - exact) / np.linalg.norm(exact))
                yield Finding("dropout", coalition.name, setting, "none", measure, error)
