"""The stage: a whole coalition in one folder, its hub and each member's side, on one machine.

Everything on it is the real thing: keys, log, folds, cosignatures, secure sums. Only two things are not
as in a coalition between houses: all keys lie in one folder, and the clock can be put forward so that
nobody has to wait a week for a vote. The members share nothing but bytes.

    FOLDER/
      stage.json            the clock's offset
      hub/                  log.sqlite and the hub's key
      log/                  the published log: `hansa verify FOLDER/log`
      blobs/                models and reports, named by digest
      members/<id>/         key, witness memory, data, private reports
"""

import json
import shutil
import time
from collections.abc import Mapping, Sequence
from pathlib import Path
from types import TracebackType
from typing import Final, Self

from hansa import entropy
from hansa.coalition import (
    ZERO_DIGEST,
    Body,
    Found,
    LogKey,
    State,
    Tick,
    make_entry,
    write_acknowledgement,
)
from hansa.errors import Malformed, Refused, Unavailable
from hansa.governance import Charter, Member
from hansa.hub import LATEST, Sequencer
from hansa.node import Voter
from hansa.rehearsal.actor import KEY_FILE, KEYS_FOLDER, NEXT_FILE, Actor, Founder, make_house
from hansa.store import BlobStore, LogStore, read_seed, write_seed
from hansa.transparency import MAX_LEAF_BYTES, Envelope, SigningKey, canonical, format_instant

STAGE_FILE: Final = "stage.json"
README_FILE: Final = "README.txt"
HUB: Final = "hub"
NEXT_HUB: Final = "hub.next"


class Stage:
    """A coalition in one folder. Use `found` or `open`, and close it, or use `with`.

    Raises:
        Unavailable: the folder cannot be read or written, or another process has it open.
    """

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self._offset = _read_offset(folder / STAGE_FILE)
        self._store = LogStore.open(folder / "hub" / "log.sqlite")
        self.sequencer = Sequencer(self._store, read_seed(folder / "hub" / KEY_FILE), self.now)
        self.blobs = BlobStore(folder / "blobs")
        self.actors = {
            path.name: Actor(path.name, path, self.now)
            for path in sorted((folder / "members").iterdir())
            if path.is_dir() and not path.name.startswith(".")
        }

    @classmethod
    def open(cls, folder: Path) -> Self:
        """Open a coalition and let every member replay what it had followed before."""
        if is_half_founded(folder):
            raise Unavailable(describe_half_founded(folder))
        if not (folder / STAGE_FILE).is_file():
            raise Unavailable(
                f"`{folder}` holds no coalition; found one with `hansa coalition found CHARTER --folder {folder}`"
            )
        if not (folder / HUB).exists() and (folder / NEXT_HUB).is_dir():
            (folder / NEXT_HUB).rename(
                folder / HUB
            )  # the machine stopped between the two steps of a succession
        stage = cls(folder)
        if stage.sequencer.checkpoint is None:
            stage.close()
            raise Unavailable(describe_half_founded(folder))
        try:
            for name in stage.actors:
                stage.take_up_key(name)
            for actor in stage.active:
                stage.catch_up(actor)
        except BaseException:
            stage.close()
            raise
        return stage

    @classmethod
    def found(
        cls, folder: Path, charter: Charter, founders: Sequence[Founder], lead: str, *, readme: str = ""
    ) -> Self:
        """Make the folder, a key for the hub and each founder, and let all founders sign the charter.

        Args:
            folder: must not exist, or be empty.
            charter: version 1.
            founders: at least two; their data files are copied into their folders.
            lead: the founder that writes the `found` entry.
            readme: the content of `README.txt`, written before anything else; nothing is written for "".

        Raises:
            Refused: `stage.exists`; `found.size`, see `verify_founding_fits`; or what the fold says of the charter
                and the founders.
        Guarantees:
            When it raises, the folder is as it was before.
        """
        if folder.exists() and any(folder.iterdir()):
            raise Refused("stage.exists", f"`{folder}` is not empty; name a new folder")
        verify_founding_fits(charter, founders)
        was_there = folder.exists()
        place = folder.resolve()  # a symbolic link stays where it is
        stage: Self | None = None
        try:
            _lay_out(folder, founders, readme)
            stage = cls(folder)
            stage._sequence_found(charter, founders, lead)
            stage.settle()
        except BaseException:
            if stage is not None:
                stage.close()
            shutil.rmtree(place, ignore_errors=True)
            if was_there:
                place.mkdir(exist_ok=True)
            raise
        return stage

    def _sequence_found(self, charter: Charter, founders: Sequence[Founder], lead: str) -> None:
        keys = {founder.id: self.actors[founder.id].key for founder in founders}
        hub_key = read_seed(self.folder / "hub" / KEY_FILE)
        self.sequencer.submit(_write_founding(charter, founders, lead, keys, hub_key))

    def describe(self, founder: Founder) -> Member:
        """Return what the record will say of a founder or newcomer whose folder exists."""
        return describe_founder(founder, self.actors[founder.id].key)

    def enrol(self, newcomer: Founder) -> Member:
        """Make the folder and key of a newcomer, who is no member until it is admitted."""
        if newcomer.id in self.actors:
            raise Refused("admit.known", f"`{newcomer.id}` is here already")
        make_house(self.folder / "members" / newcomer.id, newcomer.data, newcomer.mapping)
        self.actors[newcomer.id] = Actor(newcomer.id, self.folder / "members" / newcomer.id, self.now)
        return self.describe(newcomer)

    # -- the clock ---------------------------------------------------------------------------------------------

    def now(self) -> int:
        """Return Unix seconds on this stage's clock."""
        return int(time.time()) + self._offset

    def forward(self, seconds: int) -> None:
        """Put the clock forward, and let a member note it on the record with a `tick`.

        Raises:
            ValueError: `seconds` is negative; the log's clock never runs back.
            Refused: `stage.clock`, the year 9999 would be over; nothing has changed.
        """
        if seconds < 0:
            raise ValueError("a clock is only put forward")
        if self.now() + seconds > LATEST:
            raise Refused(
                "stage.clock", f"a log's clock ends with the year 9999; {seconds} seconds are too many"
            )
        self._offset += seconds
        _write_json(self.folder / STAGE_FILE, {"clock_offset_seconds": self._offset})
        self.settle()

    # -- the record --------------------------------------------------------------------------------------------

    @property
    def state(self) -> State:
        """The hub's fold. Members act on their own."""
        return self.sequencer.state

    @property
    def active(self) -> tuple[Actor, ...]:
        """The active members' sides, in order of id."""
        return tuple(self.actors[m.id] for m in self.state.active_members if m.id in self.actors)

    @property
    def voices(self) -> tuple[str, ...]:
        """The active members that can be spoken for here, by id."""
        return tuple(actor.member for actor in self.active)

    @property
    def log(self) -> Path:
        """The published log, which anybody can verify."""
        return self.folder / "log"

    def actor(self, member: str) -> Actor:
        """Return a member's side.

        Raises:
            Refused: `author.unknown`.
        """
        if member not in self.actors:
            known = ", ".join(sorted(self.actors))
            raise Refused("author.unknown", f"`{member}` is not a member here; there are {known}")
        return self.actors[member]

    def say(self, speaker: str, *bodies: Body) -> int:
        """Let a member write entries on its own fold and key, sequence them, and return the first one's number.

        Args:
            speaker: a member, or a member and the name of a key that it delegates to, `ada/clara`.
            bodies: what it says.

        Raises:
            Refused: `author.unknown`, `key.unknown`, or what the fold says.
        """
        member, _, name = speaker.partition("/")
        actor = self.actor(member)
        self.catch_up(actor)
        voter = actor.voter
        if name:
            path = actor.folder / KEYS_FOLDER / name
            if name not in actor.follower.state.members[member].delegates or not path.is_file():
                raise Refused("key.unknown", f"there is no key `{speaker}` here; see `hansa member key list`")
            voter = Voter(member, read_seed(path))
        return self.sequencer.submit(*voter.write(actor.follower.state, *bodies))

    def take_up_key(self, member: str) -> None:
        """Let a member go on with the main key that it changed to, once the record has it."""
        folder = self.actor(member).folder
        record, path = self.state.members.get(member), folder / NEXT_FILE
        if path.is_file() and record is not None and read_seed(path).public == record.key:
            path.replace(folder / KEY_FILE)
            self.actors[member] = Actor(member, folder, self.now)

    def sequence(self, envelopes: Sequence[Envelope]) -> int:
        """Sequence entries that members have signed already."""
        return self.sequencer.submit(*envelopes)

    def settle(self) -> None:
        """Let newcomers acknowledge, every active member follow the log and cosign its head; keep that, publish."""
        stale = self.now() - self.state.at > self.state.charter.clock.tolerance_seconds // 2
        if stale and self.active:
            self.say(self.active[0].member, Tick())
        for name in sorted(self.state.newcomers.keys() & self.actors.keys()):
            actor = self.actors[name]
            self.catch_up(actor)
            self.say(name, write_acknowledgement(actor.follower.state, name))
        note = self.sequencer.sign_checkpoint()
        for actor in self.active:
            actor.follower.follow(self.sequencer.leaves(actor.follower.size), note.encode())
        note = self.sequencer.keep(note, [actor.follower.cosign() for actor in self.active])
        for actor in self.active:
            actor.follower.confirm(note.encode())
        self.sequencer.publish(self.log)

    def catch_up(self, actor: Actor) -> None:
        """Show one member what is new; it folds and checks alone."""
        leaves = self.sequencer.leaves(actor.follower.size)
        if leaves:
            actor.follower.follow(leaves, self.sequencer.sign_checkpoint().encode())

    # -- the end -----------------------------------------------------------------------------------------------

    def close(self) -> None:
        """Close the log."""
        self._store.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()


def is_half_founded(folder: Path) -> bool:
    """Say whether somebody began to found a coalition in a folder, and was killed before it stood."""
    hub = folder / "hub"
    return (hub / KEY_FILE).is_file() and not (
        (folder / STAGE_FILE).is_file() and (hub / "log.sqlite").is_file()
    )


def describe_half_founded(folder: Path) -> str:
    """Say what a half-founded folder is good for."""
    return f"the founding of the coalition in `{folder}` was interrupted; remove the folder and found it anew"


def verify_founding_fits(charter: Charter, founders: Sequence[Founder]) -> None:
    """Check that the first entry, which holds every founder's name, key and signature, is not too long.

    Raises:
        Refused: `found.size`, saying how many founders fit.
    """
    if len(founders) < 2 or (size := _measure_founding(charter, founders)) <= MAX_LEAF_BYTES:
        return
    few = _measure_founding(charter, founders[:1])
    each = (size - few) / (len(founders) - 1)
    fit = 1 + max(0, int((MAX_LEAF_BYTES - few) / each))
    raise Refused(
        "found.size",
        f"{len(founders)} organisations are too many for one founding, about {fit} fit; found the coalition with "
        "fewer, and let it admit the others",
    )


def _measure_founding(charter: Charter, founders: Sequence[Founder]) -> int:
    """Return the length of the leaf that would found this coalition, bytes, with keys that nobody keeps."""
    keys = {founder.id: SigningKey.from_seed(entropy.draw(32)) for founder in founders}
    some_key = SigningKey.from_seed(entropy.draw(32))
    lead = max((founder.id for founder in founders), key=len)
    entry = _write_founding(charter, founders, lead, keys, some_key)
    return len(canonical.encode({"at": format_instant(LATEST), "entry": entry.to_json()}))


def _write_founding(
    charter: Charter,
    founders: Sequence[Founder],
    lead: str,
    keys: Mapping[str, SigningKey],
    hub_key: SigningKey,
) -> Envelope:
    """Return the `found` entry, signed by every founder."""
    members = sorted(
        (describe_founder(founder, keys[founder.id]) for founder in founders), key=lambda m: m.id
    )
    body = Found(
        charter=charter.to_json(),
        log=LogKey(key=hub_key.public.encode()),
        members=[member.to_json() for member in members],
    )
    return make_entry(
        body,
        coalition=ZERO_DIGEST,
        author=lead,
        seq=0,
        prev=ZERO_DIGEST,
        keys=tuple(keys[member.id] for member in members),
    )


def describe_founder(founder: Founder, key: SigningKey) -> Member:
    """Return what the record says of a founder with this key."""
    return Member(
        id=founder.id,
        name=founder.name,
        member_class=founder.member_class,
        country=founder.country,
        voting_weight=founder.voting_weight,
        key=key.public.encode(),
        budget=founder.budget,
    )


def _lay_out(folder: Path, founders: Sequence[Founder], readme: str) -> None:
    try:
        folder.mkdir(parents=True, exist_ok=True)
        if readme:
            # First, so that a rehearsal that is killed right now is still known to be one.
            (folder / README_FILE).write_text(readme, encoding="utf-8")
        (folder / "hub").mkdir()
        write_seed(folder / "hub" / KEY_FILE)
        for founder in founders:
            make_house(folder / "members" / founder.id, founder.data, founder.mapping)
        LogStore.create(folder / "hub" / "log.sqlite").close()
        _write_json(folder / STAGE_FILE, {"clock_offset_seconds": 0})
    except OSError as error:
        raise Unavailable(f"`{folder}` cannot be written: {error.strerror}") from error


def _read_offset(path: Path) -> int:
    try:
        value = json.loads(path.read_text(encoding="utf-8"))["clock_offset_seconds"]
    except OSError as error:
        raise Unavailable(f"`{path}` cannot be read: {error.strerror}") from error
    except (ValueError, KeyError, TypeError):
        raise Malformed("stage.file", f"`{path}` does not say `clock_offset_seconds`") from None
    if not isinstance(value, int) or value < 0:
        raise Malformed("stage.file", f"`{path}`: `clock_offset_seconds` is a whole number from 0")
    return value


def _write_json(path: Path, value: Mapping[str, object]) -> None:
    new = path.with_suffix(".new")
    new.write_text(json.dumps(value, indent=1) + "\n", encoding="utf-8")
    new.replace(path)
