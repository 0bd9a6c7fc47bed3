"""Make the vectors of secure sums: what one machine receives, and what it must send or refuse.

`session` is what every party knows. `machine` says whose view it is:

- `session`: nothing but the session; a bad one cannot be built.
- `contributor`: `me`, `identity_seed_hex`, `draws_hex` (the random bytes, call by call), `input`
  (decimal strings), and `steps`, each with `receive_hex` (missing in the first: the start) and `send_hex`.
- `aggregator`: `draws_hex` (the hub's own random bytes), `steps`, each either a message (`from`, `receive_hex`) or the end of a turn (`send_hex`: a
  text when the whole cohort is sent the same, else by member; empty after the last turn), and then `total`
  (decimal strings), `survivors` (ids) and, when shares were wrong, `disputes` (owner, holder).

In a bad vector the last thing that happens is refused, and all before it is accepted.
"""

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field, replace
from hashlib import shake_256
from typing import Literal

import numpy as np
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from vectorfiles import Case, bad, valid, write

from hansa.secagg import Aggregator, Contributor, Kind, Party, Session
from hansa.secagg.field import PRIME
from hansa.secagg.message import (
    Box,
    Consents,
    Reveal,
    RevealedShare,
    Roster,
    Secret,
    Survivors,
    parse_consents,
    parse_delivery,
    parse_reveal,
    parse_roster,
    parse_shares,
    parse_survivors,
)
from hansa.secagg.statement import parse_advert, parse_consent, parse_masked

TOPIC = "secure-sum"
LIMIT = (2**63 - 1) // 5

Fields = dict[str, object]


def fixed_bytes(label: str, size: int) -> bytes:
    return shake_256(f"hansa secure-sum vectors/{label}".encode()).digest(size)


def identity_of(name: str) -> Ed25519PrivateKey:
    return Ed25519PrivateKey.from_private_bytes(fixed_bytes(f"identity/{name}", 32))


@dataclass
class Scene:
    """One whole sum, recorded from every side."""

    vectors: Mapping[str, list[int]]
    threshold: int
    round: int = 1
    minimum_cohort: int = 3
    degree: int = 0
    number_bits: Literal[32, 64] = 64
    gone: Mapping[str, Kind] = field(default_factory=dict)
    """Who vanishes, before sending a message of which kind."""
    late: dict[str, bytes] = field(default_factory=dict)
    """What they would have sent."""
    draws: dict[str, list[str]] = field(default_factory=dict)
    views: dict[str, list[Fields]] = field(default_factory=dict)
    hub_view: list[Fields] = field(default_factory=list)

    def __post_init__(self) -> None:
        self.session = Session(
            coalition=fixed_bytes("coalition", 32),
            run=fixed_bytes("run", 32),
            round=self.round,
            attempt=0,
            cohort=tuple(
                Party(name, identity_of(name).public_key().public_bytes_raw()) for name in self.vectors
            ),
            threshold=self.threshold,
            minimum_cohort=self.minimum_cohort,
            length=len(next(iter(self.vectors.values()))),
            question=fixed_bytes("question", 32),
            degree=self.degree,
            graph=fixed_bytes("graph", 32),
            number_bits=self.number_bits,
        )
        self.draws = {name: [] for name in self.vectors}
        self.views = {name: [] for name in self.vectors}
        self._play()

    def _draw(self, name: str) -> Callable[[int], bytes]:
        def draw(size: int) -> bytes:
            drawn = fixed_bytes(f"draw/{self.round}/{name}/{len(self.draws[name])}", size)
            self.draws[name].append(drawn.hex())
            return drawn

        return draw

    def _play(self) -> None:
        members = {
            name: Contributor(self.session, name, sign=identity_of(name).sign, draw=self._draw(name))
            for name in self.vectors
        }
        hub = Aggregator(self.session, draw=lambda size: fixed_bytes(f"draw/{self.round}/hub", size))
        answers = {}
        for name, member in members.items():
            member.contribute(np.array(self.vectors[name], dtype=np.int64))
            if self.gone.get(name) is not Kind.ADVERT:
                answers[name] = member.start()
                self.views[name].append({"send_hex": answers[name].hex()})
        while answers:
            for name, answer in answers.items():
                hub.receive(name, answer)
                self.hub_view.append({"from": name, "receive_hex": answer.hex()})
            messages = hub.broadcast()
            self.hub_view.append({"send_hex": spell_messages(messages, len(members))})
            answers = {}
            for name, message in messages.items():
                answer = members[name].receive(message)
                if self.gone.get(name) == answer[5]:
                    self.late[name] = answer
                else:
                    answers[name] = answer
                    self.views[name].append({"receive_hex": message.hex(), "send_hex": answer.hex()})
        self.end: Fields = {
            "total": [str(number) for number in hub.total.tolist()],
            "survivors": list(hub.survivors),
        }

    def received(self, name: str, kind: Kind) -> bytes:
        """What a member received of a kind."""
        return bytes.fromhex(str(self.views[name][kind // 2]["receive_hex"]))

    def sent(self, name: str, kind: Kind) -> bytes:
        """What a member sent of a kind."""
        return bytes.fromhex(str(self.views[name][kind // 2]["send_hex"]))

    def contributor(self, name: str, steps: list[Fields]) -> Fields:
        return {
            "session": spell_session(self.session),
            "machine": "contributor",
            "me": name,
            "identity_seed_hex": fixed_bytes(f"identity/{name}", 32).hex(),
            "draws_hex": self.draws[name],
            "input": [str(number) for number in self.vectors[name]],
            "steps": steps,
        }

    def aggregator(self, steps: list[Fields]) -> Fields:
        return {
            "session": spell_session(self.session),
            "machine": "aggregator",
            "draws_hex": [fixed_bytes(f"draw/{self.round}/hub", 32).hex()],
            "steps": steps,
        }

    def after(self, kind: Kind, *messages: tuple[str, bytes]) -> Fields:
        """The hub's view up to the end of the turn that takes a kind, and then other messages."""
        closed = [place for place, step in enumerate(self.hub_view) if "from" not in step]
        steps = self.hub_view[: closed[kind // 2] + 1]
        return self.aggregator([*steps, *({"from": name, "receive_hex": m.hex()} for name, m in messages)])

    def to_alder(self, kind: Kind, message: bytes) -> Fields:
        """Alder's view up to a message of a kind, with another message in its place."""
        return self.contributor("alder", [*self.views["alder"][: kind // 2], {"receive_hex": message.hex()}])

    def from_birch(self, kind: Kind, message: bytes) -> Fields:
        """The hub's view up to birch's message of a kind, with another message in its place."""
        place = next(
            index
            for index, step in enumerate(self.hub_view)
            if step.get("from") == "birch" and bytes.fromhex(str(step["receive_hex"]))[5] == kind
        )
        return self.aggregator([*self.hub_view[:place], {"from": "birch", "receive_hex": message.hex()}])


def spell_messages(messages: Mapping[str, bytes], cohort: int) -> str | dict[str, str]:
    if len(set(messages.values())) == 1 and len(messages) == cohort:
        return next(iter(messages.values())).hex()
    return {name: message.hex() for name, message in messages.items()}


def spell_session(session: Session, **changes: object) -> Fields:
    return {
        "coalition_hex": session.coalition.hex(),
        "run_hex": session.run.hex(),
        "round": session.round,
        "attempt": session.attempt,
        "cohort": [{"id": party.id, "key_hex": party.key.hex()} for party in session.cohort],
        "threshold": session.threshold,
        "minimum_cohort": session.minimum_cohort,
        "length": session.length,
        "question_hex": session.question.hex(),
        "degree": session.degree,
        "graph_hex": session.graph.hex(),
        "number_bits": session.number_bits,
        **changes,
    }


THREE = Scene({"alder": [10, -1, 0], "birch": [20, -2, 0], "cedar": [30, -3, 0]}, threshold=3)
FOUR = Scene({"alder": [1], "birch": [2], "cedar": [3], "dogwood": [4]}, threshold=3)
FIVE = Scene(
    {
        "alder": [LIMIT, -LIMIT],
        "birch": [LIMIT, -LIMIT],
        "cedar": [LIMIT, -LIMIT],
        "dogwood": [LIMIT, -LIMIT],
        "elm": [LIMIT, LIMIT],
    },
    threshold=4,
)
NEXT_ROUND = Scene(THREE.vectors, threshold=3, round=2)
# Birch deals shares and sends no numbers; elm sends numbers and does not sign the set.
FIVE_LESS = Scene(
    {"alder": [1, -1], "birch": [20, -2], "cedar": [300, -3], "dogwood": [4000, -4], "elm": [50000, -5]},
    threshold=3,
    round=3,
    gone={"birch": Kind.MASKED, "elm": Kind.CONSENT},
)
# Cedar has no keys in the roster, fir deals no shares; nobody needs to be recovered.
SIX_LESS = Scene(
    {name: [10**place] for place, name in enumerate(("alder", "birch", "cedar", "dogwood", "elm", "fir"))},
    threshold=4,
    round=4,
    gone={"cedar": Kind.ADVERT, "fir": Kind.SHARES},
)
# The two at the ends of the cohort deal shares and send no numbers; birch signs the set and reveals nothing.
SEVEN_LESS = Scene(
    {
        name: [10**place]
        for place, name in enumerate(("alder", "birch", "cedar", "dogwood", "elm", "fir", "ginkgo"))
    },
    threshold=4,
    round=5,
    gone={"alder": Kind.MASKED, "birch": Kind.REVEAL, "ginkgo": Kind.MASKED},
)
# The plan asks for four numbers in a total, whatever recovers a secret.
PLAN_OF_FOUR = Scene(FIVE_LESS.vectors, threshold=3, round=6, minimum_cohort=4)


# A sparse graph: each of nine has four neighbours. Cedar deals shares and sends no numbers, hazel does not sign.
NINE = ("alder", "birch", "cedar", "dogwood", "elm", "fir", "ginkgo", "hazel", "ivy")
RING = Scene(
    {name: [10**place] for place, name in enumerate(NINE)},
    threshold=3,
    round=7,
    minimum_cohort=6,
    degree=4,
    gone={"cedar": Kind.MASKED, "hazel": Kind.CONSENT},
)
SHORT_LIMIT = (2**31 - 1) // 3
SHORT = Scene(
    {"alder": [SHORT_LIMIT, -1, 0], "birch": [SHORT_LIMIT, -SHORT_LIMIT, 7], "cedar": [SHORT_LIMIT, -5, -7]},
    threshold=3,
    round=8,
    number_bits=32,
)
SHORT_RING = Scene(RING.vectors, threshold=5, round=9, minimum_cohort=5, degree=6, number_bits=32)


def cases() -> Iterator[Case]:
    yield from good_cases()
    yield from bad_sessions()
    yield from bad_inputs()
    yield from bad_rosters()
    yield from bad_deliveries()
    yield from bad_survivors()
    yield from bad_consents()
    yield from bad_answers()
    yield from bad_dropouts()
    yield from bad_dropouts_at_the_hub()
    yield from bad_graphs()
    yield from bad_tags()


def good_cases() -> Iterator[Case]:
    scenes = {"three": THREE, "four": FOUR, "five": FIVE}
    for count, scene in scenes.items():
        about = f"{count} members, threshold {scene.threshold}, {scene.session.length} numbers"
        yield valid(
            f"{count}-members-hub",
            f"the hub's view; {about}",
            **scene.aggregator(scene.hub_view),
            **scene.end,
        )
        for name in (next(iter(scene.vectors)), list(scene.vectors)[-1]):
            view = scene.contributor(name, scene.views[name])
            yield valid(f"{count}-members-{name}", f"the view of `{name}`; {about}", **view)
    yield valid(
        "three-members-birch",
        "the view of a member with others on both sides: it subtracts one pair mask and adds the other",
        **THREE.contributor("birch", THREE.views["birch"]),
    )
    less = {
        "five": (FIVE_LESS, "birch goes before it sends numbers, elm after", ("alder", "dogwood")),
        "six": (
            SIX_LESS,
            "cedar goes before it advertises keys, fir before it deals shares",
            ("alder", "elm"),
        ),
        "seven": (
            SEVEN_LESS,
            "alder and ginkgo go before they send numbers, birch before it reveals",
            ("birch", "fir"),
        ),
    }
    for count, (scene, what, names) in less.items():
        about = f"{what}; threshold {scene.threshold}"
        yield valid(
            f"{count}-less-hub", f"the hub's view; {about}", **scene.aggregator(scene.hub_view), **scene.end
        )
        for name in names:
            view = scene.contributor(name, scene.views[name])
            yield valid(f"{count}-less-{name}", f"the view of `{name}`; {about}", **view)
    special = {
        "ring": (
            RING,
            "four neighbours each; cedar goes before it sends numbers, hazel after",
            ("alder", "fir"),
        ),
        "short": (SHORT, "integers of 32 bits up to the largest that three can sum", ("alder", "birch")),
        "short-ring": (SHORT_RING, "six neighbours each of eight, integers of 32 bits", ("elm",)),
    }
    for prefix, (scene, what, names) in special.items():
        yield valid(
            f"{prefix}-hub", f"the hub's view; {what}", **scene.aggregator(scene.hub_view), **scene.end
        )
        for name in names:
            view = scene.contributor(name, scene.views[name])
            yield valid(f"{prefix}-{name}", f"the view of `{name}`; {what}", **view)
    yield from wrong_shares()
    yield valid(
        "smallest-session",
        "three members and one number",
        session=spell_session(THREE.session, length=1),
        machine="session",
    )


def bad_sessions() -> Iterator[Case]:
    def case(name: str, rule: str, what: str, **changes: object) -> Case:
        return bad(
            f"secagg.{rule}",
            f"session-{name}",
            what,
            session=spell_session(FOUR.session, **changes),
            machine="session",
        )

    cohort = spell_session(FOUR.session)["cohort"]
    assert isinstance(cohort, list)
    yield case(
        "of-two",
        "minimum-cohort",
        "two members, and a plan that allows it",
        cohort=cohort[:2],
        threshold=2,
        minimum_cohort=2,
    )
    yield case(
        "below-the-plan", "minimum-cohort", "four members where the plan asks for five", minimum_cohort=5
    )
    yield case("half", "threshold", "two disjoint halves could each recover a secret", threshold=2)
    yield case("more-than-all", "threshold", "a threshold that nobody can reach", threshold=5)
    yield case("unsorted", "cohort", "a cohort has one spelling", cohort=cohort[::-1])
    yield case(
        "one-key-twice",
        "cohort",
        "two names with one identity key",
        cohort=[{**cohort[0], "id": "aaa"}, *cohort[:3]],
    )
    yield case("empty", "length", "nothing to sum", length=0)

    def sparse(name: str, rule: str, what: str, **changes: object) -> Case:
        return bad(
            f"secagg.{rule}",
            f"session-ring-{name}",
            what,
            session=spell_session(RING.session, **changes),
            machine="session",
        )

    yield sparse("odd", "degree", "three neighbours cannot sit on two sides", degree=3)
    yield sparse("full", "degree", "eight of nine are all others, which is the degree 0", degree=8)
    yield sparse(
        "even-threshold", "threshold", "half of an even threshold less one is no number", threshold=4
    )
    yield sparse("above-the-neighbourhood", "threshold", "a threshold that nobody can reach", threshold=7)
    yield sparse("half", "minimum-cohort", "two halves could each sign a set", minimum_cohort=4)


def bad_inputs() -> Iterator[Case]:
    view = FOUR.contributor("alder", [])
    limit = (2**63 - 1) // 4
    yield bad(
        "secagg.range",
        "input-above",
        "four such numbers pass 2^63 - 1",
        **{**view, "input": [str(limit + 1)]},
    )
    yield bad(
        "secagg.range",
        "input-above-32-bits",
        "three such numbers pass 2^31 - 1",
        **{**SHORT.contributor("alder", []), "input": [str(SHORT_LIMIT + 1), "0", "0"]},
    )
    yield bad(
        "secagg.range", "input-below", "the same on the negative side", **{**view, "input": [str(-limit - 1)]}
    )
    yield bad(
        "secagg.length",
        "input-too-long",
        "two numbers where one is asked for",
        **{**view, "input": ["1", "2"]},
    )


def bad_rosters() -> Iterator[Case]:
    roster = parse_roster(THREE.received("alder", Kind.ROSTER))
    alder, birch, cedar = roster.adverts

    four_without_alder = parse_roster(FOUR.received("alder", Kind.ROSTER)).adverts[1:]

    def case(name: str, rule: str, what: str, *adverts: object, scene: Scene = THREE) -> Case:
        message = Roster(scene.session.digest, roster.hub_key, adverts).encode()  # type: ignore[arg-type]  # bad on purpose
        return bad(f"secagg.{rule}", f"roster-{name}", what, **scene.to_alder(Kind.ROSTER, message))

    def signed(advert, name):
        return replace(advert, signature=identity_of(name).sign(advert.statement.signed_bytes))

    swapped = replace(birch, mask_key=birch.channel_key, channel_key=birch.mask_key)
    yield case("keys-swapped", "signature", "birch's two keys change places", alder, swapped, cedar)
    yield case(
        "adverts-swapped",
        "signature",
        "birch and cedar change places",
        alder,
        replace(cedar, sender=1),
        replace(birch, sender=2),
    )
    own = signed(replace(birch, mask_key=cedar.channel_key[::-1]), "hub")
    yield case(
        "hub-key",
        "signature",
        "the hub puts its own key in birch's place and signs it itself",
        alder,
        own,
        cedar,
    )
    yield case("member-omitted", "dropout", "cedar is left out, and the threshold is three", alder, birch)
    yield case("without-us", "own", "alder is left out", *four_without_alder, scene=FOUR)
    yield case(
        "stranger",
        "unknown-member",
        "a fourth advert for a cohort of three",
        alder,
        birch,
        cedar,
        replace(cedar, sender=3),
    )
    yield case("out-of-order", "order", "birch before alder", birch, alder, cedar)
    yield case(
        "own-advert-changed",
        "own",
        "alder's own key is replaced",
        replace(alder, mask_key=cedar.mask_key[::-1]),
        birch,
        cedar,
    )
    weak = signed(replace(birch, mask_key=bytes(32)), "birch")
    yield case(
        "low-order-key",
        "key",
        "birch itself advertises a key whose secrets everybody knows",
        alder,
        weak,
        cedar,
    )
    copied = signed(replace(cedar, mask_key=birch.mask_key), "cedar")
    yield case("key-copied", "key", "cedar itself advertises birch's key", alder, birch, copied)
    stale = parse_roster(NEXT_ROUND.received("alder", Kind.ROSTER)).adverts[1]
    yield case("stale-advert", "session", "birch's advert of another round", alder, stale, cedar)
    yield case(
        "relabelled-advert",
        "signature",
        "the same, with this round's session digest",
        alder,
        replace(stale, session=roster.session),
        cedar,
    )
    data = roster.encode()
    raw = {
        ("another-round", "session", "everything is of the next round"): NEXT_ROUND.received(
            "alder", Kind.ROSTER
        ),
        ("cut-off", "form", "the last byte is missing"): data[:-1],
        ("trailing-byte", "form", "a byte too many"): data + b"\0",
        ("from-a-member", "sender", "birch in the hub's place"): data[:6] + b"\x01\x00" + data[8:],
        ("is-a-delivery", "turn", "the delivery comes first"): THREE.received("alder", Kind.DELIVERY),
    }
    for (name, rule, what), message in raw.items():
        yield bad(f"secagg.{rule}", f"roster-{name}", what, **THREE.to_alder(Kind.ROSTER, message))


def bad_deliveries() -> Iterator[Case]:
    delivery = parse_delivery(THREE.received("alder", Kind.DELIVERY))
    birch, cedar = delivery.boxes

    def case(name: str, rule: str, what: str, message: bytes) -> Case:
        return bad(f"secagg.{rule}", f"delivery-{name}", what, **THREE.to_alder(Kind.DELIVERY, message))

    exchanged = (birch._replace(sealed=cedar.sealed), cedar._replace(sealed=birch.sealed))
    yield case(
        "boxes-swapped",
        "share",
        "birch's and cedar's boxes change places",
        replace(delivery, boxes=exchanged).encode(),
    )
    altered = birch._replace(sealed=birch.sealed[:-1] + bytes((birch.sealed[-1] ^ 1,)))
    yield case(
        "box-altered",
        "share",
        "one bit of a box is flipped",
        replace(delivery, boxes=(altered, cedar)).encode(),
    )
    yield case(
        "box-missing",
        "dropout",
        "cedar's box is left out, and the threshold is three",
        replace(delivery, boxes=(birch,)).encode(),
    )
    own = replace(delivery, boxes=(birch._replace(member=0), cedar))
    yield case("own-box", "cohort", "a box from alder itself", own.encode())
    yield case("anothers", "recipient", "the delivery for birch", THREE.received("birch", Kind.DELIVERY))
    yield case("roster-again", "turn", "the roster is replayed", THREE.received("alder", Kind.ROSTER))


def bad_survivors() -> Iterator[Case]:
    def case(name: str, rule: str, what: str, survivors: tuple[int, ...], dropped: tuple[int, ...]) -> Case:
        message = Survivors(FOUR.session.digest, survivors, dropped).encode()
        return bad(f"secagg.{rule}", f"survivors-{name}", what, **FOUR.to_alder(Kind.SURVIVORS, message))

    yield case("in-both-lists", "set", "cedar survived and dropped: both of its secrets", (0, 1, 2, 3), (2,))
    yield case("left-out", "set", "cedar is in neither list", (0, 1, 3), ())
    yield case("without-us", "set", "alder's numbers were sent, and it is called dropped", (1, 2, 3), (0,))
    yield case("too-few", "dropout", "two survivors, threshold three", (0, 1), (2, 3))
    yield case("stranger", "unknown-member", "a fifth of four", (0, 1, 2, 3), (4,))
    yield case("unsorted", "order", "a set has one spelling", (0, 2, 1, 3), ())


def bad_consents() -> Iterator[Case]:
    consents = parse_consents(FOUR.received("alder", Kind.CONSENTS))
    own, birch, *others = consents.consents

    def case(name: str, rule: str, what: str, *given: object) -> Case:
        message = Consents(consents.session, given).encode()  # type: ignore[arg-type]  # bad on purpose
        return bad(f"secagg.{rule}", f"consents-{name}", what, **FOUR.to_alder(Kind.CONSENTS, message))

    hub_key = parse_roster(FOUR.received("alder", Kind.ROSTER)).hub_key
    elsewhere = replace(birch, survivors=Survivors(FOUR.session.digest, (0, 1, 3), (2,)).digest(hub_key))
    signed = replace(elsewhere, signature=identity_of("birch").sign(elsewhere.statement.signed_bytes))
    yield case("two-sets", "set", "birch was shown another survivor set and signed it", own, signed, *others)
    elsewhere = replace(
        birch, survivors=Survivors(FOUR.session.digest, (0, 1, 2, 3), ()).digest(hub_key[::-1])
    )
    resigned = replace(elsewhere, signature=identity_of("birch").sign(elsewhere.statement.signed_bytes))
    yield case("two-hubs", "set", "birch was told another key of the hub", own, resigned, *others)
    yield case(
        "forged", "signature", "birch's consent to another set without its signature", own, elsewhere, *others
    )
    yield case("too-few", "dropout", "two consents, threshold three", own, birch)
    dogwood = parse_consent(FOUR.sent("dogwood", Kind.CONSENT))
    yield case("without-us", "own", "alder's own consent is left out", birch, *others, dogwood)
    yield case(
        "own-changed",
        "own",
        "alder's own consent is another one",
        replace(own, masked=bytes(32)),
        birch,
        *others,
    )
    second = Survivors(FOUR.session.digest, (0, 1, 3), (2,)).encode()
    yield bad(
        "secagg.turn",
        "consents-second-set",
        "a second survivor set after the first was signed",
        **FOUR.to_alder(Kind.CONSENTS, second),
    )


def bad_answers() -> Iterator[Case]:
    def case(name: str, rule: str, what: str, kind: Kind, message: bytes) -> Case:
        return bad(f"secagg.{rule}", f"hub-{name}", what, **THREE.from_birch(kind, message))

    advert = parse_advert(THREE.sent("birch", Kind.ADVERT))
    forged = replace(advert, signature=identity_of("hub").sign(advert.statement.signed_bytes))
    yield case(
        "advert-forged", "signature", "another identity key signs for birch", Kind.ADVERT, forged.encode()
    )
    yield case(
        "advert-of-cedar",
        "sender",
        "cedar's advert in birch's name",
        Kind.ADVERT,
        THREE.sent("cedar", Kind.ADVERT),
    )
    shares = parse_shares(THREE.sent("birch", Kind.SHARES))
    yield case(
        "box-missing",
        "cohort",
        "no box for cedar",
        Kind.SHARES,
        replace(shares, boxes=shares.boxes[:1]).encode(),
    )
    masked = parse_masked(THREE.sent("birch", Kind.MASKED), 64)
    yield case(
        "too-short",
        "length",
        "two numbers of three",
        Kind.MASKED,
        replace(masked, length=2, numbers=bytes(masked.numbers[:16])).encode(),
    )
    yield case(
        "reveal-early", "turn", "the reveal comes first", Kind.CONSENT, THREE.sent("birch", Kind.REVEAL)
    )
    consent = parse_consent(THREE.sent("birch", Kind.CONSENT))
    other = replace(consent, masked=bytes(32))
    other = replace(other, signature=identity_of("birch").sign(other.statement.signed_bytes))
    yield case(
        "numbers-changed",
        "masked",
        "birch signs other masked numbers than arrived",
        Kind.CONSENT,
        other.encode(),
    )
    reveal = parse_reveal(THREE.sent("birch", Kind.REVEAL))

    def reveal_of(*shares: RevealedShare) -> bytes:
        return Reveal(reveal.session, reveal.sender, shares).encode()

    first, *rest = reveal.shares
    both = (first, first._replace(secret=Secret.MASK_KEY), *rest)
    yield case(
        "both-secrets", "order", "both secrets of alder do not fit one reveal", Kind.REVEAL, reveal_of(*both)
    )
    key = first._replace(secret=Secret.MASK_KEY)
    yield case(
        "wrong-secret", "reveal", "a share of the mask key of a survivor", Kind.REVEAL, reveal_of(key, *rest)
    )
    large = first._replace(share=PRIME.to_bytes(33, "little"))
    yield case(
        "share-too-large",
        "share",
        "2^256 + 297 is no element of the field",
        Kind.REVEAL,
        reveal_of(large, *rest),
    )
    again = THREE.from_birch(Kind.MASKED, THREE.sent("birch", Kind.MASKED))
    again["steps"] = [*again["steps"], again["steps"][-1]]  # type: ignore[misc, index]  # a list by construction
    yield bad("secagg.duplicate", "hub-masked-twice", "birch's numbers arrive twice", **again)
    for kind in (Kind.ADVERT, Kind.SHARES, Kind.MASKED, Kind.CONSENT, Kind.REVEAL):
        view = THREE.from_birch(kind, b"")
        steps = view["steps"]
        assert isinstance(steps, list)
        cedar = {"from": "cedar", "receive_hex": THREE.sent("cedar", kind).hex()}
        view["steps"] = [*steps[:-1], cedar, {"send_hex": {}}]
        yield bad(
            "secagg.dropout", f"hub-without-{kind.label}", f"birch vanishes before `{kind.label}`", **view
        )
    wrong = first._replace(share=(5).to_bytes(33, "little"))
    last = THREE.from_birch(Kind.REVEAL, reveal_of(wrong, *rest))
    cedar = {"from": "cedar", "receive_hex": THREE.sent("cedar", Kind.REVEAL).hex()}
    last["steps"] = [*last["steps"], cedar, {"send_hex": {}}]  # type: ignore[misc]  # a list by construction
    yield bad(
        "secagg.share", "hub-wrong-share", "birch returns a wrong share; the commitment shows it", **last
    )

    advert = parse_advert(THREE.sent("birch", Kind.ADVERT))
    for name, what, changes in (
        ("low-order-key", "birch advertises a key whose secrets everybody knows", {"mask_key": bytes(32)}),
        (
            "key-copied",
            "birch advertises alder's key",
            {"channel_key": parse_advert(THREE.sent("alder", Kind.ADVERT)).channel_key},
        ),
    ):
        other = replace(advert, **changes)
        other = replace(other, signature=identity_of("birch").sign(other.statement.signed_bytes))
        yield case(name, "key", what, Kind.ADVERT, other.encode())
    changed = bytearray(THREE.sent("birch", Kind.MASKED))
    changed[48] ^= 1
    yield case(
        "masked-altered",
        "tag",
        "one bit of birch's numbers is flipped; nothing is added",
        Kind.MASKED,
        bytes(changed),
    )


def wrong_shares() -> Iterator[Case]:
    """Shares that were wrong, where one more than the threshold shows which."""
    scene = SEVEN_LESS
    steps = []
    for step in scene.hub_view:
        message = bytes.fromhex(str(step.get("receive_hex", "")))
        if step.get("from") == "dogwood" and message[5] == Kind.REVEAL:
            reveal = parse_reveal(message)
            shares = [share._replace(share=(9).to_bytes(33, "little")) for share in reveal.shares[:2]]
            reveal = replace(reveal, shares=(*shares, *reveal.shares[2:]))
            steps.append({"from": "dogwood", "receive_hex": reveal.encode().hex()})
        elif step.get("from") == "elm" and message[5] == Kind.REVEAL:
            # Birch reveals after all, so that there is one share more than the threshold.
            steps += [{"from": "birch", "receive_hex": scene.late["birch"].hex()}, step]
        else:
            steps.append(step)
    # Of alder's key; once in dispute, dogwood is not asked for the others.
    disputes = [["alder", "dogwood"]]
    yield valid(
        "seven-less-wrong-shares-hub",
        "dogwood returns wrong shares of a mask key and of a self seed; five reveals, threshold four",
        **scene.aggregator(steps),
        **scene.end,
        disputes=disputes,
    )


def bad_dropouts() -> Iterator[Case]:
    """What a member refuses when some are gone."""

    def case(name: str, rule: str, what: str, view: Fields) -> Case:
        return bad(f"secagg.{rule}", f"less-{name}", what, **view)

    def survivors(scene: Scene, alive: tuple[int, ...], dropped: tuple[int, ...]) -> Fields:
        message = Survivors(scene.session.digest, alive, dropped).encode()
        return scene.to_alder(Kind.SURVIVORS, message)

    yield case(
        "both-secrets",
        "set",
        "birch dropped, and is named a survivor too",
        survivors(FIVE_LESS, (0, 1, 2, 3, 4), (1,)),
    )
    yield case(
        "left-out", "set", "birch dealt shares and is not named", survivors(FIVE_LESS, (0, 2, 3, 4), ())
    )
    yield case(
        "dealt-nothing",
        "set",
        "fir is in the roster and dealt no shares; there is nothing to recover",
        survivors(SIX_LESS, (0, 1, 3, 4), (5,)),
    )
    yield case(
        "never-there",
        "set",
        "cedar advertised no keys, and is named a survivor",
        survivors(SIX_LESS, (0, 1, 2, 3, 4), ()),
    )
    yield case(
        "below-the-plan",
        "dropout",
        "three survivors reach the threshold, and the plan asks for four",
        survivors(PLAN_OF_FOUR, (0, 1, 2), (3, 4)),
    )
    roster = parse_roster(PLAN_OF_FOUR.received("alder", Kind.ROSTER))
    short = replace(roster, adverts=roster.adverts[:3])
    yield case(
        "roster-below-the-plan",
        "dropout",
        "three adverts, and the plan asks for four",
        PLAN_OF_FOUR.to_alder(Kind.ROSTER, short.encode()),
    )
    delivery = parse_delivery(PLAN_OF_FOUR.received("alder", Kind.DELIVERY))
    few = replace(delivery, boxes=delivery.boxes[:2])
    yield case(
        "delivery-below-the-plan",
        "dropout",
        "shares of three with alder's own, and the plan asks for four",
        PLAN_OF_FOUR.to_alder(Kind.DELIVERY, few.encode()),
    )
    delivery = parse_delivery(SIX_LESS.received("alder", Kind.DELIVERY))
    strange = replace(delivery, boxes=(delivery.boxes[0], delivery.boxes[1]._replace(member=2)))
    yield case(
        "box-of-nobody",
        "cohort",
        "a box in the name of cedar, which is not in the roster",
        SIX_LESS.to_alder(Kind.DELIVERY, strange.encode()),
    )
    consents = parse_consents(FIVE_LESS.received("alder", Kind.CONSENTS))
    alder, *rest = consents.consents

    def consented(*given: object) -> Fields:
        message = Consents(consents.session, given).encode()  # type: ignore[arg-type]  # bad on purpose
        return FIVE_LESS.to_alder(Kind.CONSENTS, message)

    yield case("consents-too-few", "dropout", "two consents, threshold three", consented(alder, rest[0]))
    yield case(
        "consent-of-a-dropped",
        "cohort",
        "birch dropped, and consents",
        consented(alder, replace(rest[0], sender=1), rest[1]),
    )
    hub_key = parse_roster(FIVE_LESS.received("alder", Kind.ROSTER)).hub_key
    more = Survivors(FIVE_LESS.session.digest, (0, 2, 3), (1, 4)).digest(hub_key)
    other = replace(rest[1], survivors=more)
    other = replace(other, signature=identity_of("dogwood").sign(other.statement.signed_bytes))
    yield case(
        "two-sets",
        "set",
        "dogwood was told that elm dropped too, and signed it",
        consented(alder, rest[0], other),
    )


def bad_dropouts_at_the_hub() -> Iterator[Case]:
    """What the hub refuses when some are gone."""

    def case(name: str, rule: str, what: str, view: Fields) -> Case:
        return bad(f"secagg.{rule}", f"less-hub-{name}", what, **view)

    late = FIVE_LESS.late["birch"]
    yield case(
        "late-masked",
        "late",
        "birch's numbers arrive after the turn closed",
        FIVE_LESS.after(Kind.MASKED, ("birch", late)),
    )
    yield case(
        "late-shares",
        "late",
        "fir's shares arrive after the turn closed",
        SIX_LESS.after(Kind.SHARES, ("fir", SIX_LESS.late["fir"])),
    )
    reveal = parse_reveal(FIVE_LESS.sent("alder", Kind.REVEAL))
    seed = reveal.shares[1]._replace(secret=Secret.SELF_SEED)
    wrong = replace(reveal, shares=(reveal.shares[0], seed, *reveal.shares[2:]))
    yield case(
        "seed-of-a-dropped",
        "reveal",
        "a share of the self seed of birch, which dropped",
        FIVE_LESS.after(Kind.CONSENT, ("alder", wrong.encode())),
    )
    key = reveal.shares[1]._replace(share=(5).to_bytes(33, "little"))
    wrong = replace(reveal, shares=(reveal.shares[0], key, *reveal.shares[2:]))
    others = [(name, FIVE_LESS.sent(name, Kind.REVEAL)) for name in ("cedar", "dogwood")]
    view = FIVE_LESS.after(Kind.CONSENT, ("alder", wrong.encode()), *others)
    view["steps"] = [*view["steps"], {"send_hex": {}}]  # type: ignore[misc]  # a list by construction
    yield case("wrong-key", "share", "a wrong share of birch's mask key, and none to spare", view)
    for kind in (Kind.CONSENT, Kind.REVEAL):
        before = Kind(kind - 2)
        view = FIVE_LESS.after(before, *((name, FIVE_LESS.sent(name, kind)) for name in ("alder", "cedar")))
        view["steps"] = [*view["steps"], {"send_hex": {}}]  # type: ignore[misc]  # a list by construction
        yield case(
            f"without-{kind.label}",
            "dropout",
            "birch and elm are gone, dogwood goes too; threshold three",
            view,
        )


def bad_graphs() -> Iterator[Case]:
    """What is refused of neighbours."""

    def case(name: str, rule: str, what: str, kind: Kind, message: bytes) -> Case:
        return bad(f"secagg.{rule}", f"ring-{name}", what, **RING.to_alder(kind, message))

    graph = RING.session.topology
    stranger = next(who for who in range(1, 9) if who not in graph.list_neighbours(0))
    roster = parse_roster(RING.received("alder", Kind.ROSTER))
    foreign = parse_advert(RING.sent(NINE[stranger], Kind.ADVERT))
    more = tuple(sorted((*roster.adverts, foreign), key=lambda advert: advert.sender))
    yield case(
        "stranger-advert",
        "cohort",
        "an advert of a member of the cohort that is not a neighbour",
        Kind.ROSTER,
        replace(roster, adverts=more).encode(),
    )
    two = [advert for advert in roster.adverts if advert.sender == 0] + list(roster.adverts[-1:])
    yield case(
        "too-few-neighbours",
        "dropout",
        "one neighbour is left, and the threshold is three",
        Kind.ROSTER,
        replace(roster, adverts=tuple(two)).encode(),
    )
    own = replace(RING.session, graph=fixed_bytes("the hub's own graph", 32))
    yield case(
        "other-seed",
        "session",
        "the hub drew the graph from a seed of its own",
        Kind.ROSTER,
        Roster(own.digest, roster.hub_key, roster.adverts).encode(),
    )
    delivery = parse_delivery(RING.received("alder", Kind.DELIVERY))
    boxes = tuple(sorted((*delivery.boxes, Box(stranger, bytes(82))), key=lambda box: box.member))
    yield case(
        "stranger-box",
        "cohort",
        "a box of a member that is not a neighbour",
        Kind.DELIVERY,
        replace(delivery, boxes=boxes).encode(),
    )
    survivors = parse_survivors(RING.received("alder", Kind.SURVIVORS))

    def told(name: str, rule: str, what: str, **changes: object) -> Case:
        message = replace(survivors, **changes).encode()  # type: ignore[arg-type]  # bad on purpose
        return case(name, rule, what, Kind.SURVIVORS, message)

    first, *rest = survivors.backings
    yield told("backing-missing", "backing", "a neighbour's backing is left out", backings=tuple(rest))
    forged = replace(first, signature=bytes(64))
    yield told("backing-forged", "backing", "a neighbour did not sign", backings=(forged, *rest))
    elsewhere = replace(first, tag=bytes(16))
    yield told(
        "backing-of-other-numbers", "backing", "a neighbour's tag is another one", backings=(elsewhere, *rest)
    )
    own_backing = replace(first, sender=0)
    yield told("backing-of-us", "backing", "alder is not its own neighbour", backings=(own_backing, *rest))
    # Somebody far from alder is called a dropped dealer though it dealt nothing to its neighbours, or left out.
    far = [who for who in survivors.survivors if who not in (0, *graph.list_neighbours(0))]
    fewer = tuple(who for who in survivors.survivors if who != far[0])
    near = set(graph.list_neighbours(far[0])) & set(graph.list_neighbours(0)) & set(survivors.survivors)
    assert near, "somebody next to both can tell"
    yield told(
        "dealer-hidden",
        "backing",
        "a member out of alder's sight is left out; a common neighbour signed that it masked with it",
        survivors=fewer,
    )
    yield told(
        "too-few-in-all",
        "dropout",
        "five survive, and the plan asks for six",
        survivors=survivors.survivors[:5],
        dropped=tuple(sorted({*survivors.dropped, *survivors.survivors[5:]})),
    )
    place = graph.circle.index(0)
    window = [graph.circle[(place + step) % 9] for step in (3, 4)]
    thin = tuple(who for who in range(9) if who not in window)
    yield told(
        "empty-window",
        "dropout",
        "two next to one another dropped; one in every window must survive",
        survivors=thin,
        dropped=tuple(sorted(window)),
    )
    consents = parse_consents(RING.received("alder", Kind.CONSENTS))
    yield case(
        "consents-too-few",
        "dropout",
        "five consents reach the threshold; six are asked for in all",
        Kind.CONSENTS,
        replace(consents, consents=consents.consents[:5]).encode(),
    )
    shares = parse_shares(RING.sent("birch", Kind.SHARES))
    wrong = replace(shares, boxes=shares.boxes[1:])
    yield bad(
        "secagg.cohort",
        "ring-hub-box-missing",
        "birch has no box for a neighbour",
        **RING.from_birch(Kind.SHARES, wrong.encode()),
    )
    masked = parse_masked(RING.sent("birch", Kind.MASKED), 64)
    wrong_dealers = replace(masked, dealers=bytes(32))
    signed = replace(wrong_dealers, signature=identity_of("birch").sign(wrong_dealers.statement.signed_bytes))
    yield bad(
        "secagg.backing",
        "ring-hub-other-dealers",
        "birch says that it masked with others than those that dealt",
        **RING.from_birch(Kind.MASKED, signed.encode()),
    )


def bad_tags() -> Iterator[Case]:
    """What is refused of the key and the tags that members share with the hub."""
    roster = parse_roster(THREE.received("alder", Kind.ROSTER))
    for name, point in (("zero", bytes(32)), ("one", b"\x01" + bytes(31))):
        yield bad(
            "secagg.key",
            f"roster-hub-key-{name}",
            "the hub's key is a point of low order, so anybody could make tags",
            **THREE.to_alder(Kind.ROSTER, replace(roster, hub_key=point).encode()),
        )
    masked = parse_masked(THREE.sent("birch", Kind.MASKED), 64)
    wrong = replace(masked, tag=bytes(16))
    yield bad(
        "secagg.signature",
        "hub-tag-changed",
        "the tag is another one; the signature covers it",
        **THREE.from_birch(Kind.MASKED, wrong.encode()),
    )
    signed = replace(wrong, signature=identity_of("birch").sign(wrong.statement.signed_bytes))
    yield bad(
        "secagg.tag",
        "hub-tag-wrong",
        "birch signs a tag that is not of its numbers",
        **THREE.from_birch(Kind.MASKED, signed.encode()),
    )
    yield bad(
        "secagg.form",
        "hub-32-bits-of-64",
        "birch sends numbers of 32 bits where 64 are asked for",
        **THREE.from_birch(Kind.MASKED, replace(masked, numbers=bytes(masked.numbers[::2])).encode()),
    )


if __name__ == "__main__":
    write(TOPIC, cases())
