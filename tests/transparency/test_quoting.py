import re
import unicodedata
from pathlib import Path

import pytest

from hansa.transparency.quoting import is_printable, quote

CHARTER_PAGE = Path(__file__).parents[2] / "docs" / "formats" / "charter.md"
CHARACTERS = [chr(number) for number in range(0x110000)]


def test_the_document_lists_what_is_not_printable():
    ranges = re.search(r"U\+0000–001F.*?U\+E0000–E007F", CHARTER_PAGE.read_text(), re.DOTALL)[0]
    listed = set()
    for first, last in re.findall(r"U\+([0-9A-F]+)(?:–([0-9A-F]+))?", ranges):
        listed |= set(range(int(first, 16), int(last or first, 16) + 1))
    assert {ord(character) for character in CHARACTERS if not is_printable(character)} == listed


def test_what_is_not_seen_is_not_printable():
    unseen = {"Cc", "Cs", "Zl", "Zp", "Zs"}
    for character in CHARACTERS:
        if unicodedata.category(character) in unseen and character != " ":
            assert not is_printable(character)
        if not is_printable(character):
            # Nothing that the tables of any Python call a letter, a sign or a mark.
            assert unicodedata.category(character) in unseen | {"Cf", "Cn"}


@pytest.mark.parametrize("text", ["a\x1b[31mb", "\ud800", "\u202ea", "line\nline"])
def test_a_quoted_text_is_printable_whatever_it_holds(text):
    assert is_printable(quote(text))
    assert quote(text).encode()
