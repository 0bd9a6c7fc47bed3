"""The fit: a survey, the bins, and then tree after tree, level after level.

docs/formats/recipe-trees.md specifies it: every layout, order, bound and stopping rule, and what each total reveals.
"""

from collections.abc import Iterator
from dataclasses import dataclass, replace
from typing import Final

import numpy as np

from hansa.errors import Refused
from hansa.learning.recipe import Question
from hansa.learning.split import Split
from hansa.learning.survey import Survey, SurveyQuestion, read_survey
from hansa.learning.tables import NumberFeature, Schema, Vector
from hansa.learning.trees.bins import MOST_BINS, Bins, CategoryBins, NumberBins
from hansa.learning.trees.cells import LOOKS, CellQuestion, Cells, choose_edges, find_crowded, read_cells
from hansa.learning.trees.forest import Branch, Forest, Leaf, Tree
from hansa.learning.trees.growth import Found, Range, Rules, Sums, find_splits, narrow
from hansa.learning.trees.questions import LevelQuestion, Scale, Sister, read_level, read_loss
from hansa.learning.trees.settings import TreesParameters

SEED: Final = Tree((Leaf(0.0),))
"""Of which every tree grows."""


@dataclass(frozen=True, slots=True)
class Surveying:
    """Before the survey's total."""


@dataclass(frozen=True, slots=True, eq=False)
class Binning:
    """While it is not known yet where the bins end.

    Args:
        survey: what the cohort holds.
        surveyed: whose rows were surveyed.
        cells: per numeric feature, as they are known.
        asked: per numeric feature, the first parts of the cells that are divided now.
        depth: of the parts.
        turns: secure sums so far.
    """

    survey: Survey
    surveyed: tuple[str, ...]
    cells: tuple[Cells, ...]
    asked: tuple[tuple[int, ...], ...]
    depth: int
    turns: int


@dataclass(frozen=True, slots=True)
class Open:
    """A node that may be split.

    Args:
        place: in the tree.
        bounds: of the values below it.
        sister: the place of the node that is counted in this one's place; None when it is counted itself.
        mother: what is known of both together, if there is a sister.
    """

    place: int
    bounds: Range = Range()  # noqa: RUF009 - it cannot change
    sister: int | None = None
    mother: Sums | None = None


@dataclass(frozen=True, slots=True, eq=False)
class Growing:
    """While trees grow.

    Args:
        survey: what the cohort holds.
        surveyed: whose rows were surveyed.
        forest: the trees before.
        tree: what has grown of the next one.
        opened: its nodes that are asked about now.
        level: how many splits lead to them.
        members: whose rows are in the last total.
        turns: secure sums so far.
        best: how many trees had the least mean loss of rows set aside, and that loss; None when none is known.
        is_grown: whether nothing more grows.
    """

    survey: Survey
    surveyed: tuple[str, ...]
    forest: Forest
    tree: Tree
    opened: tuple[Open, ...]
    level: int
    members: tuple[str, ...]
    turns: int
    best: tuple[int, float] | None = None
    is_grown: bool = False

    @property
    def sisters(self) -> tuple[Sister, ...]:
        """The open nodes that are not counted themselves."""
        return tuple(
            Sister(node.place, node.sister, node.mother)
            for node in self.opened
            if node.sister is not None and node.mother is not None
        )


FitState = Surveying | Binning | Growing


@dataclass(frozen=True)
class Fit:
    """The part of the recipe that ends with a forest.

    Args:
        schema: the plan's features.
        parameters: the plan's parameters.
        validation: which training rows are set aside, if the parameters ask for patience.
    """

    schema: Schema
    parameters: TreesParameters
    validation: Split | None = None

    def ask(self, state: FitState) -> Question | None:
        """Return the next question, or None when the forest has grown."""
        match state:
            case Surveying():
                return SurveyQuestion("survey", self.schema)
            case Binning():
                name = f"cells {state.depth + 1}"
                return CellQuestion(name, self.schema, state.depth, state.asked, state.survey.rows)
            case Growing(is_grown=True):
                return None
            case Growing():
                return LevelQuestion(
                    "validation"
                    if len(state.forest.trees) == self.parameters.trees
                    else f"tree {len(state.forest.trees) + 1} level {state.level + 1}",
                    state.forest,
                    state.tree,
                    tuple(node.place for node in state.opened if node.sister is None),
                    tuple(node.place for node in state.opened if node.sister is not None),
                    self._scale(state.survey),
                    self.validation if self.parameters.patience else None,
                )

    def learn(
        self, state: FitState, question: Question, total: Vector, survivors: tuple[str, ...]
    ) -> FitState:
        """Take in a total over the survivors' rows.

        Raises:
            Refused: `recipe.one-class`, all training rows have the same label.
        """
        match state, question:
            case Surveying(), _:
                return self._begin_bins(read_survey(self.schema, total), survivors)
            case Binning(), CellQuestion():
                cells = read_cells(question, total, state.cells)
                return self._refine(replace(state, cells=cells, turns=state.turns + 1), survivors)
            case Growing(), LevelQuestion():
                return self._grow(state, question, total, survivors)
            case _:
                raise AssertionError("ask and learn disagree")

    def _scale(self, survey: Survey) -> Scale:
        return Scale(survey.rows, self.parameters.positive_weight)

    def _begin_bins(self, survey: Survey, survivors: tuple[str, ...]) -> FitState:
        if not 0 < survey.positives < survey.rows:
            raise Refused(
                "recipe.one-class",
                f"{survey.positives} of {survey.rows} training rows are positive; both labels must occur",
            )
        numbers = len(self.schema.numbers)
        state = Binning(survey, survivors, ((),) * numbers, ((0,),) * numbers, 0, 1)
        return state if numbers else self._begin_trees(state, survivors)

    def _refine(self, state: Binning, survivors: tuple[str, ...]) -> FitState:
        if state.depth < LOOKS and survivors == state.surveyed:
            crowded = tuple(find_crowded(cells, state.depth, self.parameters.bins) for cells in state.cells)
            if any(crowded):
                return replace(state, asked=crowded, depth=state.depth + 1)
        return self._begin_trees(state, survivors)

    def _begin_trees(self, state: Binning, survivors: tuple[str, ...]) -> Growing:
        bins = Bins(self.schema, tuple(self._list_columns(state)))
        penalty = self.parameters.ridge if self.parameters.organisation_offsets else None
        forest = Forest(bins, state.survey.centre, (), penalty)
        return Growing(
            state.survey,
            state.surveyed,
            forest,
            SEED,
            (Open(0),),
            0,
            survivors,
            state.turns,
            is_grown=all(column.width < 2 for column in bins.columns),
        )

    def _list_columns(self, state: Binning) -> Iterator[NumberBins | CategoryBins]:
        cells, categories = iter(state.cells), iter(state.survey.categories)
        parameters = self.parameters
        for feature in self.schema.features:
            if isinstance(feature, NumberFeature):
                edges = choose_edges(
                    feature,
                    next(cells),
                    parameters.bins,
                    rows=parameters.minimum_rows,
                    members=parameters.minimum_members,
                )
                yield NumberBins(feature.name, edges, feature.missing)
            else:
                totals = next(categories)
                is_common = (totals.rows >= parameters.minimum_rows) & (
                    totals.members >= parameters.minimum_members
                )
                codes = np.flatnonzero(is_common)
                # Of very many the most frequent have bins.
                frequent = codes[np.argsort(-totals.rows[codes], kind="stable")][: MOST_BINS - 1]
                yield CategoryBins(feature.name, tuple(sorted(frequent.tolist())))

    def _grow(
        self, state: Growing, question: LevelQuestion, total: Vector, survivors: tuple[str, ...]
    ) -> Growing:
        state = self._compare(state, read_loss(question, total), survivors)
        if state.is_grown or not state.opened:
            return _end_growth(replace(state, members=survivors, turns=state.turns + 1))
        sums = read_level(question, total, state.sisters)
        # Of others' rows than before, what sisters hold is not known any more: their mothers' sums are of lost members' rows too. They stay leaves.
        opened = [node for node in state.opened if node.sister is None or survivors == state.members]
        bins, rules = state.forest.bins, self._rules()
        stacked = Sums(
            *(np.concatenate(parts) for parts in zip(*(sums[node.place] for node in opened), strict=True))
        )
        found = find_splits(bins, stacked, [node.bounds for node in opened], rules)
        nodes: list[Branch | Leaf] = list(state.tree.nodes)
        following: list[Open] = []
        for node, split in zip(opened, found, strict=True):
            if split is not None:
                following += self._split(nodes, node, split, sums[node.place])
        grown = replace(state, tree=Tree(tuple(nodes)), members=survivors, turns=state.turns + 1)
        if following and state.level + 1 < self.parameters.depth:
            return replace(grown, opened=tuple(following), level=state.level + 1)
        return self._end_tree(grown)

    def _compare(self, state: Growing, loss: float | None, survivors: tuple[str, ...]) -> Growing:
        """Compare the loss of rows set aside with the least before; of others' rows than before it begins anew."""
        if loss is None:
            return state
        count, best = len(state.forest.trees), state.best if survivors == state.members else None
        if best is None or loss < best[1]:
            return replace(state, best=(count, loss))
        return replace(state, best=best, is_grown=count - best[0] >= self.parameters.patience)

    def _split(self, nodes: list[Branch | Leaf], node: Open, split: Found, sums: Sums) -> Iterator[Open]:
        """Put a branch in place of a leaf, and yield those of its children that may be split again."""
        left = len(nodes)
        nodes[node.place] = Branch(split.feature, split.right, (left, left + 1), split.gain)
        nodes += [Leaf(self.parameters.learning_rate * value) for value in split.values]
        direction = self._rules().directions[split.feature]
        children = [
            Open(left + side, bounds)
            for side, bounds in enumerate(narrow(node.bounds, split, direction))
            if split.rows[side] >= 2 * self.parameters.minimum_rows
        ]
        if len(children) == 2:
            larger = int(split.rows[1] >= split.rows[0])
            children[larger] = replace(children[larger], sister=children[1 - larger].place, mother=sums)
        yield from children

    def _end_tree(self, state: Growing) -> Growing:
        if len(state.tree.nodes) == 1:
            return _end_growth(state)  # nothing is left to learn
        forest = replace(state.forest, trees=(*state.forest.trees, state.tree))
        grown = replace(state, forest=forest, tree=SEED, opened=(Open(0),), level=0)
        if len(forest.trees) < self.parameters.trees:
            return grown
        # Of the last tree it is not known yet whether it is any good.
        return replace(grown, opened=()) if self.parameters.patience else replace(grown, is_grown=True)

    def _rules(self) -> Rules:
        directions = dict(self.parameters.monotone)
        return Rules(
            self.parameters.ridge,
            self.parameters.minimum_rows,
            self.parameters.minimum_members,
            tuple(directions.get(feature.name, 0) for feature in self.schema.features),
        )


def _end_growth(state: Growing) -> Growing:
    """Keep the trees up to those with the least loss of rows set aside, at least one."""
    forest = state.forest
    if state.best is not None:
        forest = replace(forest, trees=forest.trees[: max(state.best[0], 1)])
    return replace(state, forest=forest, is_grown=True)
