"""Two statements of one member that differ are evidence; everything else is none."""

from dataclasses import replace

import pytest

from hansa.errors import HansaError
from hansa.secagg import Conflict, Kind, Statement
from hansa.secagg.statement import parse_advert, parse_consent, parse_masked

SIGNED = {
    Kind.ADVERT: (parse_advert, {"commitment": bytes(32)}),
    Kind.MASKED: (lambda data: parse_masked(data, 64), {"tag": bytes(16)}),
    Kind.CONSENT: (parse_consent, {"survivors": bytes(32)}),
}


def other_of(sum_, kind, key):
    """Birch's message of a kind, and another one that it signed as well."""
    message = sum_.waiting["birch"]
    parse, changes = SIGNED[kind]
    first = parse(message)
    second = replace(first, **changes)
    return first, replace(second, signature=key.sign(second.statement.signed_bytes))


def refused(hub, message):
    with pytest.raises(HansaError):
        hub.receive("birch", message)


@pytest.fixture
def at(start_sum):
    def go(kind):
        return start_sum([[1], [2], [3], [4]], threshold=3).run(until=kind)

    return go


def is_evidence(conflict, party):
    """What anybody checks who has the member's key and nothing else."""
    first, second = conflict.first, conflict.second
    return (
        first.content[:40] == second.content[:40]
        and first.content != second.content
        and party.is_signed(
            first.signature, b"hansa/v1/secure-sum/%s\n" % conflict.kind.encode() + first.content
        )
        and party.is_signed(second.signature, second.signed_bytes)
    )


@pytest.mark.parametrize("kind", SIGNED)
def test_a_second_statement_is_kept_with_the_first(at, key_of, kind):
    sum_ = at(kind)
    first, second = other_of(sum_, kind, key_of("birch"))
    sum_.hub.receive("birch", sum_.waiting["birch"])
    assert sum_.hub.conflicts == ()
    refused(sum_.hub, second.encode())
    assert sum_.hub.conflicts == (Conflict("birch", kind.label, first.statement, second.statement),)
    assert is_evidence(sum_.hub.conflicts[0], sum_.session.cohort[1])


@pytest.mark.parametrize("kind", SIGNED)
def test_a_statement_that_was_refused_counts_as_said(at, key_of, kind):
    sum_ = at(kind)
    _, second = other_of(sum_, kind, key_of("birch"))
    if kind is Kind.ADVERT:
        second = replace(second, mask_key=second.channel_key)
        second = replace(second, signature=key_of("birch").sign(second.statement.signed_bytes))
    refused(sum_.hub, second.encode())
    sum_.hub.receive("birch", sum_.waiting["birch"])
    assert [conflict.kind for conflict in sum_.hub.conflicts] == [kind.label]
    assert is_evidence(sum_.hub.conflicts[0], sum_.session.cohort[1])


@pytest.mark.parametrize("kind", SIGNED)
def test_a_statement_that_comes_in_a_later_turn_counts_too(at, key_of, kind):
    sum_ = at(kind)
    _, second = other_of(sum_, kind, key_of("birch"))
    sum_.step()
    refused(sum_.hub, second.encode())
    assert [conflict.member for conflict in sum_.hub.conflicts] == ["birch"]


def test_a_late_member_that_says_two_things_is_kept_too(at, key_of):
    sum_ = at(Kind.MASKED)
    first, second = other_of(sum_, Kind.MASKED, key_of("birch"))
    sum_.vanish("birch").step()
    refused(sum_.hub, first.encode())
    assert sum_.hub.conflicts == ()
    refused(sum_.hub, second.encode())
    assert [conflict.kind for conflict in sum_.hub.conflicts] == ["masked"]


@pytest.mark.parametrize("kind", SIGNED)
def test_a_replay_of_the_same_bytes_is_no_conflict(at, kind):
    sum_ = at(kind)
    message = sum_.waiting["birch"]
    sum_.hub.receive("birch", message)
    refused(sum_.hub, message)
    sum_.waiting.pop("birch")
    sum_.run()
    assert sum_.hub.conflicts == ()


@pytest.mark.parametrize("kind", SIGNED)
def test_what_a_member_did_not_sign_is_no_conflict(at, key_of, kind):
    sum_ = at(kind)
    _, second = other_of(sum_, kind, key_of("cedar"))
    sum_.hub.receive("birch", sum_.waiting["birch"])
    refused(sum_.hub, second.encode())
    assert sum_.hub.conflicts == ()


def test_numbers_that_were_damaged_on_the_way_are_no_conflict(at):
    """The tag stands for them in what was signed, so the right ones that follow say nothing else."""
    sum_ = at(Kind.MASKED)
    damaged = bytearray(sum_.waiting["birch"])
    damaged[50] ^= 1
    refused(sum_.hub, bytes(damaged))
    sum_.run()
    assert sum_.hub.conflicts == ()
    assert sum_.hub.total.tolist() == [10]


def test_what_was_said_in_another_sum_is_no_conflict(start_sum):
    other = start_sum([[1], [2], [3], [4]], threshold=3, round=5)
    sum_ = start_sum([[1], [2], [3], [4]], threshold=3)
    sum_.hub.receive("birch", sum_.waiting["birch"])
    refused(sum_.hub, other.waiting["birch"])
    assert sum_.hub.conflicts == ()


def test_what_one_member_signed_is_no_conflict_of_another(at):
    sum_ = at(Kind.ADVERT)
    sum_.hub.receive("birch", sum_.waiting["birch"])
    refused(sum_.hub, sum_.waiting["cedar"])
    assert sum_.hub.conflicts == ()


def test_of_many_statements_one_conflict_of_a_kind_is_kept(at, key_of):
    sum_ = at(Kind.ADVERT)
    advert = parse_advert(sum_.waiting["birch"])
    sum_.hub.receive("birch", sum_.waiting["birch"])
    for number in range(5):
        more = replace(advert, commitment=bytes([number]) * 32)
        refused(sum_.hub, replace(more, signature=key_of("birch").sign(more.statement.signed_bytes)).encode())
    assert len(sum_.hub.conflicts) == 1


def test_a_statement_knows_what_its_signature_covers():
    statement = Statement(b"HSUM\x01\x07" + bytes(34) + b"content", b"signature")
    assert statement.signed_bytes == b"hansa/v1/secure-sum/consent\n" + statement.content
