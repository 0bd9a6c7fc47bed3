import pytest

from hansa.errors import HansaError, Malformed, Refused, Unavailable
from hansa.web.problems import describe


@pytest.mark.parametrize(
    ("error", "status", "rule", "reasons"),
    [
        (Malformed("entry.form", "bad"), 400, "entry.form", ["bad"]),
        (Malformed("signature.invalid", "bad"), 401, "signature.invalid", ["bad"]),
        (Malformed("request.unsigned", "who?"), 401, "request.unsigned", ["who?"]),
        (Refused("request.member", "who?"), 401, "request.member", ["who?"]),
        (Refused("ballot.late", ["one", "two"]), 403, "ballot.late", ["one", "two"]),
        (Refused("turn.order", "not yet"), 409, "turn.order", ["not yet"]),
        (Refused("request.rate", "slow down"), 429, "request.rate", ["slow down"]),
        (Refused("run.over", "done"), 410, "run.over", ["done"]),
        (Unavailable("the disk is full"), 503, "unavailable", ["the disk is full"]),
        (HansaError("something"), 503, "unavailable", ["something"]),
    ],
)
def test_every_family_has_a_status_and_says_why(error, status, rule, reasons):
    problem = describe(error)
    document = problem.to_json()
    assert (problem.status, document["status"]) == (status, status)
    assert (document["rule"], document["reasons"]) == (rule, reasons)


def test_every_family_of_failures_is_in_the_table():
    families = {
        describe(kind("x", "y") if kind is not Unavailable else kind("y")).family
        for kind in HansaError.__subclasses__()
        if kind.__module__ == "hansa.errors"
    }
    assert families == {"malformed", "refused", "unavailable"}
