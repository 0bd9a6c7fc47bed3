"""Make the vectors of documents of statistics: `document` is what a run made, or what nobody may believe."""

import copy
from collections.abc import Iterator
from typing import Any

from vectorfiles import Case, bad, valid, write

SMALL: dict[str, Any] = {
    "format": "hansa/v1/statistics",
    "members": 5,
    "rows": 120,
    "noise": "0",
    "numbers": [
        {
            "name": "speed",
            "minimum": "0",
            "maximum": "400",
            "missing": 12,
            "mean": ["145", "142.5", "147.5"],
            "deviation": ["40", "37.5", "42.5"],
            "quantiles": [
                ["0.05", "90", "0", "100"],
                ["0.25", "125", "100", "200"],
                ["0.5", "140", "100", "200"],
                ["0.75", "165", "100", "200"],
                ["0.95", "245", "200", "400"],
            ],
            "histogram": [["0", "100", 11], ["100", "200", 85], ["200", "400", 12]],
        }
    ],
    "categories": [
        {
            "name": "sky",
            "categories": "declared",
            "counts": [["Clear", 60], ["Cloud", 30]],
            "missing": None,
            "other": 30,
        },
        {
            "name": "species",
            "categories": "counted",
            "counts": [["00ff", 20], ["3e60", 100]],
            "missing": 0,
            "other": None,
        },
    ],
}

NOISED = copy.deepcopy(SMALL)
NOISED["noise"] = "4.25"
NOISED["rows"] = 118
NOISED["categories"][0] |= {"counts": [["Clear", 63], ["Cloud", 0]], "missing": 55, "other": None}

HIDDEN = copy.deepcopy(SMALL)
HIDDEN["numbers"][0] |= {
    "missing": None,
    "histogram": [["0", "100", 23], ["100", "200", 85], ["200", "400", 12]],
}


def change(path: str, value: object) -> dict[str, Any]:
    """Return the small document with one place changed, such as `numbers.0.mean.1`; None removes a field."""
    document = copy.deepcopy(SMALL)
    *steps, last = path.split(".")
    part: Any = document
    for step in steps:
        part = part[int(step)] if isinstance(part, list) else part[step]
    if value is None:
        del part[last]
    elif isinstance(part, list):
        part[int(last)] = value
    else:
        part[last] = value
    return document


BAD: list[tuple[str, str, str, str, object]] = [
    ("form", "field-missing", "no rows", "rows", None),
    ("form", "field-unknown", "a field more", "metrics", {}),
    ("form", "negative-count", "fewer rows than none", "categories.0.counts.1.1", -30),
    ("form", "count-text", "a count as a text", "rows", "120"),
    ("form", "count-true", "a count that is `true`", "members", True),
    ("form", "bucket", "a bucket in capitals", "categories.1.counts.0.0", "00FF"),
    ("form", "kind", "categories of a third kind", "categories.0.categories", "guessed"),
    ("form", "figure-of-two", "a figure without its upper bound", "numbers.0.mean", ["145", "142.5"]),
    ("form", "unnamed", "a number without a name", "numbers.0.name", 7),
    ("format", "version", "a format that does not exist", "format", "hansa/v2/statistics"),
    ("number", "needless-zero", "a needless zero", "numbers.0.maximum", "400.0"),
    ("number", "exponent", "an exponent", "numbers.0.maximum", "4e2"),
    ("number", "minus-zero", "a zero with a sign", "noise", "-0"),
    ("number", "float", "a number that is no text", "noise", 4.25),
    ("order", "outside-its-bounds", "a mean below its lower bound", "numbers.0.mean.1", "146"),
    ("order", "gap", "bins with a gap between them", "numbers.0.histogram.1.0", "110"),
    ("order", "short-histogram", "a histogram that ends early", "numbers.0.histogram.2.1", "300"),
    ("order", "other-shares", "a quantile that is not told", "numbers.0.quantiles.2.0", "0.4"),
    ("order", "bucket-twice", "a bucket twice", "categories.1.counts.1.0", "00ff"),
    ("order", "negative-noise", "noise below none", "noise", "-1"),
    ("sum", "rows-lost", "a histogram of too few rows", "numbers.0.histogram.0.2", 10),
    ("sum", "counts-lost", "counts of too few rows", "categories.0.other", 29),
]


def cases() -> Iterator[Case]:
    yield valid("small", "statistics without noise", document=SMALL)
    yield valid("noised", "statistics with noise, whose counts need not add up", document=NOISED)
    yield valid("hidden-missing", "few missing rows, told with the first bins", document=HIDDEN)
    for rule, name, what, path, value in BAD:
        yield bad(f"statistics.{rule}", name, what, document=change(path, value))


if __name__ == "__main__":
    write("statistics", cases())
