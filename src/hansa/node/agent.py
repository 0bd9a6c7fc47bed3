"""The agent: a member's node at work. It follows, witnesses, answers approved runs, and speaks when its people say so.

Four kinds of threads share one follower, one outbox and one way to the hub: the watch changes the fold, the courier
brings what was signed, each seat attends one run, and the steward does what nobody has to ask for.
"""

import time
from collections import deque
from collections.abc import Callable, Mapping, Sequence
from functools import partial
from threading import Event, Thread
from typing import Any, Final

from hansa.coalition import Body, Key, State, Tick, draft_handover, introduce_key, write_acknowledgement
from hansa.errors import HansaError, Malformed, Refused, Unavailable
from hansa.node.courier import Courier
from hansa.node.duty import find_tick
from hansa.node.follower import Follower
from hansa.node.house import House, hold_house
from hansa.node.journal import Journal
from hansa.node.keyring import Keyring
from hansa.node.mirror import Mirror
from hansa.node.outbox import Outbox
from hansa.node.remote import Remote, fetch_authority
from hansa.node.runs import Runs
from hansa.node.succession import change_hub, renew_authority
from hansa.node.trust import open_trust
from hansa.node.watch import Watch
from hansa.store import read_seed
from hansa.transparency import Envelope, PublicKey, format_instant, parse_leaf

WAIT_SECONDS: Final = 25
"""How long the hub may wait with a new checkpoint."""

ROUND_SECONDS: Final = 1.0
"""Between two looks of the steward at what there is to do."""

_SHORTEST_PAUSE: Final = 0.5
_LONGEST_PAUSE: Final = 5.0
_PROBLEMS: Final = 20


class Agent:
    """One member's node.

    Args:
        house: its folder.
        keyring: its main keys.
        clock: returns Unix seconds.
        draw: the operating system's generator.
        journal: where it is noted what happens.

    Raises:
        Unavailable: the coalition is not founded yet, or the disk fails.
        Malformed, Refused: what lies in the house is damaged, or is not what this member cosigned.
    """

    def __init__(
        self,
        house: House,
        keyring: Keyring,
        *,
        clock: Callable[[], int],
        draw: Callable[[int], bytes],
        journal: Journal,
    ) -> None:
        if house.settings.coalition is None:
            raise Unavailable(
                f"the coalition of `{house.folder}` is not founded yet; `hansa coalition join` goes on with it"
            )
        self.house = house
        # INVARIANT: one node at a time in a house; two would sign one place of the chain twice.
        self._lock = hold_house(house)
        self._keyring = keyring
        self._clock = clock
        self._draw = draw
        self._journal = journal
        self._stop = Event()
        self._threads: list[Thread] = []
        self._problems: deque[Mapping[str, Any]] = deque(maxlen=_PROBLEMS)
        self._contact: tuple[int, str] = (0, "")
        self._fresh = Event()
        mirror = Mirror(house.log)
        self._follower = Follower(house.member, keyring.key, clock, house.folder, self._keep_with(mirror))
        self._outbox = Outbox(house.member, keyring, lambda: self._follower.state, clock, house.folder)
        self._remote = self._reach()
        self._watch = Watch(self._follower, mirror, self._remote, journal, fetched=self._take)
        self._courier = Courier(self._outbox, self._watch, self._remote, journal, self._stop)
        self._runs = Runs(
            house,
            keyring,
            self._follower,
            self._courier,
            self._remote,
            draw=draw,
            journal=journal,
            report=self._report,
            stop=self._stop,
        )
        try:
            self._watch.begin()
            if self._follower.size:
                self._take_up_key()
                self._outbox.settle(self._follower.state)
        except BaseException:
            self._remote.close()
            self._lock.release()
            raise

    # -- its life ----------------------------------------------------------------------------------------------

    def start(self) -> None:
        """Begin to work."""
        for work in (self._follow, self._courier.work, self._keep_house):
            thread = Thread(target=work, name=getattr(work, "__name__", "work"), daemon=True)
            thread.start()
            self._threads.append(thread)

    def stop(self, seconds: float = 0.5) -> None:
        """Stop working. What was begun and not finished is picked up when the node begins again."""
        self._stop.set()
        self._fresh.set()
        self._courier.wake()
        end = time.monotonic() + seconds
        for thread in self._threads:
            thread.join(max(0.0, end - time.monotonic()))
        if not any(thread.is_alive() for thread in self._threads):
            self._remote.close()
            self._lock.release()
        self._journal.note("stopped")

    # -- what its people ask -----------------------------------------------------------------------------------

    def say(self, bodies: Sequence[Body], seconds: float, name: str = "") -> tuple[int, ...]:
        """Write entries in the member's name, and return their numbers on the log; see `Courier.say_and_wait`.

        Args:
            bodies: what to say.
            seconds: how long to wait for the log.
            name: of a key in the house that the member delegates to; empty for the main key.

        Raises:
            Refused: `key.unknown`, there is no such key here.
        """
        key = None
        if name:
            path = self.house.keys / name
            if name not in self._follower.state.members[self.house.member].delegates or not path.is_file():
                raise Refused("key.unknown", f"there is no key `{self.house.member}/{name}` in this house")
            key = read_seed(path)
        return self._courier.say_and_wait(bodies, seconds, key)

    def rotate_key(self, passphrase: bytes | None, seconds: float) -> int:
        """Put a new main key in the place of the old one, and return the number of the entry that says so.

        Args:
            passphrase: that of the main key, or None where it has none; the new one gets the same.
            seconds: how long to wait for the log.

        Raises:
            Refused: `key.passphrase`.
            Unavailable: one is being changed already, and the hub has not taken it; or as `say`.
        """
        if any(
            isinstance(body := waiting.entry.body, Key) and body.act == "rotate"
            for waiting in self._outbox.waiting
        ):
            raise Unavailable(
                "a new key is signed already; the node goes on with it as soon as the hub has taken it"
            )
        successor = self._keyring.draw_successor(passphrase, self._draw)
        (number,) = self._courier.say_and_wait(
            (introduce_key(self._follower.state.coalition, self.house.member, successor),), seconds
        )
        return number

    def draft_handover(self, log_key: PublicKey, addresses: Sequence[str], *, instead: bool) -> Envelope:
        """Write and sign a handover to another hub, after everything that this node has folded."""
        handover = draft_handover(
            self._follower.state,
            author=self.house.member,
            key=self._keyring.key,
            log_key=log_key,
            addresses=addresses,
        )
        return self.sign_handover(handover, instead=instead, drop=False)

    def sign_handover(self, handover: Envelope, *, instead: bool, drop: bool) -> Envelope:
        """Sign a handover to another hub, and cosign nothing more of the present one."""
        signed = self._watch.sign_handover(handover, instead=instead, drop=drop)
        self._journal.note("handover-signed", entry=handover.id[:16])
        return signed

    def turn_to_hub(self, handover: Envelope) -> tuple[str, ...]:
        """Follow another hub from now on, amid whatever is under way; see `Watch.turn`."""
        fetch = partial(fetch_authority, proxy=self.house.settings.proxy)

        def change(state: State) -> tuple[str, ...]:
            addresses = change_hub(self.house, state, handover, fetch)
            self._remote.renew(open_trust(self.house.settings.authority), addresses)
            return addresses

        return self._watch.turn(handover, change)

    def describe(self) -> dict[str, Any]:
        """Return how the node does."""
        follower = self._follower
        state = follower.state if follower.size else None
        reached_at, problem = self._contact
        return {
            "member": self.house.member,
            "coalition": self.house.settings.coalition,
            "hub": self._remote.address,
            "follows": not self._has_left,
            "reached_at": format_instant(reached_at) if reached_at else None,
            "hub_problem": problem or None,
            "standing": None
            if state is None or self.house.member not in state.members
            else state.members[self.house.member].status,
            "entries": follower.size,
            "final": follower.final_size,
            "at": None if state is None else format_instant(state.at),
            "outbox": [waiting.entry.kind for waiting in self._outbox.waiting],
            "outbox_problem": None if self._courier.problem is None else str(self._courier.problem),
            "runs": list(self._runs.seats),
            "problems": list(self._problems),
        }

    def describe_run(self, run_id: str) -> dict[str, Any]:
        """Return how far an attempt is, here and at the hub.

        Raises:
            Refused: `run.unknown`.
        """
        run = self._follower.state.runs.get(run_id)
        if run is None:
            raise Refused(
                "run.unknown", f"the log that `{self.house.member}` follows holds no run `{run_id}`"
            )
        seat = self._runs.seats.get(run_id)
        told: Mapping[str, Any] | None = None
        if run.status == "open":
            try:
                told = self._remote.read_run(run_id)
            except HansaError as error:
                self._journal.note("run-unknown", run=run_id[:16], rule=getattr(error, "rule", "unavailable"))
        return {
            "run": run_id,
            "status": run.status,
            "is_final": run.number < self._follower.final_size,
            "turn": 0 if seat is None else seat.turn,
            "problem": None if seat is None or seat.problem is None else str(seat.problem),
            "hub": told,
        }

    # -- the watch's thread ------------------------------------------------------------------------------------

    def _follow(self) -> None:
        pause = _SHORTEST_PAUSE
        while not self._stop.wait(self._watch.count_pause()):
            if self._has_left:
                self._say_goodbye()
                return
            try:
                self._renew_trust()
                if self._watch.step(WAIT_SECONDS):
                    self._fresh.set()
                    self._courier.wake()
                if self._contact[1]:
                    self._courier.resume()
                self._contact = (self._clock(), "")
                pause = _SHORTEST_PAUSE
            except HansaError as error:
                self._contact = (self._contact[0], str(error))
                self._report("hub", error)
                self._stop.wait(pause)
                pause = min(_LONGEST_PAUSE, 2 * pause)

    @property
    def _has_left(self) -> bool:
        """Whether the own fold says that the member belongs no longer, and nobody can take that back."""
        if not self._follower.size or not self._watch.is_final:
            return False
        record = self._follower.state.members.get(self.house.member)
        return record is not None and not record.belongs

    def _say_goodbye(self) -> None:
        """Ask the hub for nothing more; what was said after the last word can never follow."""
        try:
            self._outbox.give_up(self._follower.state)
        except Unavailable as error:
            self._report("outbox", error)
        self._journal.note("left", standing=self._follower.state.members[self.house.member].status)

    def _take(self, first: int, leaves: tuple[bytes, ...]) -> None:
        try:
            self._take_up_key()
        except Unavailable as error:
            self._report("key", error)
        try:
            self._courier.settle(first, leaves)
        except Refused as refusal:
            self._report("outbox", refusal)

    def _take_up_key(self) -> None:
        """Go on with the main key that the member changed to, once the own fold has it."""
        record = self._follower.state.members.get(self.house.member)
        if record is not None and self._keyring.take_up(record.key):
            self._follower.take_up(self._keyring.key)
            self._journal.note("key-taken-up", key=record.key.fingerprint[:16])

    # -- the steward's thread ----------------------------------------------------------------------------------

    def _keep_house(self) -> None:
        while not self._stop.is_set():
            self._fresh.wait(ROUND_SECONDS)
            self._fresh.clear()
            if not self._watch.is_current or self._stop.is_set():
                continue
            for duty in (
                self._acknowledge,
                self._note_time,
                self._runs.enter,
                self._runs.fetch_blobs,
                self._runs.forget,
            ):
                try:
                    duty(self._follower.state)
                except HansaError as error:
                    self._report("steward", error)

    def _acknowledge(self, state: State) -> None:
        """Say that the own fold came to the state of everybody, once the member is admitted; before it counts nowhere."""
        if self.house.member in state.newcomers and not self._outbox.waiting:
            self._courier.say(write_acknowledgement(state, self.house.member))

    def _note_time(self, state: State) -> None:
        due = find_tick(state, self.house.member, self._clock(), is_late=self._watch.is_late)
        # A tick under way is not followed by another one before it is seen.
        if due is not None and due <= self._clock() and not self._outbox.waiting:
            self._courier.say(Tick())

    # -- the hub -----------------------------------------------------------------------------------------------

    def _reach(self) -> Remote:
        settings = self.house.settings
        return Remote(
            settings.hub,
            open_trust(settings.authority),
            member=settings.member,
            keyring=self._keyring,
            clock=self._clock,
            draw=self._draw,
            pause=self._stop.wait,
            proxy=settings.proxy,
        )

    def _keep_with(self, mirror: Mirror) -> Callable[[int, Sequence[bytes], str], None]:
        """Return what writes the mirror, once the first entry is found to be that of this house's coalition."""

        def keep(first: int, leaves: Sequence[bytes], note_text: str) -> None:
            expected = self.house.settings.coalition
            if first == 0 and (found := parse_leaf(leaves[0]).envelope.id) != expected:
                raise Refused(
                    "node.coalition",
                    f"the hub shows the log of the coalition `{found}`, and this house belongs to `{expected}`",
                )
            mirror.extend(first, leaves, note_text)

        return keep

    def _renew_trust(self) -> None:
        """Believe only the authority that has the log's key on the record, which is another one when a hub has taken over.

        Raises:
            Refused: `authority.key`, whoever answers at the hub's address is not the log's hub.
            Unavailable: nobody answers.
        """
        if self._follower.size:
            log_key = self._follower.state.log_key
            if renew_authority(self.house, log_key, partial(fetch_authority, self._remote.address)):
                self._remote.renew(open_trust(self.house.settings.authority))
                self._journal.note("authority", key=log_key.fingerprint[:16])

    def _report(self, where: str, error: Exception) -> None:
        """Show the people of the house what went wrong; the journal, which others may read, gets the rule alone."""
        rule = _name_rule(error)
        is_defect = rule == "defect"
        text = f"a defect in hansa: {type(error).__name__}: {error}" if is_defect else str(error)
        known = self._problems[-1] if self._problems else {}
        if (known.get("where"), known.get("text")) != (where, text):
            self._problems.append(
                {"at": format_instant(self._clock()), "where": where, "rule": rule, "text": text}
            )
        self._journal.note(
            "problem", where=where, rule=rule, **({"error": type(error).__name__} if is_defect else {})
        )


def _name_rule(error: Exception) -> str:
    match error:
        case Malformed() | Refused():
            return error.rule
        case HansaError():
            return "unavailable"
        case _:
            return "defect"
