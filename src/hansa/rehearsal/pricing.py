"""What a plan's noise would do to what it makes, tried out on a folder of tables before anybody votes."""

from pathlib import Path
from typing import Final

import numpy as np

from hansa.errors import Refused
from hansa.governance import Charter, Plan, derive_sharing
from hansa.learning import Accuracy, Price, Vector, rehearse_price, rehearse_statistics
from hansa.node import load_rows
from hansa.rehearsal.casting import find_tables, name_members, stem_of

DRAWS: Final = 5


def price_accuracy(folder: Path, plan: Plan, charter: Charter) -> Price | Accuracy:
    """Compute what a plan names on everybody's tables, without noise and with the noise that it declares.

    The noise is drawn from a fixed seed, because nothing here is hidden, and asking twice should not differ.

    Args:
        folder: holds one table per organisation, as for a rehearsal.
        plan: it adds noise.
        charter: it says what is assumed of colluders and dropouts.

    Returns:
        What noise and clipping do to a model; or how far statistics are from those of all rows in one place.

    Raises:
        Refused: `rehearsal.noise`, the plan adds none; `rehearsal.few`, fewer than three tables; or what the recipe
            refuses.
        TableRefused, Unavailable: a table does not meet the plan, or cannot be read.
    """
    if plan.privacy.noise == "none":
        raise Refused(
            "rehearsal.noise",
            "the plan adds no noise, so there is no accuracy to pay; leave `--rehearse` out",
        )
    by_name = {stem_of(path): path for path in find_tables(folder)}
    if len(by_name) < 3:
        raise Refused(
            "rehearsal.few", f"`{folder}` holds {len(by_name)} tables, and sums hide nothing below 3"
        )
    members = [load_rows(by_name[name], plan, member) for member, name in name_members(by_name).items()]
    sharing = derive_sharing(len(members), charter.privacy.colluding, charter.privacy.dropouts)
    required = max(
        sharing.required, min(len(members), max(plan.cohort.minimum, charter.privacy.minimum_cohort))
    )
    honest = sharing.count_honest(required)
    generator = np.random.default_rng(0)

    def draw(deviation: float, count: int) -> Vector:
        return generator.normal(size=count) * deviation

    if plan.label is None:
        return rehearse_statistics(plan.to_json(), members, honest=honest, draws=DRAWS, draw=draw)
    budget = (plan.privacy.epsilon, plan.privacy.delta)
    (price,) = rehearse_price(plan.to_json(), members, [budget], honest=honest, draws=DRAWS, draw=draw)
    return price
