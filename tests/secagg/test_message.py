import pytest

from hansa.errors import Malformed
from hansa.secagg import Kind, message, statement
from hansa.secagg.header import HUB, parse_header, verify_header
from hansa.secagg.message import (
    Backing,
    Box,
    Consents,
    Delivery,
    Reveal,
    RevealedShare,
    Roster,
    Secret,
    Shares,
    Survivors,
)
from hansa.secagg.statement import ADVERT_BYTES, CONSENT_BYTES, Advert, Consent, Masked, parse_masked

SESSION = b"s" * 32
OTHER_SESSION = b"o" * 32


def advert(sender, session=SESSION):
    return Advert(session, sender, b"m" * 32, b"c" * 32, b"k" * 32, b"g" * 64)


def consent(sender, session=SESSION):
    return Consent(session, sender, b"d" * 32, b"m" * 32, b"g" * 64)


EXAMPLES = {
    Kind.ADVERT: advert(2),
    Kind.ROSTER: Roster(SESSION, b"h" * 32, (advert(0), advert(3))),
    Kind.SHARES: Shares(SESSION, 1, (Box(0, b"x" * 82), Box(2, b"y" * 82))),
    Kind.DELIVERY: Delivery(SESSION, 1, (Box(0, b"x" * 82), Box(2, b"y" * 82))),
    Kind.MASKED: Masked(SESSION, 1, 3, bytes(range(24)), b"d" * 32, b"t" * 16, b"g" * 64),
    Kind.SURVIVORS: Survivors(SESSION, (0, 2), (1,), (Backing(2, b"t" * 16, b"g" * 64),)),
    Kind.CONSENT: consent(1),
    Kind.CONSENTS: Consents(SESSION, (consent(0), consent(2))),
    Kind.REVEAL: Reveal(
        SESSION,
        1,
        (RevealedShare(0, Secret.SELF_SEED, b"a" * 33), RevealedShare(4, Secret.MASK_KEY, b"b" * 33)),
    ),
}


SIGNED = (Kind.ADVERT, Kind.MASKED, Kind.CONSENT)


def parse(kind, data):
    if kind is Kind.MASKED:
        return parse_masked(data, 64)
    return getattr(statement if kind in SIGNED else message, f"parse_{kind.label}")(data)


def refused_rule(kind, data):
    with pytest.raises(Malformed) as excinfo:
        parse(kind, data)
    return excinfo.value.rule


def test_every_kind_has_an_example():
    assert set(EXAMPLES) == set(Kind)


@pytest.mark.parametrize("kind", Kind)
def test_a_message_survives_being_written_and_read(kind):
    data = EXAMPLES[kind].encode()
    assert parse(kind, data).encode() == data
    assert parse(kind, data) == EXAMPLES[kind]
    assert parse_header(data).kind is kind


@pytest.mark.parametrize("kind", Kind)
def test_a_message_cut_off_anywhere_is_refused(kind):
    data = EXAMPLES[kind].encode()
    assert {refused_rule(kind, data[:size]) for size in range(len(data))} == {"secagg.form"}


@pytest.mark.parametrize("kind", Kind)
def test_nothing_may_follow_a_message(kind):
    data = EXAMPLES[kind].encode()
    assert refused_rule(kind, data + b"\0") == "secagg.form"
    assert refused_rule(kind, data + data) == "secagg.form"


@pytest.mark.parametrize("kind", Kind)
def test_a_message_is_not_read_as_another_kind(kind):
    for other in set(Kind) - {kind}:
        assert refused_rule(other, EXAMPLES[kind].encode()) == "secagg.form"


@pytest.mark.parametrize("kind", Kind)
def test_the_kind_in_the_header_is_the_kind_that_is_read(kind):
    data = bytearray(EXAMPLES[kind].encode())
    for other in set(Kind) - {kind}:
        data[5] = other
        assert refused_rule(kind, bytes(data)) == "secagg.form"


@pytest.mark.parametrize(("place", "value"), [(0, b"h"), (4, b"\x02"), (5, b"\x00"), (5, b"\x0a")])
def test_another_magic_version_or_kind_is_refused(place, value):
    data = bytearray(advert(1).encode())
    data[place : place + 1] = value
    assert refused_rule(Kind.ADVERT, bytes(data)) == "secagg.form"


def test_sizes_are_those_of_the_document():
    assert len(advert(0).encode()) == ADVERT_BYTES == 200
    assert len(consent(0).encode()) == CONSENT_BYTES == 168


@pytest.mark.parametrize(
    ("kind", "wrong"),
    [
        (Kind.ROSTER, Roster(SESSION, b"h" * 32, (advert(3), advert(0)))),
        (Kind.ROSTER, Roster(SESSION, b"h" * 32, (advert(0), advert(0)))),
        (Kind.SHARES, Shares(SESSION, 1, (Box(2, b"x" * 82), Box(0, b"x" * 82)))),
        (Kind.DELIVERY, Delivery(SESSION, 1, (Box(2, b"x" * 82), Box(2, b"x" * 82)))),
        (Kind.SURVIVORS, Survivors(SESSION, (2, 0), ())),
        (Kind.SURVIVORS, Survivors(SESSION, (0,), (2, 2))),
        (Kind.SURVIVORS, Survivors(SESSION, (0, 1), (), (Backing(1, b"t" * 16, b"g" * 64),) * 2)),
        (Kind.CONSENTS, Consents(SESSION, (consent(2), consent(0)))),
        (
            Kind.REVEAL,
            Reveal(
                SESSION,
                1,
                (RevealedShare(0, Secret.SELF_SEED, b"a" * 33), RevealedShare(0, Secret.MASK_KEY, b"b" * 33)),
            ),
        ),
    ],
)
def test_lists_are_ascending_and_name_nobody_twice(kind, wrong):
    assert refused_rule(kind, wrong.encode()) == "secagg.order"


@pytest.mark.parametrize(
    ("kind", "wrong"),
    [
        (Kind.ROSTER, Roster(SESSION, b"h" * 32, (advert(0), advert(1, OTHER_SESSION)))),
        (Kind.CONSENTS, Consents(SESSION, (consent(0, OTHER_SESSION), consent(1)))),
    ],
)
def test_a_list_holds_parts_of_its_own_sum_only(kind, wrong):
    assert refused_rule(kind, wrong.encode()) == "secagg.session"


def test_a_reveal_names_one_of_two_secrets():
    data = bytearray(EXAMPLES[Kind.REVEAL].encode())
    data[44] = 3
    assert refused_rule(Kind.REVEAL, bytes(data)) == "secagg.form"


def test_a_header_is_judged_in_order():
    data = Survivors(OTHER_SESSION, (0, 1), ()).encode()
    due = {"kind": Kind.CONSENTS, "session": SESSION, "sender": 7}
    rules = []
    for settle in ({"session": OTHER_SESSION}, {"kind": Kind.SURVIVORS}, {"sender": HUB}):
        with pytest.raises(Malformed) as excinfo:
            verify_header(data, **due)
        rules.append(excinfo.value.rule)
        due |= settle
    assert rules == ["secagg.session", "secagg.turn", "secagg.sender"]
    verify_header(data, **due)
    with pytest.raises(Malformed, match=r"secagg\.form"):
        verify_header(data[:39], **due)


def test_a_signature_covers_all_that_stands_before_it():
    for example in (advert(1), consent(1)):
        kind = f"hansa/v1/secure-sum/{type(example).__name__.lower()}\n".encode()
        assert example.statement.signed_bytes == kind + example.encode()[:-64]


def test_the_signature_of_numbers_covers_their_tag_in_their_place():
    masked = EXAMPLES[Kind.MASKED]
    data = masked.encode()
    assert masked.statement.signed_bytes == b"hansa/v1/secure-sum/masked\n" + data[:48] + data[-112:-64]


@pytest.mark.parametrize("kind", SIGNED)
def test_what_is_signed_begins_with_the_header(kind):
    data = EXAMPLES[kind].encode()
    assert EXAMPLES[kind].statement.content[:40] == data[:40]
    assert EXAMPLES[kind].statement.kind is kind


def test_numbers_of_32_bits_take_half_the_place():
    masked = Masked(SESSION, 1, 3, bytes(range(12)), b"d" * 32, b"t" * 16, b"g" * 64)
    assert parse_masked(masked.encode(), 32) == masked
    with pytest.raises(Malformed, match=r"secagg\.form"):
        parse_masked(masked.encode(), 64)


def test_a_length_that_no_message_can_have_is_refused_before_anything_is_counted():
    data = bytearray(EXAMPLES[Kind.MASKED].encode())
    data[40:48] = b"\xff" * 8
    assert refused_rule(Kind.MASKED, bytes(data)) == "secagg.form"


def test_numbers_and_shares_do_not_show_themselves():
    assert "numbers" not in repr(EXAMPLES[Kind.MASKED])
    assert "share=" not in repr(EXAMPLES[Kind.REVEAL])


def test_what_neighbours_signed_is_no_part_of_the_survivor_set():
    """Each member is shown its own neighbours'; the set that all sign is the same."""
    with_backing = EXAMPLES[Kind.SURVIVORS]
    assert with_backing.digest(b"h" * 32) == Survivors(SESSION, (0, 2), (1,)).digest(b"h" * 32)


def test_the_digest_of_a_survivor_set_binds_the_hubs_key_and_both_lists():
    assert (
        len(
            {
                Survivors(SESSION, (0, 1), (2,)).digest(b"r" * 32),
                Survivors(SESSION, (0, 1), (2,)).digest(b"R" * 32),
                Survivors(SESSION, (0, 2), (1,)).digest(b"r" * 32),
                Survivors(SESSION, (0, 1, 2), ()).digest(b"r" * 32),
                Survivors(OTHER_SESSION, (0, 1), (2,)).digest(b"r" * 32),
            }
        )
        == 5
    )
