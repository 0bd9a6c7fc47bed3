"""A whole coalition on one machine: to try out whether it would pay, before anybody signs.

Everything is the real thing: keys, record, folds, votes, secure sums. Only the clock is put forward and all
keys lie in one folder; so this room may see every member's private figures, and says so wherever it shows them.
A `Street` is the other form: hub and houses as processes that share nothing but HTTPS, with nobody's clock put forward.
The room decides nothing itself: what is permitted, counted or proven comes from the rooms below.

Typical use::

    played = play(Path("out"), cast_birds(Path("out-data")), Spoken(Console()))
    print(played.log)                            # `hansa verify` replays it alone
"""

from hansa.rehearsal.actor import Founder
from hansa.rehearsal.casting import cast_birds, cast_folder, read_charter, read_plan
from hansa.rehearsal.narration import Narrator, Silent, Spoken
from hansa.rehearsal.play import Cast, Drama, Played, play
from hansa.rehearsal.pricing import price_accuracy
from hansa.rehearsal.runner import Ran, conduct_run
from hansa.rehearsal.stage import Stage

__all__ = [
    "Cast",
    "Drama",
    "Founder",
    "Narrator",
    "Played",
    "Ran",
    "Silent",
    "Spoken",
    "Stage",
    "cast_birds",
    "cast_folder",
    "conduct_run",
    "play",
    "price_accuracy",
    "read_charter",
    "read_plan",
]
