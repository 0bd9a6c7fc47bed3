"""Which computation a plan asks for: the name of a recipe that ships with the package, its digest, its parameters."""

from collections.abc import Callable
from fractions import Fraction
from typing import Annotated, Literal, TypeAlias

from pydantic import AfterValidator, Field

from hansa.governance.spelling import CellText, DecimalText, Digest, Several, fault
from hansa.governance.validation import Form
from hansa.transparency.quoting import quote


def _up_to(most: int, least: str = "0.000001") -> Callable[[str], str]:
    def check(value: str) -> str:
        if not Fraction(least) <= Fraction(value) <= most:
            raise fault("decimal", f"expected a number from {least} to {most}, got {quote(str(value))}")
        return value

    return check


Strength = Annotated[DecimalText, AfterValidator(_up_to(1_000_000_000))]
"""How strongly a penalty holds, within what the recipes compute with."""

Penalty = Annotated[DecimalText, AfterValidator(_up_to(1_000_000_000, "0"))]
"""How strongly a penalty holds that need not be there."""

ClipNorm = Annotated[DecimalText, AfterValidator(_up_to(100))]
"""The most that a row may pull at the coefficients, in the L2 norm."""


def _is_usual(value: object) -> bool:
    return value in {"rows", 1}


def _check_dropout(value: str) -> str:
    if not Fraction("0.000001") <= Fraction(value) <= Fraction("0.9"):
        raise fault("decimal", f"expected a share from 0.000001 to 0.9, got {quote(str(value))}")
    return value


def _check_own(value: tuple[str, ...]) -> tuple[str, ...]:
    if len({*value}) != len(value):
        raise fault("value", "each part is listed once")
    return tuple(sorted(value))


class LogisticParameters(Form):
    """Parameters of the recipe `logistic`.

    `clip` and `steps` concern sums with noise only, `minimum_rows_per_column` and `voice` those without.
    """

    ridge: Strength = "1"
    organisation_intercepts: bool = False
    correction: Strength = "10"
    minimum_category_members: Annotated[int, Field(ge=1, le=100_000)] = 3
    minimum_category_rows: Annotated[int, Field(ge=1, le=1_000_000)] = 10
    minimum_rows_per_column: Annotated[int, Field(ge=1, le=1_000_000)] = 5
    maximum_turns: Annotated[int, Field(ge=1, le=1_000)] = 25
    clip: ClipNorm = "3"
    steps: Annotated[int, Field(ge=1, le=200)] = 8
    voice: Annotated[Literal["rows", "root", "members"], Field(exclude_if=_is_usual)] = "rows"
    """How much a member's rows count: each row alike, each member alike, or between; left out of the canonical form for rows."""
    clusters: Annotated[Literal[1, 2], Field(exclude_if=_is_usual)] = 1
    """Two for two further models, each for the members that take it; left out of the canonical form for one."""


class LogisticRecipe(Form):
    """A logistic model over sums."""

    name: Annotated[Literal["logistic"], Field(examples=["logistic"])]
    digest: Digest
    parameters: LogisticParameters = LogisticParameters()


class StatisticsParameters(Form):
    """Parameters of the recipe `statistics`; `minimum_members` concerns sums without noise only."""

    bins: Annotated[int, Field(ge=2, le=100)] = 20
    minimum_rows: Annotated[int, Field(ge=3, le=1_000_000)] = 10
    minimum_members: Annotated[int, Field(ge=3, le=100_000)] = 3


class StatisticsRecipe(Form):
    """How many, how large, how spread, which categories."""

    name: Annotated[Literal["statistics"], Field(examples=["statistics"])]
    digest: Digest
    parameters: StatisticsParameters = StatisticsParameters()


class TreesParameters(Form):
    """Parameters of the recipe `trees`."""

    trees: Annotated[int, Field(ge=1, le=1_000)] = 100
    depth: Annotated[int, Field(ge=1, le=8)] = 4
    learning_rate: Annotated[DecimalText, AfterValidator(_up_to(1))] = "0.1"
    bins: Annotated[int, Field(ge=2, le=255)] = 64
    ridge: Strength = "1"
    minimum_rows: Annotated[int, Field(ge=1, le=1_000_000)] = 20
    minimum_members: Annotated[int, Field(ge=1, le=100_000)] = 3
    positive_weight: Annotated[DecimalText, AfterValidator(_up_to(1_000))] = "1"
    rising: Several[CellText] = ()
    falling: Several[CellText] = ()
    patience: Annotated[int, Field(ge=0, le=1_000)] = 0
    features: Annotated[int, Field(ge=1, le=8)] = 1
    organisation_offsets: bool = True
    organisation_rate: bool = False
    correction_trees: Annotated[int, Field(ge=0, le=1_000)] = 20


class TreesRecipe(Form):
    """Gradient-boosted trees over sums."""

    name: Annotated[Literal["trees"], Field(examples=["trees"])]
    digest: Digest
    parameters: TreesParameters = TreesParameters()


class RegressionParameters(Form):
    """Parameters of the recipe `regression`; `ties` concerns times only."""

    family: Annotated[Literal["linear", "poisson", "gamma", "multinomial", "cox"], Field(examples=["linear"])]
    ridge: Penalty = "0"
    lasso: Penalty = "0"
    ties: Literal["efron", "breslow"] = "efron"
    correction: Strength = "10"
    minimum_rows: Annotated[int, Field(ge=1, le=1_000_000)] = 10
    minimum_members: Annotated[int, Field(ge=1, le=100_000)] = 3
    minimum_rows_per_column: Annotated[int, Field(ge=1, le=1_000_000)] = 5
    maximum_turns: Annotated[int, Field(ge=1, le=1_000)] = 50


class RegressionRecipe(Form):
    """A linear, Poisson, gamma, multinomial or Cox model over sums."""

    name: Annotated[Literal["regression"], Field(examples=["regression"])]
    digest: Digest
    parameters: Annotated[RegressionParameters, Field(examples=["{family: linear}"])]


class LinearLayer(Form):
    """So many weighted sums of all inputs, each with a constant."""

    kind: Annotated[Literal["linear"], Field(examples=["linear"])]
    size: Annotated[int, Field(ge=1, le=4_096, examples=[32])]


class ConvolutionLayer(Form):
    """So many images, each summed from a square window that moves over the image before."""

    kind: Annotated[Literal["conv2d"], Field(examples=["conv2d"])]
    channels: Annotated[int, Field(ge=1, le=512, examples=[8])]
    kernel: Annotated[int, Field(ge=1, le=15, examples=[3])]
    stride: Annotated[int, Field(ge=1, le=8)] = 1
    padding: Annotated[int, Field(ge=0, le=7)] = 0


class PoolLayer(Form):
    """The largest value of each square."""

    kind: Annotated[Literal["max_pool"], Field(examples=["max_pool"])]
    size: Annotated[int, Field(ge=2, le=8, examples=[2])]


class GroupNormLayer(Form):
    """An image's channels in groups, each brought to mean 0 and deviation 1."""

    kind: Annotated[Literal["group_norm"], Field(examples=["group_norm"])]
    groups: Annotated[int, Field(ge=1, le=512, examples=[4])]


class DropoutLayer(Form):
    """While training, this share of the numbers is set to 0."""

    kind: Annotated[Literal["dropout"], Field(examples=["dropout"])]
    share: Annotated[DecimalText, AfterValidator(_check_dropout), Field(examples=['"0.2"'])]


class PlainLayer(Form):
    """A layer with nothing to set."""

    kind: Annotated[Literal["relu", "tanh", "sigmoid", "layer_norm"], Field(examples=["relu"])]


class ImageShape(Form):
    """How a row's numbers make an image."""

    channels: Annotated[int, Field(ge=1, le=64)] = 1
    height: Annotated[int, Field(ge=1, le=1_000, examples=[8])]
    width: Annotated[int, Field(ge=1, le=1_000, examples=[8])]


Layer: TypeAlias = LinearLayer | ConvolutionLayer | PoolLayer | GroupNormLayer | DropoutLayer | PlainLayer


class NetworkParameters(Form):
    """Parameters of the recipe `network`; `proximal` concerns `fedprox` only, `own_epochs` parts that are `own` only."""

    layers: Annotated[
        Several[Annotated[Layer, Field(discriminator="kind")]],
        Field(max_length=50, examples=["[{kind: linear, size: 32}, {kind: relu}]"]),
    ]
    image: ImageShape | None = None
    method: Literal["fedavg", "fedprox", "fedadam", "fedyogi", "scaffold"] = "fedavg"
    rounds: Annotated[int, Field(ge=1, le=1_000)] = 20
    epochs: Annotated[int, Field(ge=1, le=100)] = 1
    batch: Annotated[int, Field(ge=1, le=1_000_000)] = 32
    learning_rate: ClipNorm = "0.1"
    server_rate: ClipNorm = "1"
    proximal: Strength = "0.01"
    decay: Annotated[DecimalText, AfterValidator(_up_to(1))] = "0.0001"
    clip: Annotated[DecimalText, AfterValidator(_up_to(1_000_000))] = "10"
    resolution: Annotated[DecimalText, AfterValidator(_up_to(1))] = "0.000001"
    seed: Annotated[int, Field(ge=0, le=2**53 - 1)] = 0
    scaling: Literal["deviation", "bounds"] = "deviation"
    weighting: Literal["rows", "members"] = "rows"
    own: Annotated[Several[Literal["head", "norms"]], AfterValidator(_check_own)] = ()
    own_epochs: Annotated[int, Field(ge=1, le=100)] = 1
    correction_epochs: Annotated[int, Field(ge=0, le=1_000)] = 2
    minimum_category_members: Annotated[int, Field(ge=1, le=100_000)] = 3
    minimum_category_rows: Annotated[int, Field(ge=1, le=1_000_000)] = 10


class NetworkRecipe(Form):
    """A network by averaging what members' own steps did."""

    name: Annotated[Literal["network"], Field(examples=["network"])]
    digest: Digest
    parameters: NetworkParameters


Recipe: TypeAlias = LogisticRecipe | NetworkRecipe | RegressionRecipe | StatisticsRecipe | TreesRecipe
