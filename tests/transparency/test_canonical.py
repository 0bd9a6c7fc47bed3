import hashlib
import json

import pytest
import rfc8785
from hypothesis import example, given
from hypothesis import strategies as st
from vectorfiles import judge, read

from hansa.errors import Malformed
from hansa.transparency import digest, encode, encode_base64, parse, parse_base64
from hansa.transparency.canonical import MAX_DEPTH

VECTORS = read("canonical")
LIMIT = 2**53

texts = st.text(st.characters(exclude_categories=["Cs"]))
names = st.text(st.characters(max_codepoint=127))
integers = st.integers(1 - LIMIT, LIMIT - 1)
values = st.recursive(
    st.none() | st.booleans() | integers | texts,
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(names, inner, max_size=4),
    max_leaves=12,
)


@pytest.mark.parametrize("name", VECTORS)
def test_every_vector_gets_its_verdict(name):
    rule, vector = VECTORS[name]
    data = bytes.fromhex(vector["data_hex"])
    if rule:
        with pytest.raises(Malformed) as excinfo:
            parse(data)
        assert excinfo.value.rule == rule
        assert "\n" not in str(excinfo.value)
    else:
        value = parse(data)
        assert encode(value) == data
        assert digest(value) == vector["digest"] == hashlib.sha256(data).hexdigest()


@given(values)
@example({"a": {"\x7f": "\u2028\U0001f600", '"': [True, 1]}})
def test_encoding_agrees_with_another_implementation_of_rfc_8785(value):
    assert encode(value) == rfc8785.dumps(value)


@given(values)
def test_parse_is_the_inverse_of_encode(value):
    again = parse(encode(value))
    assert again == value
    assert json.dumps(again) == json.dumps(value, sort_keys=True) or isinstance(value, dict | list)


@given(values, st.sampled_from([", ", " ,", ",\n"]), st.booleans())
def test_a_second_spelling_is_refused(value, comma, escape):
    text = json.dumps(value, sort_keys=True, separators=(comma, ":"), ensure_ascii=escape)
    if text.encode() == encode(value):
        assert parse(text.encode()) == value
    else:
        with pytest.raises(Malformed) as excinfo:
            parse(text.encode())
        assert excinfo.value.rule == "canonical-json.not-canonical"


@given(st.binary(max_size=40))
def test_arbitrary_bytes_are_refused_or_canonical(data):
    rule, value = judge(parse, data)
    assert rule.startswith("canonical-json.") if rule else encode(value) == data


@given(st.text(alphabet='{}[],:"\\au0123.eE- \n', max_size=24))
def test_arbitrary_json_like_text_is_refused_or_canonical(text):
    rule, value = judge(parse, text.encode())
    assert rule.startswith("canonical-json.") if rule else encode(value) == text.encode()


@pytest.mark.parametrize(
    "value",
    [0.5, [1.0], float("nan"), LIMIT, -LIMIT, {"ö": 1}, "\ud800", ["\udc00"], (1,), b"x", {1}],
    ids=repr,
)
def test_encoding_a_value_outside_the_profile_is_our_own_mistake(value):
    with pytest.raises(ValueError):
        encode(value)


def test_an_object_name_that_is_not_text_is_our_own_mistake():
    with pytest.raises(TypeError):
        encode({1: 2})


def test_what_can_be_written_can_be_read_also_at_the_deepest_level():
    value = 0
    for _ in range(MAX_DEPTH):
        value = [value]
    assert parse(encode(value)) == value
    with pytest.raises(ValueError, match="deeper than 32"):
        encode([value])


@pytest.mark.parametrize("data", [b"[" * 100_000, b'{"a":' * 100_000, b"[" * 50_000 + b"]" * 50_000])
def test_no_depth_exhausts_the_reader(data):
    with pytest.raises(Malformed) as excinfo:
        parse(data)
    assert excinfo.value.rule == "canonical-json.depth"


@pytest.mark.parametrize(
    "data", [b'["' + b'\\"' * 30_000, b'"' * 60_001 + b"[" * 40], ids=["escaped", "quotes"]
)
def test_unclosed_texts_are_refused_in_good_time(data):
    with pytest.raises(Malformed) as excinfo:
        parse(data + b"[" * 40)
    assert excinfo.value.rule in {"canonical-json.syntax", "canonical-json.depth"}


def test_many_brackets_in_few_levels_are_accepted():
    data = b"[" + b",".join([b"[]"] * 1000) + b',"[[[["]'
    assert encode(parse(data)) == data


@given(st.binary(max_size=50))
def test_base64_is_read_back(data):
    assert parse_base64(encode_base64(data)) == data


@given(st.text(alphabet="AQ/+-_=Zz9 \n\xe9", max_size=12))
def test_base64_has_one_spelling(text):
    rule, data = judge(parse_base64, text)
    assert rule == "base64.not-canonical" if rule else encode_base64(data) == text


@pytest.mark.parametrize(
    "text", ["A", "AA", "AAA", "AA==\n", "AB==", "AAB=", "A A=", "AA=A", "====", "-_-_", "é"]
)
def test_other_spellings_of_base64_are_refused(text):
    with pytest.raises(Malformed) as excinfo:
        parse_base64(text)
    assert excinfo.value.rule == "base64.not-canonical"


@pytest.mark.parametrize(
    ("text", "rule"),
    [
        ("1e400", "float"),
        ("-1e400", "float"),
        ("1e" + "9" * 100_000, "float"),
        ("0." + "9" * 100_000, "float"),
        ("9" * 1_000_000, "integer-range"),
        ("-" + "9" * 1_000_000, "integer-range"),
        ("Infinity", "syntax"),
        ("[" * 31 + "9" * 5_000 + "]" * 31, "integer-range"),
        ('{"a":' * 40 + "1" + "}" * 40, "depth"),
    ],
    ids=lambda text: f"{text[:8]}x{len(text)}",
)
@pytest.mark.parametrize("around", ["X", "[X]", '{"a":X}'])
def test_no_number_and_no_nesting_is_more_than_a_refusal(text, rule, around):
    with pytest.raises(Malformed) as excinfo:
        parse(around.replace("X", text).encode())
    assert excinfo.value.rule == f"canonical-json.{rule}"


def test_a_number_too_long_to_be_shown_is_our_own_mistake_too():
    with pytest.raises(ValueError, match="does not lie between"):
        encode(10**5_000)
