import json

import pytest

from hansa.errors import Malformed, Refused, Unavailable
from hansa.node.problems import read_problem
from hansa.web.problems import describe


@pytest.mark.parametrize(
    "error",
    [
        Malformed("note.form", "expected a text, got `x`"),
        Refused("ballot.late", ["proposal 1 is decided", "and in effect"]),
        Unavailable("the disk is full"),
    ],
)
def test_a_failure_at_the_hub_is_the_same_failure_at_the_node(error):
    problem = describe(error)
    read = read_problem(problem.status, json.dumps(problem.to_json()).encode())
    assert (type(read), str(read)) == (type(error), str(error))


@pytest.mark.parametrize(
    "data",
    [
        b"",
        b"<html>bad gateway</html>",
        b"[]",
        b'{"type":"https://hansa.invalid/problem/refused"}',
        b'{"type":"https://elsewhere.example/refused","rule":"a.b","reasons":["x"]}',
        b'{"type":"https://hansa.invalid/problem/refused","rule":"a b","reasons":["x"]}',
        b'{"type":"https://hansa.invalid/problem/refused","rule":"a.b","reasons":["\\u001b[2J"]}',
        b'{"type":"https://hansa.invalid/problem/refused","rule":"a.b","reasons":"x"}',
        b'{"type":"https://hansa.invalid/problem/refused","rule":7,"reasons":["x"]}',
        b"\xff\xfe",
    ],
)
def test_what_is_no_problem_document_is_unavailable_with_the_status(data):
    found = read_problem(502, data)
    assert type(found) is Unavailable
    assert "502" in str(found)


def test_lines_that_could_play_with_a_terminal_are_left_out():
    document = {
        "type": "https://hansa.invalid/problem/refused",
        "rule": "a.b",
        "reasons": ["fine", "\x1b[31mred", "\u202eback", "also fine"],
    }
    assert read_problem(403, json.dumps(document).encode()).reasons == ("fine", "also fine")
