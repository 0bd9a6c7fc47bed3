import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from hansa.governance import InvalidDocument
from hansa.governance.document import MAX_CHARACTERS, parse_document


def read_whole(text):
    """Read a document that must have no fault at all."""
    if findings := parse_document(text, "charter.yaml").findings:
        raise InvalidDocument(findings)


def refused(text):
    with pytest.raises(InvalidDocument) as caught:
        read_whole(text)
    return caught.value


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("NO", "NO"),
        ("on", "on"),
        ("yes", "yes"),
        ("0.80", "0.80"),
        ("1e3", "1e3"),
        ("007", "007"),
        ("1_000", "1_000"),
        ("0x1F", "0x1F"),
        ("+1", "+1"),
        ("-0", "-0"),
        ("12:30:45", "12:30:45"),
        ("2026-01-01", "2026-01-01"),
        ("True", "True"),
        ("NULL", "NULL"),
        ("9007199254740992", "9007199254740992"),
        ("9007199254740991", 9007199254740991),
        ("-12", -12),
        ("0", 0),
        ("true", True),
        ("false", False),
        ("null", None),
        ("~", None),
        ("", None),
        ("'true'", "true"),
        ('"12"', "12"),
    ],
)
def test_only_plain_constants_and_digits_are_more_than_text(text, value):
    read = parse_document(f"a: {text}", "x.yaml").value
    assert read == {"a": value}
    assert type(read["a"]) is type(value)


def test_every_value_knows_its_line():
    document = parse_document("# hello\na: 1\nb:\n  - x\n  - c: 3\n    d: 4\n", "charter.yaml")
    assert document.value == {"a": 1, "b": ["x", {"c": 3, "d": 4}]}
    assert document.place(("a",)) == "charter.yaml:2"
    assert document.place(("b", 1, "d")) == "charter.yaml:6"
    assert document.place(("b", 1, "missing")) == "charter.yaml:5"
    assert document.place(("missing",)) == "charter.yaml:2"


def test_a_mapping_is_where_its_name_stands():
    document = parse_document("a:\n\n\n  b: 1\n", "x.yaml")
    assert document.place(("a",)) == "x.yaml:1"
    assert document.place(("a", "missing")) == "x.yaml:1"


def test_a_byte_order_mark_at_the_beginning_is_passed_over():
    assert parse_document("\ufeffa: 1", "x.yaml").value == {"a": 1}


def test_a_name_given_twice_is_refused():
    error = refused("a: 1\nb: {c: 1, c: {d: 2}}\na: 2\n")
    assert [str(finding) for finding in error.findings] == [
        "charter.yaml:2: `c` stands here twice; keep one of the two",
        "charter.yaml:3: `a` stands here twice; keep one of the two",
    ]
    assert error.rule == "yaml.duplicate-name"


def test_the_first_of_two_values_keeps_its_lines():
    document = parse_document("a:\n  b: 1\na:\n  b: 2\n", "x.yaml")
    assert document.value == {"a": {"b": 1}}
    assert document.place(("a", "b")) == "x.yaml:2"


@pytest.mark.parametrize(
    ("text", "found"),
    [
        ("&a name: x\n", ["yaml.anchor"]),
        ("!!binary purpose: x\n", ["yaml.tag"]),
        ("! name: x\n", ["yaml.tag"]),
        ("b: {&c d: &e f}\n", ["yaml.anchor", "yaml.anchor"]),
        ("? !t &k name\n: x\n", ["yaml.anchor", "yaml.tag"]),
        ("name: x\n&a name: y\n", ["yaml.anchor", "yaml.duplicate-name"]),
    ],
)
def test_anchors_and_tags_before_names_are_refused_too(text, found):
    assert [finding.rule for finding in refused(text).findings] == found


def test_anchors_and_tags_are_refused_all_at_once():
    error = refused("a: &x 1\nb: !!int 3\nc: ! d\n")
    assert [finding.rule for finding in error.findings] == ["yaml.anchor", "yaml.tag", "yaml.tag"]


@pytest.mark.parametrize(
    ("rule", "text", "place"),
    [
        ("yaml.alias", "a: &x 1\nb: *x\n", "charter.yaml:2"),
        ("yaml.empty", "", "charter.yaml:1"),
        ("yaml.empty", "# nothing but a comment\n", "charter.yaml:1"),
        ("yaml.documents", "a: 1\n---\nb: 2\n", "charter.yaml:2"),
        ("yaml.directive", "%YAML 1.1\n---\na: NO\n", "charter.yaml:1"),
        ("yaml.directive", "%YAML 1.3\n", "charter.yaml:1"),
        ("yaml.directive", "%TAG ! tag:example.com,2000:\n---\na: 1\n", "charter.yaml:1"),
        ("yaml.name", "a: 1\n[b]: 2\n", "charter.yaml:2"),
        ("yaml.name", "{a: 1}: 2\n", "charter.yaml:1"),
        ("yaml.name", "? &k {a: 1}\n: 2\n", "charter.yaml:1"),
        ("yaml.depth", "[" * 40 + "]" * 40, "charter.yaml:1"),
        ("yaml.syntax", "a: 1\nb: [1, 2\n", "charter.yaml:3"),
        ("yaml.syntax", "a: 1\n\tb: 2\n", "charter.yaml:2"),
        ("yaml.syntax", "a: 'x\n", "charter.yaml:2"),
        ("yaml.syntax", "- a\nb: 1\n", "charter.yaml:2"),
        ("yaml.syntax", "a: \x00", "charter.yaml:1"),
        ("yaml.syntax", 'a: "\\UFFFFFFFF"', "charter.yaml:1"),
        ("yaml.alias", "a: *unknown\n", "charter.yaml:1"),
        ("yaml.too-long", "#" * (MAX_CHARACTERS + 1), "charter.yaml"),
    ],
)
def test_what_is_not_one_plain_document_is_refused_with_its_line(rule, text, place):
    error = refused(text)
    assert error.findings[-1].rule == rule
    assert error.findings[-1].place == place


def test_aliases_that_would_grow_without_end_are_not_followed():
    lines = ["a0: &a0 [x, x]"] + [f"a{n}: &a{n} [*a{n - 1}, *a{n - 1}]" for n in range(1, 40)]
    assert refused("\n".join(lines)).findings[-1].rule == "yaml.alias"


def test_thousands_of_names_given_twice_are_read_in_good_time():
    names = "".join(f"f{n}: 1\n" for n in range(9_000))
    assert len(refused(names + "f1: 2\n" * 9_000).findings) == 9_000


def test_messages_stay_on_one_line_whatever_the_document_holds():
    error = refused('"a\\nb\\u001b[31m": 1\n"a\\nb\\u001b[31m": 2\n')
    assert error.message.isprintable()


pieces = st.sampled_from(
    [
        *"abc:- \n#[]{},&*!|>'\"%@`~?0123.\\xuU/\t=<",
        "---\n",
        "...\n",
        "\\x41",
        "\\uD800",
        "\\UFFFFFFFF",
        "- ",
        "? ",
        ": ",
        "<<: ",
        "!!str ",
        "&a ",
        "*a",
        "|+\n",
        "\r\n",
        "\x85",
        "\u2028",
        "\ufeff",
        "�",
        "é",
        "%YAML 1.3\n",
        "true",
    ]
)


@settings(max_examples=200, deadline=None)
@given(st.lists(pieces, max_size=30).map("".join))
def test_whatever_a_file_holds_it_is_read_or_refused(text):
    try:
        document = parse_document(text, "x.yaml")
    except InvalidDocument as error:
        findings = error.findings
        read = False
    else:
        findings = document.findings
        read = document.place(()).startswith("x.yaml:")
    assert findings or read
    assert all(finding.rule.startswith("yaml.") and finding.place for finding in findings)
