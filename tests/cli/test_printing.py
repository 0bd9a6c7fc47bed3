"""Tables and lines as they are printed into a narrow place."""

import io

import pytest

from hansa.cli.printing import PatientConsole, make_table, merge_reasons, write


def lay_out(table, width):
    out = io.StringIO()
    write(PatientConsole(file=out, width=width), table)
    return out.getvalue()


@pytest.mark.parametrize("width", [40, 60, 100])
def test_numbers_are_never_cut_however_long_the_names_are(width):
    rows = [("a very long name of an organisation " * 4, "1,234,567", "98,765")]
    table = make_table(("organisation", "rows", "with the event"), rows, right=("rows", "with the event"))
    text = lay_out(table, width)
    assert "1,234,567" in text
    assert "98,765" in text
    assert max(map(len, text.splitlines())) <= width


def test_times_stay_in_one_piece_beside_a_long_text():
    rows = [("12", "2026-11-23T11:00:00Z", "ada", "what happened, at some length " * 5)]
    text = lay_out(make_table(("entry", "at", "author", "what"), rows, right=("entry",)), 60)
    assert "2026-11-23T11:00:00Z" in text


def test_ids_stay_in_one_piece_and_the_other_columns_shrink():
    rows = [("a-member-with-an-id-of-some-length", "ε = 3.5, δ = 0.00001", "12", "refused: over budget")]
    table = make_table(("data of", "budget", "spent", "verdict"), rows, right=("spent",), whole=("data of",))
    text = lay_out(table, 70)
    assert "a-member-with-an-id-of-some-length" in text
    assert max(map(len, text.splitlines())) <= 70


def test_what_is_refused_for_many_that_stand_alike_is_said_once():
    reasons = [("run.budget", f"`m{number}` has spent all of it") for number in range(10)]
    other = [("run.budget", "`zoe` has spent half of it"), ("run.noise", "no noise")]
    named = "`m0`, `m1`, `m2`, `m3`, `m4`, `m5`, `m6`, `m7` and 2 more"
    assert merge_reasons([*reasons, *other]) == [
        ("run.budget", f"10 data sets ({named}) have each spent all of it"),
        *other,
    ]
    elsewhere = [("run.budget", "`ada` has spent all"), ("permit.budget", "`bob` has spent all")]
    assert merge_reasons(elsewhere) == elsewhere
