"""Tables and lines as they are printed into a narrow place."""

import io

import pytest

from hansa.cli.printing import PatientConsole, make_table, write


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
