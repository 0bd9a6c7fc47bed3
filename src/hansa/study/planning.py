"""From tables and settings to a plan, as YAML that a coalition can go on with."""

import json
import re
from collections.abc import Mapping
from dataclasses import dataclass
from decimal import Decimal
from typing import Final, get_args

from hansa.errors import Refused
from hansa.governance import Charter, Plan, default_charter_text, load_charter, load_plan
from hansa.learning import recipe_digest
from hansa.node.defects import TableRefused
from hansa.rehearsal.drafting import Drafted, write_plan
from hansa.rehearsal.inspection import Inspection

RECIPES: Final[tuple[Drafted, ...]] = tuple(name for name in get_args(Drafted) if name != "regression")
"""What can be tried out: the recipes of two classes."""

DELTA: Final = "0.00001"

_BARE: Final = "\nprivacy: {noise: none}\n"
_STRATIFIED: Final = "split: {kind: stratified, seed: 0, test: 3/10}"
_BARS: Final = re.compile(r"^bars:\n(?:  - .*\n)+", re.MULTILINE)
_BUDGET: Final = "  # budget: {epsilon: 8, delta: 0.00001}"
_ORIGIN: Final = "study.example/trial"


@dataclass(frozen=True, slots=True)
class Drafting:
    """A plan, and the text that says it with a comment for every decision."""

    plan: Plan
    text: str


def draft_plan(
    inspection: Inspection, recipe: str, settings: Mapping[str, object], epsilon: str | None = None
) -> Drafting:
    """Draft a plan of what was found, with settings in place of the drafted ones.

    Args:
        inspection: of the tables.
        recipe: one of `RECIPES`.
        settings: the recipe's parameters, see docs/formats/plan.md.
        epsilon: what the run may cost each row; None for sums without noise.

    Raises:
        ValueError: there is no such recipe.
        TableRefused: the inspection found errors.
        Malformed: the plan would be wrong, with every finding.
    """
    known = next((name for name in RECIPES if name == recipe), None)
    if known is None:
        raise ValueError(f"there is no recipe `{recipe}` to try out; there are {', '.join(RECIPES)}")
    if inspection.errors:
        raise TableRefused(inspection.errors)
    text = write_plan(inspection, known)
    for name, value in settings.items():
        text = _set_parameter(text, name, _spell(value))
    if epsilon is not None:
        text = _add_noise(text, epsilon)
    return Drafting(load_plan(text, "plan", recipe_digest=recipe_digest()), text)


def draft_charter(name: str, epsilon: str | None = None) -> Charter:
    """Return the default charter, with a budget of so much for a plan with noise."""
    text = default_charter_text(name, _ORIGIN)
    if epsilon is not None:
        text = text.replace(_BUDGET, f'  budget: {{epsilon: "{epsilon}", delta: "{DELTA}"}}')
    return load_charter(text, "charter")


def _set_parameter(text: str, name: str, value: str) -> str:
    """Write a parameter where the draft has it, with its comment, or after the others."""
    line = re.compile(rf"^    {re.escape(name)}: \S+", re.MULTILINE)
    if line.search(text):
        return line.sub(lambda _: f"    {name}: {value}", text, count=1)
    return text.replace("\n  parameters:\n", f"\n  parameters:\n    {json.dumps(name)}: {value}\n", 1)


def _spell(value: object) -> str:
    """Spell a setting as a plan does: decimals are texts.

    Raises:
        TypeError: no plan holds such a value.
    """
    if hasattr(value, "item") and not isinstance(value, str):
        value = value.item()  # a scalar of NumPy
    match value:
        case bool() | int() | str():
            return json.dumps(value)
        case float():
            return json.dumps(f"{Decimal(repr(value)):f}")
        case list() | tuple():
            return f"[{', '.join(map(_spell, value))}]"
        case _:
            raise TypeError(
                f"a setting is a number, a text, a truth value or a list of these, got `{value!r}`"
            )


def _add_noise(text: str, epsilon: str) -> str:
    noise = f'\nprivacy: {{noise: discrete-gaussian, epsilon: "{epsilon}", delta: "{DELTA}", unit: row}}\n'
    if _BARE not in text:
        raise Refused("study.noise", "this plan has no place for noise")
    text = text.replace(_BARE, noise, 1).replace(_STRATIFIED, _STRATIFIED.replace("stratified", "rows"), 1)
    return _BARS.sub('bars:\n  - {metric: auc_pooled_together, at_least: "0.70"}\n', text, count=1)
