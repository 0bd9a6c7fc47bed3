"""The vectors are fresh, both machines do what they say, and the document alone suffices to make them."""

import hmac
import importlib
import re
from collections.abc import Callable, Iterator
from hashlib import sha256
from pathlib import Path

import numpy as np
import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey
from cryptography.hazmat.primitives.asymmetric.x25519 import X25519PrivateKey, X25519PublicKey
from cryptography.hazmat.primitives.ciphers import Cipher, algorithms, modes
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from vectorfiles import VECTORS, read, spell

import hansa.secagg
from hansa.errors import HansaError
from hansa.secagg import Aggregator, Contributor, Party, Session

TOPIC = "secure-sum"
CASES = read(TOPIC)

Action = Callable[[], None]


def test_vectors_are_fresh():
    made = {name: spell(case) for name, case in importlib.import_module("make_secure_sum").cases()}
    kept = {path.name: path.read_text(encoding="ascii") for path in (VECTORS / TOPIC).glob("*.json")}
    assert made == kept, "run `python tests/vectors/make_secure_sum.py`"


def test_at_least_a_third_is_bad_on_purpose():
    assert 3 * sum(rule is not None for rule, _ in CASES.values()) >= len(CASES)


def test_every_rule_of_a_message_has_a_vector():
    source = "".join(path.read_text() for path in Path(hansa.secagg.__file__).parent.glob("*.py"))
    rules = set(re.findall(r'"(secagg\.[a-z-]+)"', source))
    # `ended` needs a second failure, `input` a missing vector: both are shown by tests.
    assert {rule for rule, _ in CASES.values() if rule} == rules - {"secagg.ended", "secagg.input"}


def build_session(fields) -> Session:
    return Session(
        coalition=bytes.fromhex(fields["coalition_hex"]),
        run=bytes.fromhex(fields["run_hex"]),
        round=fields["round"],
        attempt=fields["attempt"],
        cohort=tuple(Party(party["id"], bytes.fromhex(party["key_hex"])) for party in fields["cohort"]),
        threshold=fields["threshold"],
        minimum_cohort=fields["minimum_cohort"],
        length=fields["length"],
        question=bytes.fromhex(fields["question_hex"]),
        degree=fields["degree"],
        graph=bytes.fromhex(fields["graph_hex"]),
        number_bits=fields["number_bits"],
    )


def play_contributor(session, case) -> Iterator[Action]:
    draws = iter(bytes.fromhex(drawn) for drawn in case["draws_hex"])

    def draw(size):
        drawn = next(draws)
        assert len(drawn) == size
        return drawn

    identity = Ed25519PrivateKey.from_private_bytes(bytes.fromhex(case["identity_seed_hex"]))
    member = Contributor(session, case["me"], sign=identity.sign, draw=draw)
    yield lambda: member.contribute(np.array([int(number) for number in case["input"]], dtype=np.int64))

    def step(fields):
        if "receive_hex" in fields:
            sent = member.receive(bytes.fromhex(fields["receive_hex"]))
        else:
            sent = member.start()
        assert sent.hex() == fields["send_hex"]

    for fields in case["steps"]:
        yield lambda fields=fields: step(fields)


def play_aggregator(session, case) -> Iterator[Action]:
    (drawn,) = case["draws_hex"]
    hub = Aggregator(session, draw=lambda size: bytes.fromhex(drawn)[:size])

    def step(fields):
        if "from" in fields:
            hub.receive(fields["from"], bytes.fromhex(fields["receive_hex"]))
            return
        expected = fields["send_hex"]
        if isinstance(expected, str):
            expected = dict.fromkeys((party.id for party in session.cohort), expected)
        assert {name: message.hex() for name, message in hub.broadcast().items()} == expected

    for fields in case["steps"]:
        yield lambda fields=fields: step(fields)
    if "total" in case:
        assert [str(number) for number in hub.total.tolist()] == case["total"]
        assert list(hub.survivors) == case["survivors"]
        assert [list(dispute) for dispute in hub.disputes] == case.get("disputes", [])


PLAYERS = {
    "session": lambda session, case: iter(()),
    "contributor": play_contributor,
    "aggregator": play_aggregator,
}


def play(case) -> Iterator[Action]:
    """Everything that happens in a vector, one action after the other."""
    sessions = []
    yield lambda: sessions.append(build_session(case["session"]))
    yield from PLAYERS[case["machine"]](sessions[0], case)


@pytest.mark.parametrize("name", CASES)
def test_a_vector_plays_as_its_name_says(name):
    rule, case = CASES[name]
    actions = play(case)
    if rule is None:
        for action in actions:
            action()
        return
    refusal = None
    for action in actions:
        assert refusal is None, "only the last thing that happens is refused"
        try:
            action()
        except HansaError as error:
            refusal = error
            if case["machine"] == "session":
                break
    assert refusal is not None
    assert refusal.rule == rule


# --- from the document alone -------------------------------------------------------------------------
# What follows shares no code with the room: it is `docs/formats/secure-sum.md`, read aloud.

PRIME = 2**256 + 297


def u16(number):
    return number.to_bytes(2, "little")


def u32(number):
    return number.to_bytes(4, "little")


def u64(number):
    return number.to_bytes(8, "little")


def label(name):
    return b"hansa/v1/secure-sum/" + name + b"\n"


def derive(secret, salt, name, first, second):
    extracted = hmac.digest(salt, secret, "sha256")
    return hmac.digest(extracted, label(name) + u16(first) + u16(second) + b"\x01", "sha256")


def mask_of(key, length, size):
    stream = Cipher(algorithms.AES256(key), modes.CTR(bytes(16))).encryptor().update(bytes(size * length))
    return [int.from_bytes(stream[size * i : size * i + size], "little") for i in range(length)]


def circle_of(seed, count):
    """The positions as they sit in a circle."""
    stream = b"".join(sha256(label(b"graph") + seed + u32(block)).digest() for block in range(100))
    numbers = iter(int.from_bytes(stream[i : i + 4], "little") for i in range(0, len(stream), 4))
    seats = list(range(count))
    for i in range(count - 1, 0, -1):
        x = next(numbers)
        while x >= 2**32 - 2**32 % (i + 1):
            x = next(numbers)
        seats[i], seats[x % (i + 1)] = seats[x % (i + 1)], seats[i]
    return seats


def neighbourhoods_of(fields):
    """N[i] of every position i."""
    count, degree = len(fields["cohort"]), fields["degree"]
    if degree == 0:
        return [set(range(count))] * count
    seats = circle_of(bytes.fromhex(fields["graph_hex"]), count)
    return [
        {seats[(seats.index(i) + step) % count] for step in range(-degree // 2, degree // 2 + 1)}
        for i in range(count)
    ]


def share_at(secret, coefficients, point):
    return sum(c * point**power for power, c in enumerate([secret, *coefficients])) % PRIME


WHOLE_VIEWS = [
    name for name, (rule, case) in CASES.items() if rule is None and case["machine"] == "contributor"
]


@pytest.mark.parametrize("name", WHOLE_VIEWS)
def test_the_document_alone_gives_every_byte_a_member_sends(name):
    case = CASES[name][1]
    fields = case["session"]
    ids = [party["id"] for party in fields["cohort"]]
    me, length = ids.index(case["me"]), fields["length"]
    identity = Ed25519PrivateKey.from_private_bytes(bytes.fromhex(case["identity_seed_hex"]))
    received = [bytes.fromhex(step["receive_hex"]) for step in case["steps"][1:]]
    sent = [bytes.fromhex(step["send_hex"]) for step in case["steps"]]

    def number_at(message, offset):
        return int.from_bytes(message[offset : offset + 2], "little")

    cohort = b"".join(
        bytes([len(p["id"])]) + p["id"].encode() + bytes.fromhex(p["key_hex"]) for p in fields["cohort"]
    )
    session = sha256(
        label(b"session")
        + bytes.fromhex(fields["coalition_hex"])
        + bytes.fromhex(fields["run_hex"])
        + u32(fields["round"])
        + u32(fields["attempt"])
        + u16(fields["threshold"])
        + u16(fields["minimum_cohort"])
        + u16(fields["degree"])
        + bytes([fields["number_bits"]])
        + u64(length)
        + bytes.fromhex(fields["graph_hex"])
        + bytes.fromhex(fields["question_hex"])
        + sha256(label(b"cohort") + cohort).digest()
    ).digest()

    def header(kind, sender):
        return b"HSUM" + bytes([1, kind]) + u16(sender) + session

    # 1. advert
    first, second = (bytes.fromhex(drawn) for drawn in case["draws_hex"])
    mask_key, channel_key, seed = first[:32], first[32:64], first[64:]
    private = [X25519PrivateKey.from_private_bytes(key) for key in (mask_key, channel_key)]
    advert = header(1, me) + b"".join(key.public_key().public_bytes_raw() for key in private)
    advert += sha256(label(b"commitment") + session + seed).digest()
    advert += identity.sign(label(b"advert") + advert)
    assert sent[0] == advert

    # 2. roster, 3. shares
    near = neighbourhoods_of(fields)
    hub_key = received[0][40:72]
    listed = [received[0][start : start + 200] for start in range(74, len(received[0]), 200)]
    assert len(listed) == number_at(received[0], 72)
    adverts = {number_at(item, 6): item for item in listed}
    assert adverts.keys() <= near[me]
    pair = {
        i: sha256(label(b"pair") + adverts[min(i, me)] + adverts[max(i, me)]).digest()
        for i in adverts.keys() - {me}
    }
    coefficients = [int.from_bytes(second[i : i + 48], "little") % PRIME for i in range(0, len(second), 48)]
    degree = fields["threshold"] - 1
    polynomials = [
        (int.from_bytes(seed, "little"), coefficients[:degree]),
        (int.from_bytes(mask_key, "little"), coefficients[degree:]),
    ]
    others = [i for i in adverts if i != me]
    agreed = {
        i: [
            key.exchange(X25519PublicKey.from_public_bytes(adverts[i][start : start + 32]))
            for key, start in zip(private, (40, 72), strict=True)
        ]
        for i in others
    }
    shares = header(3, me) + u16(len(others))
    for i in others:
        plain = b"".join(share_at(*polynomial, i + 1).to_bytes(33, "little") for polynomial in polynomials)
        key = derive(agreed[i][1], pair[i], b"share-box", me, i)
        shares += u16(i) + AESGCM(key).encrypt(bytes(12), plain, pair[i] + u16(me) + u16(i))
    assert sent[1] == shares

    # 4. delivery, 5. masked
    held = {me: b"".join(share_at(*p, me + 1).to_bytes(33, "little") for p in polynomials)}
    boxes = [received[1][start : start + 84] for start in range(44, len(received[1]), 84)]
    assert len(boxes) == number_at(received[1], 42)
    for box in boxes:
        i = number_at(box, 0)
        key = derive(agreed[i][1], pair[i], b"share-box", i, me)
        held[i] = AESGCM(key).decrypt(bytes(12), box[2:], pair[i] + u16(i) + u16(me))
    numbers = [int(number) for number in case["input"]]
    size = fields["number_bits"] // 8
    own_salt = sha256(label(b"self") + advert).digest()
    masks = [(1, mask_of(derive(seed, own_salt, b"self-mask", me, me), length, size))]
    for i in sorted(held.keys() - {me}):
        key = derive(agreed[i][0], pair[i], b"pair-mask", min(me, i), max(me, i))
        masks.append((1 if me < i else -1, mask_of(key, length, size)))
    for sign, mask in masks:
        numbers = [number + sign * more for number, more in zip(numbers, mask, strict=True)]
    masked = header(5, me) + u64(length)
    opening = masked + b"".join((number % 2 ** (8 * size)).to_bytes(size, "little") for number in numbers)
    hub_salt = sha256(label(b"hub") + advert + hub_key).digest()
    with_hub = private[1].exchange(X25519PublicKey.from_public_bytes(hub_key))
    tag = AESGCM(derive(with_hub, hub_salt, b"tag", me, 0xFFFF)).encrypt(bytes(12), b"", opening)

    def dealers(positions):
        return sha256(label(b"dealers") + sum(2**i for i in positions).to_bytes(128, "little")).digest()

    content = masked + dealers(held) + tag
    assert sent[2] == opening + dealers(held) + tag + identity.sign(label(b"masked") + content)

    # 6. survivors, 7. consent
    alive = [number_at(received[2], 44 + 2 * i) for i in range(number_at(received[2], 40))]
    count, start = number_at(received[2], 42), 44 + 2 * len(alive)
    dropped = [number_at(received[2], start + 2 * i) for i in range(count)]
    assert held.keys() == near[me] & {*alive, *dropped}
    survivors = header(6, 0xFFFF) + u16(len(alive)) + u16(len(dropped))
    survivors += b"".join(u16(i) for i in (*alive, *dropped))
    assert received[2].startswith(survivors)
    backings = received[2][len(survivors) + 2 :]
    assert number_at(received[2], len(survivors)) * 82 == len(backings)
    backed = [number_at(backings, start) for start in range(0, len(backings), 82)]
    assert backed == (sorted((near[me] - {me}) & set(alive)) if fields["degree"] else [])
    for i, start in zip(backed, range(0, len(backings), 82), strict=True):
        theirs = header(5, i) + u64(length) + dealers(near[i] & {*alive, *dropped})
        key = Ed25519PublicKey.from_public_bytes(bytes.fromhex(fields["cohort"][i]["key_hex"]))
        tag, signature = backings[start + 2 : start + 18], backings[start + 18 : start + 82]
        key.verify(signature, label(b"masked") + theirs + tag)
    consent = header(7, me) + sha256(label(b"survivors") + hub_key + survivors).digest()
    consent += sha256(content).digest()
    consent += identity.sign(label(b"consent") + consent)
    assert sent[3] == consent

    # 8. consents, 9. reveal
    if len(sent) == 4:  # this member vanished then
        return
    assert consent in received[3]
    reveal = header(9, me) + u16(len(held))
    for i in sorted(held):
        reveal += u16(i) + (b"\x01" + held[i][:33] if i in alive else b"\x02" + held[i][33:])
    assert sent[4] == reveal
