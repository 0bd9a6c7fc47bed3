"""What the totals of boosted trees give away: rows that stand alone in a node, and whether a row trained.

A level's total holds, for each node and each bin of each feature, how many rows there are and their slopes. Whoever knows the other
members' answers takes them off; a node that then holds one row shows that row's bin of every feature, and by its slope its label.

Source: "TimberStrike: dataset reconstruction attack revealing privacy leakage in federated tree-based systems",
arXiv:2506.07605, on what histograms and splits show together; here there are sums in place of single members' histograms.
"""

from collections.abc import Iterator, Sequence

import numpy as np

from hansa.governance import parse_plan
from hansa.governance.recipe import TreesParameters
from hansa.learning import Question, Result, Rows
from hansa.learning.evaluation import EvaluationQuestion
from hansa.learning.recipe import Recipe
from hansa.learning.scoreboard import ScoreQuestion
from hansa.learning.trees.forest import Branch, Tree
from hansa.learning.trees.questions import LevelQuestion
from leaks.finding import Finding, measure_share
from leaks.gathering import Coalition
from leaks.view import Protect, Turn, add_exactly

ROWS_READ = "rows read whole, to bins, label included"


def grow(coalition: Coalition, **parameters: object) -> Coalition:
    """Return the same members under a plan for trees, at the same privacy; parameters are the recipe's defaults unless told."""
    document = coalition.plan.to_json()
    chosen = TreesParameters().model_dump(mode="json") | {"organisation_offsets": False} | parameters
    document["recipe"] = {**document["recipe"], "name": "trees", "parameters": chosen}
    return Coalition(coalition.name, parse_plan(document), coalition.tables)


def watch_growth(recipe: Recipe, members: Sequence[Rows], protect: Protect = add_exactly) -> Sequence[Turn]:
    """Run up to the forest, and return the totals."""
    state, turns = recipe.begin(), []
    survivors = tuple(sorted(rows.member for rows in members))
    while not isinstance(question := recipe.ask(state), EvaluationQuestion | ScoreQuestion | Result):
        total = protect(question, [recipe.answer(question, rows) for rows in members])
        turns.append(Turn(question, total))
        state = recipe.learn(state, total, survivors)
    return turns


def measure_growth(coalition: Coalition, victim: str, setting: str, described: str) -> Iterator[Finding]:
    """Read one member's rows off all totals less the others' answers."""
    members = coalition.divide()
    recipe = coalition.recipe(members)
    others = [rows for name, rows in members.items() if name != victim]
    apart = [_take_off(recipe, turn, others) for turn in watch_growth(recipe, list(members.values()))]
    rows = members[victim].train
    if not (levels := [turn for turn in apart if isinstance(turn.question, LevelQuestion)]):
        return
    bins = levels[0].question.forest.bins
    starts = np.array(bins.offsets[:-1])
    whole: set[tuple[int, ...]] = set()
    for counts, slopes in _find_nodes(levels):
        known = np.flatnonzero(np.rint(counts) == 1)
        if len(known) == len(starts) and np.rint(counts).sum() == len(starts):
            whole.add((*(known - starts).tolist(), int(slopes[known[0]] < 0)))
    truth = [
        (*codes, label) for codes, label in zip(bins.encode(rows).tolist(), rows.labels.tolist(), strict=True)
    ]
    hits = sum(row in whole for row in truth)
    yield Finding("growth", coalition.name, setting, described, ROWS_READ, *measure_share(hits, len(truth)))


def _take_off(recipe: Recipe, turn: Turn, others: Sequence[Rows]) -> Turn:
    known = add_exactly(
        turn.question,
        [*(recipe.answer(turn.question, rows) for rows in others), np.zeros(turn.question.length)],
    )
    return Turn(turn.question, turn.total - known)


def _find_nodes(levels: Sequence[Turn]) -> Iterator[tuple[np.ndarray, np.ndarray]]:
    """Yield of each node, counted or derived, rows and slopes per bin: shapes (n_bins,)."""
    known: dict[int, tuple[np.ndarray, np.ndarray]] = {}
    for turn in levels:
        question: Question = turn.question
        assert isinstance(question, LevelQuestion)
        if len(question.tree.nodes) == 1:
            known = {}
        counted, _, _ = question.part(turn.total)
        for place, (slopes, _, rows, _) in zip(question.counted, counted, strict=True):
            known[place] = rows, slopes
        for place in question.derived:
            mother, sister = _find_relatives(question.tree, place)
            (rows, slopes), (less, fewer) = known[mother], known[sister]
            known[place] = rows - less, slopes - fewer
        for place in (*question.counted, *question.derived):
            yield known[place]


def _find_relatives(tree: Tree, place: int) -> tuple[int, int]:
    for mother, node in enumerate(tree.nodes):
        if isinstance(node, Branch) and place in node.children:
            left, right = node.children
            return mother, right if place == left else left
    raise AssertionError("a derived node has a mother")
