import pytest
from vectorfiles import read

from hansa.errors import Malformed
from hansa.transparency import (
    COSIGNATURE,
    ED25519,
    Checkpoint,
    NoteKey,
    NoteSignature,
    SigningKey,
    cosign,
    count_cosignatures,
    final_threshold,
    parse_note,
    parse_note_key,
    sign_checkpoint,
    verify_cosignature,
    verify_every_signature,
)

VECTORS = read("cosignature")
LOG, *WITNESSES = (SigningKey.from_seed(bytes([n]) * 32) for n in range(10, 15))
ORIGIN = "log.example/coalition"
NOTE = sign_checkpoint(Checkpoint(ORIGIN, 12, bytes(32)), LOG, ORIGIN)
KEYS = [NoteKey(f"w{n}.example", COSIGNATURE, key.public) for n, key in enumerate(WITNESSES)]
LINES = [cosign(NOTE.body, 1_795_431_600 + n, key, f"w{n}.example") for n, key in enumerate(WITNESSES)]


@pytest.mark.parametrize("name", VECTORS)
def test_every_vector_gets_its_verdict(name):
    rule, vector = VECTORS[name]
    note, key = parse_note(vector["text"]), parse_note_key(vector["key"])
    if rule:
        with pytest.raises(Malformed) as excinfo:
            verify_cosignature(note, key)
        assert excinfo.value.rule == rule
    else:
        assert verify_cosignature(note, key) == vector["at"]


def test_the_four_witnesses_of_a_public_log_are_counted():
    arche = [vector for name, (rule, vector) in VECTORS.items() if name.startswith("arche") and not rule]
    keys = [parse_note_key(vector["key"]) for vector in arche]
    assert count_cosignatures(parse_note(arche[0]["text"]), keys) == len(keys) == 4


def test_the_message_is_that_of_tlog_cosignature():
    message = b"cosignature/v1\ntime 1795431600\n" + NOTE.body.encode()
    WITNESSES[0].public.verify(LINES[0].signature[8:], message)


def test_a_cosignature_gives_its_time():
    note = NOTE.add(LINES)
    assert [verify_cosignature(note, key) - 1_795_431_600 for key in KEYS] == [0, 1, 2, 3]


def test_witnesses_are_counted_once_and_strangers_not_at_all():
    assert count_cosignatures(NOTE, KEYS) == 0
    note = NOTE.add(LINES[:3])
    assert count_cosignatures(note, KEYS) == 3
    assert count_cosignatures(note, KEYS[:2]) == 2
    assert count_cosignatures(note, [KEYS[0], KEYS[0]]) == 1
    assert count_cosignatures(note, []) == 0


def test_one_key_under_two_names_counts_once():
    again = cosign(NOTE.body, 1, WITNESSES[0], "other.example")
    other = NoteKey("other.example", COSIGNATURE, WITNESSES[0].public)
    assert count_cosignatures(NOTE.add([LINES[0], again]), [KEYS[0], other]) == 1


def test_one_bad_cosignature_spoils_the_note():
    forged = NoteSignature(LINES[1].name, LINES[1].key_id, LINES[0].signature)
    with pytest.raises(Malformed) as excinfo:
        count_cosignatures(NOTE.add([LINES[0], forged]), KEYS)
    assert excinfo.value.rule == "signature.invalid"


def test_only_checkpoints_are_cosigned():
    for body in ("", "anything\n", NOTE.body + "more\n", NOTE.encode()):
        with pytest.raises(Malformed):
            cosign(body, 1, WITNESSES[0], "w.example")


@pytest.mark.parametrize("at", [-1, 2**63])
def test_a_time_that_has_no_spelling_is_our_own_mistake(at):
    with pytest.raises(ValueError):
        cosign(NOTE.body, at, WITNESSES[0], "w.example")


def test_a_key_of_the_log_does_not_cosign():
    with pytest.raises(ValueError):
        verify_cosignature(NOTE, NoteKey(ORIGIN, ED25519, LOG.public))


def test_an_audit_leaves_no_line_unchecked():
    note = NOTE.add(LINES)
    keys = [NoteKey(ORIGIN, ED25519, LOG.public), *KEYS]
    verify_every_signature(note, keys)
    with pytest.raises(Malformed) as excinfo:
        verify_every_signature(note, keys[:-1])
    assert excinfo.value.rule == "note.unknown-signer"


def test_final_is_more_than_two_thirds_and_all_of_up_to_three():
    assert [final_threshold(n) for n in range(1, 11)] == [1, 2, 3, 3, 4, 5, 5, 6, 7, 7]
    for n in range(4, 200):
        assert 3 * (final_threshold(n) - 1) <= 2 * n < 3 * final_threshold(n)
    assert final_threshold(33) == 23


def test_two_final_sets_always_share_an_honest_witness():
    # With fewer than a third dishonest, two final forks would need more witnesses than there are.
    for n in range(1, 200):
        dishonest = (n - 1) // 3
        assert 2 * final_threshold(n) - n > dishonest or n <= 3


def test_a_coalition_has_a_member():
    with pytest.raises(ValueError):
        final_threshold(0)
