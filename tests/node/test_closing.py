import pytest

from hansa.coalition import ZERO_DIGEST, result_digest
from hansa.errors import Malformed, Refused
from hansa.governance import derive_sharing
from hansa.node.closing import read_outcome, verify_sealed, write_failure

RUN = "a" * 64
SAID = {
    "status": "completed",
    "transcript": "1" * 64,
    "model": "2" * 64,
    "report": "3" * 64,
    "metrics": {"auc_together": "0.700000"},
    "dropped": {},
    "reason": "",
    "evidence": [],
}


def run_with(seals):
    from fractions import Fraction

    from hansa.coalition import RunRecord

    cohort = ("ada", "bob", "cyd")
    sharing = derive_sharing(3, Fraction(1, 3), Fraction(1, 5))
    return RunRecord(RUN, 5, "b" * 64, 1, "ada", cohort, sharing, 0, seals)


def seal_of(said):
    return said["transcript"], result_digest(said["model"], said["report"], said["metrics"], said["dropped"])


def test_what_was_sealed_here_is_closed():
    close = read_outcome(RUN, SAID).close
    verify_sealed(run_with({"ada": seal_of(SAID)}), close, "ada")
    assert close.run == RUN


@pytest.mark.parametrize(
    "lie",
    [
        {"model": "4" * 64},
        {"report": "4" * 64},
        {"transcript": "4" * 64},
        {"metrics": {"auc_together": "0.900000"}},
        {"dropped": {"cyd": 3}},
    ],
)
def test_another_result_than_the_sealed_one_is_not_closed(lie):
    close = read_outcome(RUN, SAID | lie).close
    with pytest.raises(Refused, match="another result"):
        verify_sealed(run_with({"ada": seal_of(SAID)}), close, "ada")


def test_a_seal_that_was_never_given_is_missed():
    with pytest.raises(Refused, match="did not"):
        verify_sealed(run_with({}), read_outcome(RUN, SAID).close, "ada")


def test_who_is_said_to_be_lost_has_nothing_to_compare():
    verify_sealed(run_with({}), read_outcome(RUN, SAID | {"dropped": {"ada": 1}}).close, "ada")


@pytest.mark.parametrize(
    "damage",
    [
        {"status": "fine"},
        {"model": "x"},
        {"metrics": None},
        {"dropped": {"cyd": 0}},
        {"evidence": [1]},
        {"evidence": 7},
        {"evidence": [{"run": "c" * 64}]},
    ],
)
def test_an_account_that_cannot_be_read_closes_nothing(damage):
    with pytest.raises(Malformed) as caught:
        read_outcome(RUN, SAID | damage)
    assert caught.value.rule == "run.outcome"


def test_a_failure_says_why_and_nothing_else():
    close = write_failure(RUN, "x" * 2_000)
    assert (close.status, close.model, len(close.reason)) == ("failed", ZERO_DIGEST, 1_000)
    assert write_failure(RUN, "").reason
