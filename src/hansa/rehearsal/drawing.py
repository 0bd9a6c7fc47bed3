"""Elements, scales and text fitting for the report's SVG figures.

Only what the figures need: elements are escaped, every coordinate is checked to be finite, and text is
measured by estimate, because the fonts of the reader's machine are not known here.
"""

import math
import unicodedata
from collections.abc import Sequence
from dataclasses import dataclass

from markupsafe import Markup, escape

_NARROW = frozenset("iljtfrI.,:;|'!()[] ")


def element(name: str, *children: str, **attributes: str | float) -> Markup:
    """Return one element; texts and attributes are escaped, `Markup` children are kept.

    Args:
        name: the element's name.
        *children: texts or finished elements, in order.
        **attributes: `text_anchor` is written `text-anchor`, a trailing underscore falls away, and
            numbers are written with at most two decimals.

    Raises:
        ValueError: a number is not finite, so that no figure can hold a NaN.
    """
    written = "".join(
        f' {key.rstrip("_").replace("_", "-")}="{escape(_spell(value))}"' for key, value in attributes.items()
    )
    inside = "".join(str(escape(child)) for child in children)
    return Markup(f"<{name}{written}>{inside}</{name}>")  # noqa: S704 - every part was escaped above


def figure(
    *children: str, key: str, title: str, description: str, width: float, height: float, variant: str = ""
) -> Markup:
    """Return a complete SVG figure with the title and description that screen readers speak.

    Args:
        *children: the finished elements.
        key: unique on the page; the ids of title and description begin with it.
        title: what the figure is.
        description: what it shows, in a sentence or two.
        width: of the drawing area, px.
        height: of the drawing area, px.
        variant: `wide`, `narrow` or empty; the page shows the one that fits.
    """
    return element(
        "svg",
        element("title", title, id=f"{key}-title"),
        element("desc", description, id=f"{key}-desc"),
        *children,
        viewBox=f"0 0 {_spell(width)} {_spell(height)}",
        role="img",
        aria_labelledby=f"{key}-title {key}-desc",
        class_=f"figure {variant}".strip(),
    )


@dataclass(frozen=True)
class Scale:
    """A straight line from values to pixels; values outside the domain are drawn at its edge.

    Args:
        low: the value drawn at `start`.
        high: the value drawn at `stop`, > `low`.
        start: px.
        stop: px.
    """

    low: float
    high: float
    start: float
    stop: float

    def __call__(self, value: float) -> float:
        """Return the pixel of `value`."""
        inside = min(max(value, self.low), self.high)
        return self.start + (inside - self.low) / (self.high - self.low) * (self.stop - self.start)


def choose_ticks(low: float, high: float, count: int) -> tuple[float, ...]:
    """Return round values (1, 2 or 5 times a power of ten apart) from at or below `low` to at or above `high`.

    Args:
        low: finite.
        high: finite; a range that is empty, or next to nothing for its size, is widened.
        count: about how many steps, >= 1.
    """
    if high - low <= 1e-9 * max(1.0, abs(low), abs(high)):
        low, high = low - 0.5, high + 0.5
    rough = (high - low) / count
    power = 10.0 ** math.floor(math.log10(rough))
    step = power * next(factor for factor in (1, 2, 5, 10) if rough <= factor * power * (1 + 1e-9))
    first, last = math.floor(low / step + 1e-9), math.ceil(high / step - 1e-9)
    return tuple(round(number * step, 12) for number in range(first, last + 1))


def fit_text(text: str, *, width: float, size: float) -> str:
    """Return `text`, cut with an ellipsis when it is estimated to be wider than `width` px at `size` px."""
    if _measure(text) * size <= width:
        return text
    kept = ""
    for character in text:
        if (_measure(kept + character) + 0.8) * size > width:
            break
        kept += character
    return kept.rstrip() + "…"


def wrap_text(text: str, *, width: float, size: float, lines: int) -> tuple[str, ...]:
    """Return `text` broken at spaces into at most `lines` lines of `width` px; what is left over is cut."""
    done: list[str] = []
    line = ""
    words = text.split()
    for position, word in enumerate(words):
        longer = f"{line} {word}".strip()
        if line and _measure(longer) * size > width:
            if len(done) == lines - 1:
                line = " ".join([line, *words[position:]])
                break
            done.append(line)
            line = word
        else:
            line = longer
    return tuple(fit_text(part, width=width, size=size) for part in (*done, line) if part)


def thin(points: Sequence[tuple[float, float]], *, step: float) -> tuple[tuple[float, float], ...]:
    """Return the points that are at least `step` (sum of both axes) from the one kept before, and the last."""
    kept: list[tuple[float, float]] = []
    for x, y in points:
        if not kept or abs(x - kept[-1][0]) + abs(y - kept[-1][1]) >= step:
            kept.append((x, y))
    if points and kept[-1] != points[-1]:
        kept.append(points[-1])
    return tuple(kept)


def _measure(text: str) -> float:
    """Estimate the width of `text` in em, for a wide typeface: too short is better than cut off."""
    width = 0.0
    for character in text:
        if character in _NARROW:
            width += 0.36
        elif unicodedata.east_asian_width(character) in "WF":
            width += 1.0
        elif character.isupper() or character in "mwMW—…→":
            width += 0.76
        else:
            width += 0.61
    return width


def _spell(value: str | float) -> str:
    if isinstance(value, str):
        return value
    if not math.isfinite(value):
        raise ValueError(f"a coordinate must be finite, got {value}")
    rounded = round(value, 2) + 0.0  # adding 0.0 turns -0.0 into 0.0
    return f"{rounded:.2f}".rstrip("0").rstrip(".")
