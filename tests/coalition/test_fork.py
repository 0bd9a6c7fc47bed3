import make_fork
import pytest
from make_fork import OTHER, OWN, log_of, note_of
from vectorfiles import VECTORS, read, spell

from hansa.coalition import Tick, compare_head, draft_handover, parse_fork, verify_fork
from hansa.errors import Malformed, Refused
from hansa.transparency import parse_checkpoint

CASES = read("fork")


def refused(rule, call, *arguments):
    with pytest.raises((Refused, Malformed)) as caught:
        call(*arguments)
    assert caught.value.rule == rule


def compare(own, text):
    return compare_head(own.leaves, note_of(own), text)


def test_a_fork_is_found_by_whoever_holds_the_longer_log_and_anybody_can_check_it():
    found = compare(OWN, note_of(OTHER, 4))
    assert (found.verdict, found.size, found.own_size) == ("fork", 4, 6)
    evidence = parse_fork(found.fork.encode())
    assert evidence == found.fork
    assert verify_fork(evidence).coalition == OWN.state.coalition


@pytest.mark.parametrize("size", range(3, 8))
@pytest.mark.parametrize("own_size", range(3, 8))
def test_every_pair_of_sizes_beyond_the_common_beginning_contradicts(own_size, size):
    own, other = (
        log_of(*["ada", "bob", "cyd", "dan", "ada", "bob"]),
        log_of(*["ada", "cyd", "bob", "dan", "cyd", "ada"]),
    )
    own.leaves = own.leaves[:own_size]
    if size > own_size:
        assert compare(own, note_of(other, size)).verdict == "ahead"
        own, other, size, own_size = other, own, own_size, size
        own.leaves = own.leaves[:own_size]
    found = compare(own, note_of(other, size))
    assert found.verdict == "fork"
    verify_fork(parse_fork(found.fork.encode()))


@pytest.mark.parametrize(("size", "verdict"), [(6, "same"), (5, "behind"), (1, "behind"), (2, "behind")])
def test_heads_of_one_log_contradict_nothing(size, verdict):
    found = compare(OWN, note_of(OWN, size))
    assert (found.verdict, found.fork) == (verdict, None)


def test_a_head_of_another_log_or_by_another_key_is_no_evidence():
    refused("compare.key", compare, OWN, note_of(OTHER, seed="mallory"))
    refused("compare.origin", compare, OWN, note_of(OTHER, origin="other.example/log"))
    refused("note.form", compare, OWN, "hello")


@pytest.fixture
def handed_over():
    """A log of five entries, of which number 3 hands it over."""
    from chain import key_of

    chain = log_of("ada", "bob")
    handover = draft_handover(
        chain.state, author="ada", key=key_of("ada"), log_key=key_of("new log").public, addresses=[]
    )
    chain.take(handover.sign(key_of("new log")).sign(key_of("bob")).sign(key_of("cyd")))
    chain.say("cyd", Tick())
    return chain


def test_heads_of_before_and_after_a_handover_are_held_against_the_key_of_their_size(handed_over):
    def compare_with(text):
        return compare_head(handed_over.leaves, note_of(handed_over, seed="new log"), text)

    assert compare_with(note_of(handed_over, 3)).verdict == "behind"
    assert compare_with(note_of(handed_over, 4, seed="new log")).verdict == "behind"
    assert compare_with(note_of(handed_over, 4)).verdict == "superseded"
    refused("note.unsigned", compare_with, note_of(handed_over, 3, seed="new log"))
    refused("compare.key", compare, OWN, note_of(handed_over, seed="new log"))
    old = log_of("cyd", "bob", "ada", "ada", "ada")
    assert compare_with(note_of(old, 6)).verdict == "superseded"
    found = compare_with(note_of(old, 3))
    assert found.verdict == "fork"
    assert found.fork.first.key != found.fork.second.key
    verify_fork(found.fork)


def test_vectors_are_fresh():
    made = {name: spell(case) for name, case in make_fork.cases()}
    kept = {path.name: path.read_text(encoding="ascii") for path in (VECTORS / "fork").glob("*.json")}
    assert made == kept, "run `python tests/vectors/make_fork.py`"


@pytest.mark.parametrize("name", CASES)
def test_evidence_is_judged_as_its_verdict_says(name):
    rule, case = CASES[name]
    data = case["file"].encode()
    if rule is None:
        fork = parse_fork(data)
        assert fork.encode() == data
        verify_fork(fork)
        first, second = (parse_checkpoint(head.note.body) for head in (fork.first, fork.second))
        assert first.size <= second.size
        return
    refused(rule, lambda: verify_fork(parse_fork(data)))
