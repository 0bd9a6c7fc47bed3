"""Where organisations disagree about a column: its type, its spellings, its codes, its units."""

import math
import re
from collections import Counter, defaultdict
from collections.abc import Iterator, Mapping, Sequence
from statistics import median
from typing import Final, Literal

from hansa.governance import Finding
from hansa.node.cell import advise_number, is_number
from hansa.node.likeness import enumerate_some, fold_text, show
from hansa.rehearsal.profile import ColumnProfile

Profiles = Mapping[str, ColumnProfile]
"""A column's profile by the name of the file that has it, in order."""

MANY_NUMBERS: Final = 20
"""A column with more different numbers than this is meant to be numeric, whatever texts stand among them."""

NEARLY_ALL: Final = 0.95
"""So is one with at least three different numbers and this share of numbers among its values."""

CODED: Final = 12
"""A column with at most this many values in a file may be coded."""

_FEW_ROWS: Final = 10
_FAR: Final = 4.0
_SCALED: Final = 5.0
_UNITS: Final = (
    (1 / 0.3048, "feet and metres"),
    (18.016, "mg/dl and mmol/l of glucose"),
    (38.67, "mg/dl and mmol/l of cholesterol"),
    (28.3495, "ounces and grams"),
    (60.0, "minutes and hours"),
    (3600.0, "seconds and hours"),
    (10.0, "a power of ten"),
    (100.0, "percent and shares"),
    (1000.0, "thousands and ones"),
)


def is_numeric(profiles: Profiles) -> bool:
    """Say whether a column is meant to hold numbers.

    A column of numbers may hold a few texts by mistake, and a column of categories may spell some of them in digits
    (`0`, `1`, `2-10`): many different numbers, or nearly nothing else, decide for numbers.
    """
    numbers = sum(profile.numbers for profile in profiles.values())
    texts = sum(profile.texts for profile in profiles.values())
    if not texts or not numbers:
        return numbers > 0
    different = {text for profile in profiles.values() for text in profile.counts if is_number(text)}
    return len(different) > MANY_NUMBERS or (
        len(different) >= 3 and numbers >= NEARLY_ALL * (numbers + texts)
    )


def compare_numbers(column: str, profiles: Profiles) -> Iterator[Finding]:
    """Yield what is wrong with a column that is meant to hold numbers."""
    for file, profile in profiles.items():
        if profile.texts and profile.texts > profile.numbers:
            word, row = next(iter(profile.words.items()))
            message = (
                f"found texts such as {show(word)} where other organisations have numbers; {advise_number(word)},"
                " or leave the column out everywhere"
            )
            yield Finding("error", "inspect.type", message, f"{file}, row {row}, column {show(column)}")
        elif profile.texts:
            shown = list(profile.words.items())
            for word, row in shown[:5]:
                message = f"found {show(word)} in a column of numbers; {advise_number(word)}"
                yield Finding(
                    "error", "inspect.text-in-numbers", message, f"{file}, row {row}, column {show(column)}"
                )
            if profile.texts > 5 and len(shown) > 5:
                message = f"{profile.texts:,} cells in all hold text in a column of numbers"
                yield Finding("error", "inspect.text-in-numbers", message, f"{file}, column {show(column)}")
    yield from _compare_codes(column, profiles)
    yield from _compare_scales(column, profiles)


def _compare_codes(column: str, profiles: Profiles) -> Iterator[Finding]:
    """A column with two numbers in each file, and not the same two, is coded in two ways."""
    sets = {
        file: frozenset(profile.counts)
        for file, profile in profiles.items()
        if profile.present and not profile.texts
    }
    if sets and all(len(values) == 2 for values in sets.values()) and len(set(sets.values())) > 1:
        message = (
            f"each organisation has two numbers, and not the same ones ({_tell_codes(sets)}); if they are codes, agree on"
            " one coding"
        )
        yield Finding("warning", "inspect.codes", message, f"column {show(column)}")


def _compare_scales(column: str, profiles: Profiles) -> Iterator[Finding]:
    scored = {
        file: (profile.mean, profile.deviation)
        for file, profile in profiles.items()
        if profile.numbers >= _FEW_ROWS and profile.deviation > 0
    }
    if len(scored) < 3:
        return
    for file, (mean, deviation) in scored.items():
        others = [values for other, values in scored.items() if other != file]
        their_mean = median(value for value, _ in others)
        their_deviation = median(value for _, value in others)
        ratio = _common_ratio(mean / their_mean if their_mean else math.nan, deviation / their_deviation)
        if ratio or abs(mean - their_mean) > _FAR * max(deviation, their_deviation):
            message = (
                f"the mean is {mean:.4g} and {their_mean:.4g} elsewhere, the deviation {deviation:.4g} and"
                f" {their_deviation:.4g}{_guess_units(ratio)}; check that all use the same unit"
            )
            yield Finding("warning", "inspect.scale", message, f"{file}, column {show(column)}")


def _common_ratio(means: float, deviations: float) -> float:
    """Return by what factor a column is scaled if mean and deviation agree on it; at least 1, else 0."""
    if not means > 0:
        return 0.0
    if means < 1:
        means, deviations = 1 / means, 1 / deviations
    if means >= _SCALED and deviations >= _SCALED:
        return means
    near = any(abs(means / unit - 1) < 0.03 and abs(deviations / unit - 1) < 0.1 for unit, _ in _UNITS)
    return means if near else 0.0


def _guess_units(ratio: float) -> str:
    if not ratio:
        return ""
    guess = next((f" ({words}?)" for unit, words in _UNITS if abs(ratio / unit - 1) < 0.15), "")
    return f", {float(f'{ratio:.2g}'):,.10g} times as large or small{guess}"


def compare_categories(column: str, profiles: Profiles, *, counted: bool) -> Iterator[Finding]:
    """Yield what is wrong with a column of categories: one of them spelt in two ways, or coded in two ways.

    Args:
        column: its name.
        profiles: its profiles.
        counted: whether it has too many categories for a dictionary; spellings are then a warning.
    """
    codings = () if counted else tuple(_compare_codings(column, profiles))
    # Where each has codes of its own, spellings that happen to be alike would only hide it.
    yield from codings or _compare_spellings(column, profiles, counted=counted)


def _compare_spellings(column: str, profiles: Profiles, *, counted: bool) -> Iterator[Finding]:
    spellings: dict[str, Counter[str]] = defaultdict(Counter)
    for profile in profiles.values():
        for text, count in profile.counts.items():
            spellings[fold_text(text)][text] += count
    for texts in spellings.values():
        if len(texts) < 2:
            continue
        usual = max(
            texts,
            key=lambda text: (sum(text in profile.counts for profile in profiles.values()), texts[text]),
        )
        for text in texts:
            if text == usual:
                continue
            files = [file for file, profile in profiles.items() if text in profile.counts]
            row = profiles[files[0]].first_rows[text]
            also = f" (also in {enumerate_some(files[1:], 3)})" if len(files) > 1 else ""
            message = f"found {show(text)}, and {show(usual)} elsewhere{also}; spell the category in one way"
            level: Literal["error", "warning"] = "warning" if counted else "error"
            yield Finding(level, "inspect.spelling", message, f"{files[0]}, row {row}, column {show(column)}")


def _compare_codings(column: str, profiles: Profiles) -> Iterator[Finding]:
    """Report organisations that share no category with any other: each encodes the column in its own way."""
    sets = {
        file: frozenset(profile.counts)
        for file, profile in profiles.items()
        if 2 <= len(profile.counts) <= CODED
    }
    folded = {file: frozenset(map(fold_text, values)) for file, values in sets.items()}
    if len(_link(list(folded.values()))) < 2:
        return
    example = next(iter(sets))
    row = min(profiles[example].first_rows[text] for text in sets[example])
    message = (
        f"organisations encode this column in different ways ({_tell_codes(sets)}); agree on one list of categories and"
        " recode, or leave the column out"
    )
    yield Finding(
        "error", "inspect.encodings", message, f"{example} and others, from row {row}, column {show(column)}"
    )


def _link(sets: Sequence[frozenset[str]]) -> list[frozenset[str]]:
    """Unite sets that share an element until none do."""
    united: list[frozenset[str]] = []
    for values in sets:
        touching = [other for other in united if other & values]
        united = [other for other in united if not other & values] + [values.union(*touching)]
    return united


def _tell_codes(sets: Mapping[str, frozenset[str]]) -> str:
    by_values: dict[frozenset[str], list[str]] = defaultdict(list)
    for file, values in sets.items():
        by_values[values].append(file)
    told = [
        f"{enumerate_some(files, 2)}: {enumerate_some(map(show, sort_categories(values)), 4)}"
        for values, files in by_values.items()
    ]
    return "; ".join(told[:12]) + ("; …" if len(told) > 12 else "")


def sort_categories(values: frozenset[str] | Sequence[str]) -> list[str]:
    """Return categories in an order that people expect: by the number at the beginning, then by letter.

    Example:
        >>> sort_categories(["Over 100", "11-100", "2-10", "1"])
        ['1', '2-10', '11-100', 'Over 100']
    """

    def key(text: str) -> tuple[float, str, str]:
        number = re.match(r"\s*-?[0-9]+", text)
        return (float(number[0]) if number else math.inf, text.casefold(), text)

    return sorted(values, key=key)
