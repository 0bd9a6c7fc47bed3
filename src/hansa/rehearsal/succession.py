"""Another hub for a stage: drafted by one member, signed by enough, and then in the place of the one before.

FOLDER/hub.next/        the new hub's key, and its log while it is made
FOLDER/hub.before-<n>/  a hub that was replaced after n entries
"""

from collections.abc import Sequence
from pathlib import Path
from typing import Final

from hansa.coalition import draft_handover, read_handover
from hansa.hub import take_over
from hansa.rehearsal.actor import KEY_FILE
from hansa.rehearsal.stage import HUB, NEXT_HUB, Stage
from hansa.store import read_seed, write_seed
from hansa.transparency import Envelope, SigningKey

LOG_FILE: Final = "log.sqlite"


def draft_succession(
    stage: Stage, member: str, addresses: Sequence[str], *, instead: bool = False
) -> Envelope:
    """Draw a key for the next hub, and let a member draft the handover to it.

    Raises:
        Refused: as `Follower.sign_handover`.
    """
    actor = stage.actor(member)
    stage.catch_up(actor)
    log_key = draw_log_key(stage.folder / NEXT_HUB)
    handover = draft_handover(
        actor.follower.state, author=member, key=actor.key, log_key=log_key.public, addresses=addresses
    )
    return actor.follower.sign_handover(handover.sign(log_key), instead=instead)


def draw_log_key(hub: Path) -> SigningKey:
    """Return the log key of a hub's folder; drawn, with the folder, when there is none."""
    hub.mkdir(exist_ok=True, mode=0o700)
    if not (hub / KEY_FILE).exists():
        write_seed(hub / KEY_FILE)
    return read_seed(hub / KEY_FILE)


def sign_succession(
    stage: Stage, handover: Envelope, members: Sequence[str], *, instead: bool = False, drop: bool = False
) -> Envelope:
    """Let members sign a handover, each on its own view of the log."""
    for name in members:
        actor = stage.actor(name)
        stage.catch_up(actor)
        handover = actor.follower.sign_handover(handover, instead=instead, drop=drop)
    return handover


def succeed(folder: Path, handover: Envelope) -> int:
    """Put the next hub in the place of the present one, and let every member turn to it.

    Args:
        folder: of a stage that is not open.
        handover: signed by enough members.

    Returns:
        The number of the handover's entry.

    Raises:
        Malformed, Refused: as `take_over`; the hub stays as it was.
    Guarantees:
        Killed at any moment, the stage opens with one of both hubs. Nothing that was final is lost: from the moment when
        too many have signed the handover, nothing becomes final under the hub before.
    """
    next_hub, size = folder / NEXT_HUB, read_handover(handover).size
    with Stage.open(folder) as stage:
        path = next_hub / LOG_FILE
        path.unlink(missing_ok=True)
        take_over(path, stage.sequencer.leaves(), handover, read_seed(next_hub / KEY_FILE), stage.now)
    (folder / HUB).rename(folder / f"{HUB}.before-{size}")
    next_hub.rename(folder / HUB)
    with Stage.open(folder) as stage:
        stage.settle()
    return size
