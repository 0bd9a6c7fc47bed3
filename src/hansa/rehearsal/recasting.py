"""The demo's cast for machines of their own: fewer members, no waiting, and sums without noise where they are to be compared."""

from dataclasses import replace
from typing import Any, Final

from hansa.errors import Refused
from hansa.governance import parse_charter, parse_plan
from hansa.rehearsal.play import Cast, Drama

_HASTENED: Final = ("run", "release", "admit")


def keep_largest(cast: Cast, count: int) -> Cast:
    """Return the cast with those members only that have most data.

    Args:
        cast: every member with a table, one row a line.
        count: how many; more than there are keeps all.

    Raises:
        Refused: `street.few`, fewer than the charter lets into one sum.
    """
    least = cast.charter.privacy.minimum_cohort
    if count < least:
        raise Refused(
            "street.few",
            f"the charter lets no sum over fewer than {least} members leave; {count} are too few",
        )
    rows = {f.id: f.data.read_bytes().count(b"\n") if f.data is not None else 0 for f in cast.founders}
    kept = sorted(cast.founders, key=lambda founder: (-rows[founder.id], founder.id))[:count]
    founders = tuple(sorted(kept, key=lambda founder: founder.id))
    lead = cast.lead if cast.lead in {founder.id for founder in founders} else kept[0].id
    return replace(cast, founders=founders, lead=lead, drama=Drama())


def hasten(cast: Cast) -> Cast:
    """Return the cast under a charter whose votes end as soon as no outstanding ballot can change them, with no timelock.

    On a stage the clock is put forward; between processes with clocks of their own nobody can do that.
    """
    charter: dict[str, Any] = dict(cast.charter.to_json())
    decisions = charter["decisions"]
    for name in _HASTENED:
        if name in decisions:
            decisions[name] |= {"early": True, "timelock_seconds": 0}
    return replace(cast, charter=parse_charter(charter))


def take_noise_away(cast: Cast) -> Cast:
    """Return the cast with a plan whose sums are exact, and a charter that allows it.

    Guarantees:
        What comes of such a plan depends on the members' rows and on nothing that is drawn.
    """
    charter: dict[str, Any] = dict(cast.charter.to_json())
    charter["privacy"] |= {"unnoised_sums": "allowed"}
    plan = cast.plan.to_json() | {"privacy": {"noise": "none"}}
    return replace(cast, charter=parse_charter(charter), plan=parse_plan(plan))
