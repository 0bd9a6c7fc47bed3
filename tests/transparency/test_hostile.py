"""Whatever text arrives, every parser of this room answers with a value or with `Malformed`."""

import contextlib

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hansa.errors import Malformed
from hansa.transparency import (
    canonical,
    cut_entry_bundle,
    parse_base64,
    parse_checkpoint,
    parse_envelope,
    parse_instant,
    parse_leaf,
    parse_note,
    parse_note_key,
    parse_public_key,
    parse_receipt,
)

OF_TEXT = [
    *(parse_base64, parse_checkpoint, parse_instant, parse_note, parse_note_key),
    *(parse_public_key, parse_receipt),
]
OF_BYTES = [parse_leaf, canonical.parse, lambda data: tuple(cut_entry_bundle(data))]
LINE = "— a AAAAAAAA\n"
pieces = st.sampled_from(
    [
        *(
            "a",
            "\n",
            "\n\n",
            LINE,
            "— ",
            " ",
            "+",
            "=",
            "0",
            "9" * 19,
            "9" * 5_000,
            "-1",
            "\ud800",
            "\x00",
            "é",
        ),
        *("A" * 43 + "=", "2026-11-23T11:00:00Z", "c2sp.org/tlog-proof@v1\n", "index ", "1e400", "[" * 50),
    ]
)


@pytest.mark.parametrize("parse", OF_TEXT)
@given(st.lists(pieces, max_size=8).map("".join) | st.text(max_size=20))
def test_any_text_is_read_or_refused(parse, text):
    with contextlib.suppress(Malformed):
        parse(text)


@pytest.mark.parametrize("parse", OF_BYTES)
@given(
    st.binary(max_size=60)
    | st.lists(pieces, max_size=8).map(lambda parts: "".join(parts).encode(errors="replace"))
)
def test_any_bytes_are_read_or_refused(parse, data):
    with contextlib.suppress(Malformed):
        parse(data)


values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(max_size=4) | st.just("\ud800"),
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(st.sampled_from(["payload", "payloadType", "signatures", "keyid", "sig"]), inner)
    ),
    max_leaves=8,
)


@given(values)
def test_any_value_is_an_envelope_or_refused(value):
    with contextlib.suppress(Malformed):
        parse_envelope(value)


@pytest.mark.parametrize("text", [f"a\ud800\n\n{LINE}", "a\n\n— a\ud800 AAAAAAAA\n"])
def test_a_note_holds_no_half_of_a_character(text):
    with pytest.raises(Malformed) as excinfo:
        parse_note(text)
    assert excinfo.value.rule == "note.control"
