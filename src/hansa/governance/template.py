"""A charter to begin with: sensible, commented, and short in its periods."""

import json
from typing import Final

DEFAULT_CLASS: Final = "member"
"""The one class of members in the default charter."""

_TEMPLATE: Final = """\
# The charter of a coalition: what its members agreed, in words and numbers that a program can check.
# Whoever joins signs exactly this. Change what does not suit you; `hansa coalition lint` says what follows from it.

version: 1                # an amendment carries the next number
name: {name}
origin: {origin}   # the name of the log, an address without https://
purpose: Learn together from the records of all members, without any record leaving its owner.
sdg: []                   # goals of the United Nations that this serves, 1 to 17

# Classes of members, and whether they vote.
classes:
  {member_class}: {{votes: true}}

# How each kind of proposal is decided. What is not listed here cannot be decided at all.
#   passes     what is enough: > or >=, a fraction, and of what: cast (yes and no), present (also
#              abstentions) or eligible (everybody who is not recused). A tie never passes.
#   quorum     the share of those eligible who must take part.
#   period     how long ballots are taken.
#   timelock   from the decision to its effect: time to object, or to leave.
#   early      decide as soon as no outstanding ballot can change the outcome.
#   veto       optional: the share of those eligible that stops a proposal by voting no.
#   by         optional: head (default), class or weight; with weight, weight_cap limits each member.
decisions:
  # Train on the members' data, by exactly one plan.
  run: {{passes: "> 1/2 of cast", quorum: 1/2, period: 2d, timelock: 1h, early: true}}
  # Let a model out, if it met the bars that its plan had set.
  release: {{passes: "> 1/2 of cast", quorum: 1/2, period: 2d, timelock: 1d}}
  # Take a new member in.
  admit: {{passes: ">= 2/3 of eligible", quorum: 1/2, period: 7d, timelock: 1d}}
  # Put a member out; the member concerned has no vote.
  expel: {{passes: ">= 2/3 of eligible", quorum: 1/2, period: 7d, timelock: 2d}}
  # Change this charter; the old rule and the new one must both be satisfied.
  amend: {{passes: ">= 2/3 of cast", quorum: 2/3, period: 14d, timelock: 7d}}

privacy:
  minimum_cohort: 3       # a sum over two hides nothing, so no run has fewer than three contributors
  unnoised_sums: allowed  # sums leave masked but without noise: no formal guarantee; or refused
  differencing: refused   # no two such runs over almost the same members: their difference would be a few's numbers
  colluding: 1/3          # of a run's members may help the hub and still learn no more than the total,
  dropouts: 1/5           # and as many may vanish in the middle of a sum
  # Runs with noise need a budget: all that they may ever learn from one member's data, together.
  # budget: {{epsilon: 8, delta: 0.00001}}

brake: {{hours: 72}}        # any member can stop a run at once, for at most this long
clock: {{tolerance: 5m}}    # a witness does not sign when the log's clock is off by more
witnesses: {{cosignatures: default}}   # more than two thirds of the members; all of them up to three

exit:
  notice: 30d
  models_already_released: keep   # or stop: what happens to a leaver's part in released models
"""


def default_charter_text(name: str, origin: str) -> str:
    """Return the text of a charter for people who have none yet.

    Args:
        name: of the coalition, one line.
        origin: the name of its log, such as `strikes.example/wildlife`.

    Guarantees:
        `load_charter` reads it, and `lint_charter` finds no error and, from four equal members on, no warning.
    """
    quoted = json.dumps(name, ensure_ascii=False)
    return _TEMPLATE.format(name=quoted, origin=origin, member_class=DEFAULT_CLASS)
