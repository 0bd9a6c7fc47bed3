import pytest
from hypothesis import given
from hypothesis import strategies as st

from hansa.engine import Frame, parse_frame
from hansa.errors import Malformed

words = st.sampled_from(["begin", "ask", "sum", "end", "stop"])
fields = st.dictionaries(
    st.sampled_from(["run", "round", "metrics", "name"]), st.one_of(st.integers(0, 9), st.text(max_size=5))
)


@given(words, fields, st.binary(max_size=50))
def test_what_was_encoded_is_read_again(word, extra, body):
    frame = parse_frame(Frame(word, extra, body).encode())
    assert (frame.word, dict(frame.fields), frame.body) == (word, extra, body)


@pytest.mark.parametrize(
    ("data", "rule"),
    [
        (b"", "frame.length"),
        (b"\x00\x00\x00", "frame.length"),
        (b"\x00\x00\x00\x05{}", "frame.length"),
        (b"\xff\xff\xff\xff{}", "frame.length"),
        (b"\x00\x00\x00\x02[]", "frame.word"),
        (b"\x00\x00\x00\x02{}", "frame.word"),
        (b'\x00\x00\x00\x0a{"word":1}', "frame.word"),
        (b'\x00\x00\x00\x0d{"word": "a"}', "canonical-json.not-canonical"),
    ],
)
def test_what_is_no_frame_is_refused(data, rule):
    with pytest.raises(Malformed) as caught:
        parse_frame(data)
    assert caught.value.rule == rule
