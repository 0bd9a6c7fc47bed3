import pytest
from hypothesis import given
from hypothesis import strategies as st

from hansa.node.likeness import describe_difference, enumerate_some, find_alike, fold_text, show


@pytest.mark.parametrize(
    ("text", "known", "alike"),
    [
        ("Some cloud", ["No Cloud", "Some Cloud"], "Some Cloud"),
        ("some_cloud ", ["No Cloud", "Some Cloud"], "Some Cloud"),
        ("Zurich", ["Zürich", "Bern"], "Zürich"),
        ("Overcst", ["No Cloud", "Overcast"], "Overcast"),
        ("X", ["Y", "Z"], None),
        ("fog", ["No Cloud", "Some Cloud"], None),
    ],
)
def test_the_text_that_was_probably_meant_is_found(text, known, alike):
    assert find_alike(text, known) == alike


@pytest.mark.parametrize(("one", "other"), [("A+", "A-"), ("<60", ">60"), ("1", "-1"), ("1.5", "15")])
def test_signs_keep_texts_apart(one, other):
    assert fold_text(one) != fold_text(other)


@given(st.text(alphabet="aZ é_-+<1", max_size=12))
def test_folding_twice_changes_nothing_more(text):
    assert fold_text(fold_text(text)) == fold_text(text)


@pytest.mark.parametrize(
    ("found", "meant", "words"),
    [
        ("Some cloud", "Some Cloud", "capital letters"),
        (" Day", "Day", "spaces"),
        ("NoCloud", "No Cloud", "spaces"),
        ("Zurich", "Zürich", "accents"),
        ("Overcst", "Overcast", "spelling"),
    ],
)
def test_a_difference_is_told_in_words(found, meant, words):
    assert words in describe_difference(found, meant)


def test_what_is_shown_stays_on_one_line():
    assert show("a\nb`c") == "`a\\nb'c`"
    assert len(show("x" * 1000)) == 42
    assert show("\0") == "`\\x00`"


def test_a_long_enumeration_is_cut_and_counted():
    assert enumerate_some("abc") == "a, b, c"
    assert enumerate_some("abcdefgh", 3) == "a, b, c and 5 more"
