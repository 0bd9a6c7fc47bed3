"""One member's side on a stage: its key, its fold, its voice, its trainer, its data, in a folder of its own."""

import shutil
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from hansa import entropy
from hansa.engine import parse_frame
from hansa.errors import HansaError, Unavailable
from hansa.governance import Budget, Plan
from hansa.learning import Rows
from hansa.node import Follower, Trainer, Voter
from hansa.node.mapping import MAPPING_FILE
from hansa.node.owntable import find_data, name_copy
from hansa.node.rundata import RunData
from hansa.store import read_seed, write_seed

KEY_FILE: Final = "key"
NEXT_FILE: Final = "key.next"
KEYS_FOLDER: Final = "keys"


@dataclass(frozen=True, slots=True)
class Founder:
    """Who founds: what the record will say, except the key, and the file with the data (or None)."""

    id: str
    name: str
    member_class: str
    country: str
    voting_weight: int
    data: Path | None
    budget: Budget | None = None
    """What may ever be learned from the data, where it wants less than the charter allows."""
    mapping: Path | None = None
    """The file that says how the data become the columns of plans, where they are not read as they are."""


class Actor:
    """One member's side: its key, its fold, its voice, its trainer, its data. Shares nothing with the others."""

    def __init__(self, member: str, folder: Path, clock: Callable[[], int]) -> None:
        self.member = member
        self.folder = folder
        self.key = read_seed(folder / KEY_FILE)
        self.follower = Follower(member, self.key, clock, folder)
        self.voter = Voter(member, self.key)
        self.trainer = Trainer(member, self.key, self.follower, self._load, entropy.draw, folder=folder)
        self._silent_from: int | None = None

    @property
    def data(self) -> Path | None:
        """The member's table, or None for a member without data."""
        return find_data(self.folder)

    def fall_silent(self, first: int) -> None:
        """Let the machine beside the data be out of reach from a round on; whoever follows the record stays.

        Args:
            first: the round, from 1, before whose numbers it is gone; a run that ends earlier never misses it.
        """
        self._silent_from = first

    def receive(self, message: bytes) -> bytes:
        """Answer one message of a run's coordinator.

        Raises:
            Unavailable: the machine has fallen silent.
        """
        if self._silent_from is not None:
            reached = parse_frame(message).fields.get("round", 0)
            if isinstance(reached, int) and reached >= self._silent_from:
                # For good: to come back in a later round would be another story.
                self._silent_from = 0
                raise Unavailable(f"the machine of `{self.member}` does not answer")
        return self.trainer.receive(message)

    def count_rows(self, plan: Plan) -> int:
        """Return how many rows of a plan this member holds; 0 when its table cannot be read, whose rows were in no total."""
        try:
            rows = self._load(plan)
        except HansaError:
            return 0
        return len(rows.train) + len(rows.test)

    def _load(self, plan: Plan) -> Rows:
        return RunData(self, lambda: self.follower.state).load(plan)


def make_house(folder: Path, data: Path | None, mapping: Path | None = None) -> None:
    """Make a member's folder with a fresh key and a copy of its table and its mapping, whole or not at all."""
    unfinished = folder.with_name(f".{folder.name}.unfinished")
    shutil.rmtree(unfinished, ignore_errors=True)
    unfinished.mkdir(parents=True)
    write_seed(unfinished / KEY_FILE)
    if data is not None:
        shutil.copyfile(data, unfinished / name_copy(data))
    if mapping is not None:
        shutil.copyfile(mapping, unfinished / MAPPING_FILE)
    unfinished.rename(folder)
