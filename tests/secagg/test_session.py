import dataclasses

import pytest

from hansa.errors import Refused
from hansa.secagg import LARGEST_COHORT, LARGEST_LENGTH, Party, Session

SEVEN = ("alder", "birch", "cedar", "dogwood", "elm", "fir", "ginkgo")


def refused_rule(build, **changes):
    with pytest.raises(Refused) as excinfo:
        build(**changes)
    return excinfo.value.rule


@pytest.mark.parametrize(
    ("names", "changes", "rule"),
    [
        (("alder", "birch"), {"minimum_cohort": 2}, "secagg.minimum-cohort"),
        (("alder", "birch"), {"minimum_cohort": 3}, "secagg.minimum-cohort"),
        ((), {}, "secagg.minimum-cohort"),
        (("alder", "birch", "cedar", "dogwood"), {"minimum_cohort": 5}, "secagg.minimum-cohort"),
        (("alder", "birch", "cedar", "dogwood"), {"threshold": 2}, "secagg.threshold"),
        (("alder", "birch", "cedar", "dogwood"), {"threshold": 5}, "secagg.threshold"),
        (("alder", "birch", "cedar"), {"threshold": 1}, "secagg.threshold"),
        (("alder", "cedar", "birch"), {}, "secagg.cohort"),
        (("alder", "alder", "birch"), {}, "secagg.cohort"),
        (SEVEN, {"degree": 3, "threshold": 3}, "secagg.degree"),
        (SEVEN, {"degree": 6, "threshold": 3}, "secagg.degree"),
        (SEVEN, {"degree": -2, "threshold": 3}, "secagg.degree"),
        (SEVEN, {"degree": 4, "threshold": 4}, "secagg.threshold"),
        (SEVEN, {"degree": 4, "threshold": 7}, "secagg.threshold"),
        (SEVEN, {"degree": 4, "threshold": 1}, "secagg.threshold"),
        (SEVEN, {"degree": 4, "threshold": 3, "minimum_cohort": 3}, "secagg.minimum-cohort"),
        (("alder", "birch", "cedar"), {"length": 0}, "secagg.length"),
        (("alder", "birch", "cedar"), {"length": LARGEST_LENGTH + 1}, "secagg.length"),
    ],
)
def test_a_session_that_protects_nobody_cannot_be_built(session_of, names, changes, rule):
    assert refused_rule(session_of, names=names, **changes) == rule


def test_one_identity_key_counts_once(session_of):
    parties = tuple(Party(name, b"k" * 32) for name in ("alder", "birch", "cedar"))
    assert refused_rule(session_of, cohort=parties) == "secagg.cohort"


def test_a_cohort_has_a_largest_size(session_of):
    parties = tuple(
        Party(f"member-{number:04}", number.to_bytes(32, "little")) for number in range(LARGEST_COHORT + 1)
    )
    assert refused_rule(session_of, cohort=parties, threshold=1000) == "secagg.cohort"


@pytest.mark.parametrize(
    "changes",
    [
        {"coalition": b"short"},
        {"run": b""},
        {"question": b"q" * 33},
        {"round": -1},
        {"attempt": 2**32},
        {"graph": b"short"},
        {"number_bits": 16},
    ],
)
def test_a_field_of_the_wrong_size_is_misuse(session_of, changes):
    with pytest.raises(ValueError):
        session_of(**changes)


@pytest.mark.parametrize(
    ("name", "key"), [("Alder", b"k" * 32), ("", b"k" * 32), ("a" * 64, b"k" * 32), ("alder", b"k")]
)
def test_a_party_is_a_slug_and_a_key(name, key):
    with pytest.raises(ValueError):
        Party(name, key)


def test_the_digest_binds_every_field(session_of):
    names = ("alder", "birch", "cedar", "dogwood")
    session = session_of(names)
    others = [
        {"coalition": b"C" * 32},
        {"run": b"R" * 32},
        {"question": b"Q" * 32},
        {"round": 5},
        {"attempt": 1},
        {"threshold": 3},
        {"minimum_cohort": 4},
        {"length": 3},
        {"graph": b"g" * 32},
        {"number_bits": 32},
        {"degree": 2, "threshold": 3},
        {"cohort": session.cohort[:3], "threshold": 3},
        {"cohort": (*session.cohort[:3], Party("dogwood", b"k" * 32))},
        {"cohort": (*session.cohort[:3], Party("elm", session.cohort[3].key))},
    ]
    fields = {name for changes in others for name in changes}
    assert fields == {field.name for field in dataclasses.fields(Session)}
    digests = {dataclasses.replace(session, **changes).digest for changes in others} | {session.digest}
    assert len(digests) == len(others) + 1


def test_the_largest_values_of_all_members_fit_the_total(session_of):
    session = session_of()
    assert session.largest_value * 3 <= 2**63 - 1 < (session.largest_value + 1) * 3


def test_the_largest_values_of_32_bits_fit_the_total(session_of):
    session = session_of(number_bits=32)
    assert session.largest_value * 3 <= 2**31 - 1 < (session.largest_value + 1) * 3


def test_a_party_tells_its_signature_from_others(session_of, key_of):
    alder, birch, _ = session_of().cohort
    signature = key_of("alder").sign(b"words")
    assert alder.is_signed(signature, b"words")
    assert not alder.is_signed(signature, b"other words")
    assert not birch.is_signed(signature, b"words")
    assert not alder.is_signed(signature[:-1], b"words")


@pytest.mark.parametrize(("threshold", "minimum_cohort", "required"), [(3, 3, 3), (3, 4, 4), (5, 3, 5)])
def test_a_total_needs_the_threshold_and_the_minimum_cohort(session_of, threshold, minimum_cohort, required):
    names = ("alder", "birch", "cedar", "dogwood", "elm")
    session = session_of(names, threshold=threshold, minimum_cohort=minimum_cohort)
    assert session.required == required


def test_in_a_sparse_graph_as_many_must_agree_as_a_total_needs(session_of):
    sparse = session_of(SEVEN, degree=4, threshold=3, minimum_cohort=5)
    assert (sparse.required, sparse.quorum, sparse.required_nearby, sparse.required_in_window) == (5, 5, 3, 1)
    complete = session_of(SEVEN, threshold=4, minimum_cohort=5)
    assert (complete.required, complete.quorum, complete.required_nearby) == (5, 4, 5)
