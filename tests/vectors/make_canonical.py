"""Make the vectors of canonical JSON: `data_hex` is the document, `digest` its SHA-256."""

import hashlib
from collections.abc import Iterator

from vectorfiles import Case, bad, valid, write

RFC = "RFC 8785 section 3.2.2"
SORTING = "RFC 8785 section 3.2.3"
APPENDIX = "RFC 8785 appendix B"
TESTDATA = "cyberphone/json-canonicalization testdata"

GOOD = [
    ("null", "the smallest document", "hansa", "null"),
    ("empty-object", "an object without fields", "hansa", "{}"),
    ("empty-text", "a text without characters", "hansa", '""'),
    (
        "rfc8785-literals",
        "literals and string of the example, numbers left out",
        RFC,
        '{"literals":[null,true,false],"string":"€$\\u000f\\nA\'B\\"\\\\\\\\\\"/"}',
    ),
    (
        "structures",
        "names sort as text, not as numbers",
        TESTDATA,
        '{"":"empty","1":{"\\n":56,"f":{"F":5,"f":"hi"}},"10":{},"111":[{}],"A":{},"a":{}}',
    ),
    ("unicode", "text is not normalised", TESTDATA, '{"Unnormalized Unicode":"A\u030a"}'),
    ("outside-bmp", "text outside the basic plane stands as UTF-8", "hansa", '"\U0001f600"'),
    ("line-separators", "U+2028, U+2029 and DEL are not escaped", "hansa", '"\u2028\u2029\x7f"'),
    (
        "controls",
        "two-letter escapes where JSON has them, \\u00xx in lower case elsewhere",
        "hansa",
        '"\\b\\t\\n\\f\\r\\u0000\\u000b\\u001f"',
    ),
    ("largest", "the largest integer", "hansa", "9007199254740991"),
    ("smallest", "the smallest integer", "hansa", "-9007199254740991"),
    ("deepest", "32 levels of arrays", "hansa", "[" * 32 + "]" * 32),
    ("brackets-in-text", "brackets in a text are no depth", "hansa", '"' + "[{" * 40 + '"'),
    ("decimal-as-text", "a decimal is written as text", "hansa", '{"share":"0.80"}'),
]

BAD = [
    ("syntax", "empty", "nothing at all", "hansa", b""),
    ("syntax", "trailing-comma", "a comma before the end", "hansa", b"[1,]"),
    ("syntax", "single-quotes", "another quotation mark", "hansa", b"['a']"),
    ("syntax", "two-documents", "a second document", "hansa", b"{}{}"),
    ("syntax", "byte-order-mark", "a byte order mark", "hansa", b"\xef\xbb\xbf{}"),
    ("syntax", "nan", "not a number", "hansa", b"NaN"),
    ("syntax", "infinity", "infinity", "hansa", b"[-Infinity]"),
    ("syntax", "leading-zero", "a leading zero", "hansa", b"01"),
    ("syntax", "plus", "a plus sign", "hansa", b"+1"),
    ("syntax", "raw-newline", "a control character that is not escaped", "hansa", b'"\n"'),
    ("syntax", "unclosed", "the end is missing", "hansa", b'{"a":[1'),
    ("utf8", "latin-1", "another encoding", "hansa", b'"\xf6"'),
    ("utf8", "overlong", "an overlong encoding of a slash", "hansa", b'"\xc0\xaf"'),
    (
        "utf8",
        "encoded-surrogate",
        "a surrogate encoded as if it were a character",
        "hansa",
        b'"\xed\xa0\x80"',
    ),
    ("duplicate-name", "duplicate", "one name twice, with one value", "hansa", b'{"a":1,"a":1}'),
    ("duplicate-name", "duplicate-escaped", "one name twice, once escaped", "hansa", b'{"a":1,"\\u0061":2}'),
    ("duplicate-name", "duplicate-inside", "one name twice, further in", "hansa", b'[{"b":{"a":1,"a":2}}]'),
    ("float", "fraction", "a fraction", "hansa", b"0.5"),
    ("float", "float-integer", "an integer spelt as a float", "hansa", b"1.0"),
    ("float", "exponent", "an exponent", "hansa", b"1e3"),
    (
        "float",
        "rfc8785-example",
        "the canonical output of the example, whose numbers are floats",
        RFC,
        '{"literals":[null,true,false],"numbers":[333333333.3333333,1e+30,4.5,0.002,1e-27],'
        '"string":"€$\\u000f\\nA\'B\\"\\\\\\\\\\"/"}'.encode(),
    ),
    ("float", "rfc8785-minimum", "the smallest positive double", APPENDIX, b"5e-324"),
    ("integer-range", "rfc8785-max-safe-plus-1", "2^53", APPENDIX, b"9007199254740992"),
    ("integer-range", "rfc8785-min-safe-minus-1", "-2^53", APPENDIX, b"-9007199254740992"),
    ("integer-range", "rfc8785-2-to-68", "about 2^68", APPENDIX, b"295147905179352830000"),
    ("integer-range", "many-digits", "five thousand digits", "hansa", b"1" * 5000),
    ("name", "umlaut", "a name that is not ASCII", "hansa", '{"ö":1}'.encode()),
    ("name", "umlaut-inside", "such a name further in", "hansa", '[{"a":{"ö":1}}]'.encode()),
    (
        "name",
        "rfc8785-sorting",
        "the canonical output of the sorting example, whose names are not ASCII",
        SORTING,
        (
            '{"\\r":"Carriage Return","1":"One","\x80":"Control","ö":"Latin Small Letter O With Diaeresis",'
            '"€":"Euro Sign","\U0001f600":"Emoji: Grinning Face","\ufb33":"Hebrew Letter Dalet With Dagesh"}'
        ).encode(),
    ),
    ("surrogate", "lone-surrogate", "half of a pair, escaped", "hansa", b'"\\ud800"'),
    ("surrogate", "reversed-surrogates", "a pair in the wrong order", "hansa", b'"\\ude00\\ud83d"'),
    ("depth", "33-levels", "one level too many", "hansa", b"[" * 33 + b"]" * 33),
    ("not-canonical", "space", "a space after a colon", "hansa", b'{"a": 1}'),
    ("not-canonical", "newline-at-the-end", "a newline at the end", "hansa", b"{}\n"),
    ("not-canonical", "unsorted", "names out of order", "hansa", b'{"b":1,"a":2}'),
    ("not-canonical", "minus-zero", "minus zero", APPENDIX, b"-0"),
    ("not-canonical", "escaped-letter", "an escape that is not needed", "hansa", b'"\\u0061"'),
    ("not-canonical", "escaped-slash", "an escaped slash", "hansa", b'"\\/"'),
    ("not-canonical", "upper-case-escape", "an escape in upper case", "hansa", b'"\\u001F"'),
    ("not-canonical", "long-escape", "a long escape where a short one exists", "hansa", b'"\\u000a"'),
    ("not-canonical", "escaped-pair", "an escaped surrogate pair", "hansa", b'"\\ud83d\\ude00"'),
    (
        "not-canonical",
        "rfc8785-string",
        "the string of the example as it was typed",
        RFC,
        b'"\\u20ac$\\u000F\\u000aA\'\\u0042\\u0022\\u005c\\\\\\"\\/"',
    ),
]


def cases() -> Iterator[Case]:
    for name, what, source, text in GOOD:
        data = text.encode()
        yield valid(name, what, source, data_hex=data.hex(), digest=hashlib.sha256(data).hexdigest())
    for rule, name, what, source, data in BAD:
        yield bad(f"canonical-json.{rule}", name, what, source, data_hex=data.hex())


if __name__ == "__main__":
    write("canonical", cases())
