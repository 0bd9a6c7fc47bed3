"""The figures of a run's report, as small SVG drawings without scripts or outside references.

Colours come from the page's style sheet by class, so that the same drawing fits light, dark and paper.
Figures with a row for each member exist in a wide and a narrow drawing; the page shows the one that fits.
A figure with nothing to show is empty text.
"""

import itertools
import math
from collections.abc import Sequence

from markupsafe import Markup

from hansa.rehearsal.drawing import Scale, choose_ticks, element, figure, fit_text, thin
from hansa.rehearsal.outcome import CalibrationBin, Member, Outcome, Standing
from hansa.rehearsal.spelling import (
    WAYS,
    find_typical,
    format_bytes,
    format_count,
    format_gain,
    format_interval,
    format_measure,
)
from hansa.rehearsal.wording import MeanGain, find_mean_gain, merge_small_groups, write_headline

WIDE = 920.0
NARROW = 360.0
SQUARE = 400.0

_STANDING_CLASSES = {
    Standing.CLEAR: "clear",
    Standing.UNSURE: "unsure",
    Standing.FULL: "unsure",
    Standing.NONE: "loss",
    Standing.LOSS: "loss clear-loss",
    Standing.UNSCORED: "unsure",
}


def plot_gains(outcome: Outcome, *, narrow: bool = False) -> Markup:
    """Draw the gain of each scored member, sorted, with its 95% interval, and the mean of all on top."""
    members = outcome.scored
    if not members:
        return Markup("")
    mean = find_mean_gain(members)
    step = 42.0 if narrow else 26.0
    top, lines = 52.0, len(members) + (mean is not None)
    bottom = top + lines * step + (8 if mean is not None else 0)
    scale = _scale_gains(members, mean, start=8 if narrow else 238, stop=NARROW - 8 if narrow else 690)
    rows = [_draw_gain_axis(scale, top - 10, bottom)]
    if not narrow:
        rows.append(_text(800, 20, "alone → together", "axis end"))
        rows.append(_text(WIDE - 4, 20, "gain", "axis end"))
    y = top
    if mean is not None:
        rows.append(_draw_mean(mean, scale, y, step, narrow=narrow))
        y += step + 8
    for member in members:
        rows.append(_draw_gain(member, outcome.yardstick.cases, scale, y, step, narrow=narrow))
        y += step
    return figure(
        *rows,
        key=f"gains-{'narrow' if narrow else 'wide'}",
        title="Gain of each member, together over alone",
        description=f"{write_headline(outcome)} One row for each scored member, from the largest gain "
        f"({members[0].name}, {format_gain(members[0].gain_value)}) to the smallest ({members[-1].name}, "
        f"{format_gain(members[-1].gain_value)}), each with its 95% interval. The table below has all figures.",
        width=NARROW if narrow else WIDE,
        height=bottom + 30,
        variant="narrow" if narrow else "wide",
    )


def plot_roc(outcome: Outcome) -> Markup:
    """Draw the ROC curves over all test rows: alone, together, and together with local correction."""
    curves = outcome.joint.roc
    drawn = [
        (name, points)
        for name, points in (
            ("alone", curves.alone),
            ("corrected", curves.corrected),
            ("together", curves.together),
        )
        if len(points) > 1
    ]
    if not drawn:
        return Markup("")
    x, y = Scale(0, 1, 52, SQUARE - 14), Scale(0, 1, SQUARE - 50, 14)
    parts = [_draw_square_axes(x, y, "false alarms (share of the other cases)", "found (share of the cases)")]
    parts.append(_line(x(0), y(0), x(1), y(1), "guess"))
    parts.append(_line(x(0.05), y(0), x(0.05), y(1), "guide"))
    parts.append(_text(x(0.05) + 5, y(0) - 8, "5% false alarms", "axis"))
    parts.extend(_draw_curve(points, x, y, name) for name, points in drawn)
    metrics = outcome.joint.metrics
    areas = {name: metrics.get(f"auc_pooled_{name}", find_area(points)) for name, points in drawn}
    for line, name in enumerate(name for name in ("together", "corrected", "alone") if name in areas):
        at = y(0.36) + 20 * line
        parts.append(_line(x(0.3), at - 4, x(0.38), at - 4, f"curve {name}"))
        parts.append(_text(x(0.41), at, WAYS[name], "legend"))
        parts.append(_text(x(1) - 6, at, format_measure(areas[name]), "legend number end"))
    spoken = ", ".join(f"{WAYS[name]} {format_measure(area)}" for name, area in areas.items())
    return figure(
        *parts,
        key="roc",
        title="ROC curves over all test rows",
        description=f"Share of cases found against share of false alarms. Area under each curve: {spoken}; "
        "guessing would give 0.500.",
        width=SQUARE,
        height=SQUARE,
    )


def plot_calibration(outcome: Outcome) -> Markup:
    """Draw what came true against what was predicted, together and alone, with 95% intervals (Wilson)."""
    together = _keep_drawable(outcome.joint.calibration.together)
    alone = _keep_drawable(outcome.joint.calibration.alone)
    if not together:
        return Markup("")
    x, y = Scale(0, 1, 52, SQUARE - 14), Scale(0, 1, SQUARE - 50, 14)
    parts = [_draw_square_axes(x, y, "predicted", "came true"), _line(x(0), y(0), x(1), y(1), "guess")]
    most = max(found.rows for found in (*together, *alone))
    parts.extend(
        _dot(x(found.predicted or 0), y(found.observed or 0), _find_radius(found, most), "alone")
        for found in alone
    )
    for found in together:
        low, high = find_wilson_interval(found.observed or 0, found.rows)
        at = x(found.predicted or 0)
        words = (
            f"together: predicted {format_measure(found.predicted)}, came true {format_measure(found.observed)}, "
            f"{format_count(found.rows)} rows"
        )
        parts.append(
            element(
                "g",
                element("title", words),
                _line(at, y(low), at, y(high), "whisker together"),
                _dot(at, y(found.observed or 0), _find_radius(found, most), "together"),
            )
        )
    names = ("together", "alone") if alone else ("together",)
    for line, name in enumerate(names):
        parts.append(_dot(x(0.06), y(0.95) + 20 * line - 4, 5, name))
        parts.append(_text(x(0.06) + 14, y(0.95) + 20 * line, name, "legend"))
    return figure(
        *parts,
        key="calibration",
        title="Calibration: what was predicted and what came true",
        description="Each dot is a group of test rows with similar predictions; larger dots hold more rows. On the "
        "diagonal, predictions come true as often as they say. The table below has all figures.",
        width=SQUARE,
        height=SQUARE,
    )


def plot_traffic(outcome: Outcome, *, narrow: bool = False) -> Markup:
    """Draw, for each member, the rows that stayed and the masked bytes and numbers that left."""
    members = sorted(outcome.cohort, key=lambda member: (-member.rows, member.name.casefold()))
    if not members:
        return Markup("")
    step = 56.0 if narrow else 22.0
    top = 44.0
    start, middle, stop = (0.0, 0.0, NARROW - 122) if narrow else (238.0, 560.0, WIDE - 180)
    rows = Scale(0, max(1, *(m.rows for m in members)), start, stop if narrow else 460)
    left = Scale(0, max(1, *(m.bytes_up for m in members)), middle, stop)
    parts: list[Markup] = []
    if narrow:
        parts.append(_draw_key(0, 16, "stayed", "rows that stayed"))
        parts.append(_draw_key(140, 16, "left", "masked bytes that left"))
    else:
        parts.append(_text(start, 20, "rows that stayed", "axis"))
        parts.append(_text(middle, 20, "masked numbers that left, and their size", "axis"))
    for line, member in enumerate(members):
        y = top + line * step
        parts.append(_draw_traffic(member, rows, left, y, narrow=narrow))
    total = sum(member.rows for member in members)
    typical = find_typical([member.bytes_up for member in outcome.members])
    return figure(
        *parts,
        key=f"traffic-{'narrow' if narrow else 'wide'}",
        title="What stayed and what left, member by member",
        description=f"All {format_count(total)} rows stayed with their members, from {format_count(members[-1].rows)} to "
        f"{format_count(members[0].rows)} each. What left is masked numbers, {format_bytes(typical)} for the median "
        "member. The table below has all figures.",
        width=NARROW if narrow else WIDE,
        height=top + len(members) * step + 6,
        variant="narrow" if narrow else "wide",
    )


def find_area(points: Sequence[tuple[float, float]]) -> float:
    """Return the area under a curve by the trapezoid rule, from (0, 0) to (1, 1)."""
    whole = sorted([(0.0, 0.0), *points, (1.0, 1.0)])
    return sum((b[0] - a[0]) * (a[1] + b[1]) / 2 for a, b in itertools.pairwise(whole))


def find_height(points: Sequence[tuple[float, float]], across: float) -> float:
    """Return the height of a curve at `across`, on straight lines from (0, 0) through the points to (1, 1)."""
    whole = sorted([(0.0, 0.0), *points, (1.0, 1.0)])
    before = max(point for point in whole if point[0] <= across)
    after = min(point for point in whole if point[0] >= across)
    if after[0] == before[0]:
        return before[1]
    return before[1] + (across - before[0]) / (after[0] - before[0]) * (after[1] - before[1])


def find_wilson_interval(share: float, rows: int) -> tuple[float, float]:
    """Return the 95% interval of a share seen in `rows` rows.

    Source: Wilson 1927, score interval.
    """
    z = 1.959963984540054
    centre = share + z * z / (2 * rows)
    margin = z * math.sqrt(max(0.0, share * (1 - share)) / rows + z * z / (4 * rows * rows))
    scale = 1 + z * z / rows
    return (max(0.0, (centre - margin) / scale), min(1.0, (centre + margin) / scale))


def _scale_gains(members: Sequence[Member], mean: MeanGain | None, *, start: float, stop: float) -> Scale:
    """Fit all gains and most intervals: the widest would squeeze the others to a dot, and end in arrows."""
    gains = [member.gain_value or 0.0 for member in members]
    lows, highs = [0.0, *gains], [0.0, *gains]
    intervals = [member.interval for member in members if member.interval is not None]
    lows.extend(sorted((low for low, _ in intervals), reverse=True)[: _count_kept(intervals)])
    highs.extend(sorted(high for _, high in intervals)[: _count_kept(intervals)])
    if mean is not None:
        lows.append(mean.low)
        highs.append(mean.high)
    ticks = choose_ticks(max(-1.0, min(lows)), min(1.0, max(highs)), 6)
    return Scale(ticks[0], ticks[-1], start, stop)


def _count_kept(intervals: Sequence[object]) -> int:
    return math.ceil(0.6 * len(intervals))


def _draw_gain_axis(scale: Scale, top: float, bottom: float) -> Markup:
    parts = []
    for tick in choose_ticks(scale.low, scale.high, 6):
        zero = tick == 0
        parts.append(_line(scale(tick), top, scale(tick), bottom, "zero" if zero else "grid"))
        label = "0" if zero else f"{tick:+.2g}".replace("-", "−")
        anchor = "end" if tick == scale.high else "start" if tick == scale.low else "middle"
        parts.append(_text(scale(tick), bottom + 18, label, f"tick {anchor}"))
    if scale(0) - scale.start > 110:
        parts.append(_text(scale(0) - 8, 20, "← better alone", "axis end"))
    if scale.stop - scale(0) > 130:
        parts.append(_text(scale(0) + 8, 20, "better together →", "axis"))
    return Markup("").join(parts)


def _draw_gain(member: Member, counted: str, scale: Scale, y: float, step: float, *, narrow: bool) -> Markup:
    gain, interval = member.gain_value or 0.0, member.interval
    name = _STANDING_CLASSES[member.standing]
    cases = f", {format_count(member.test_positives)} {counted}" if counted else ""
    words = (
        f"{member.name}: {format_gain(gain)}, interval {format_interval(interval)}, {member.standing}; "
        f"{format_count(member.test_rows)} test rows{cases}"
    )
    alone = member.alone.figure if member.alone else None
    together = member.together.figure if member.together else None
    line = y + step - 16 if narrow else y + step / 2
    parts = [element("title", words), _draw_names(member.name, format_gain(gain), y, step, narrow=narrow)]
    if not narrow:
        ways = f"{format_measure(alone)} → {format_measure(together)}"
        parts.append(_text(800, line + 4.5, ways, "number muted end"))
    if interval is not None:
        parts.append(_draw_interval(interval, scale, line, name))
    parts.append(_dot(scale(gain), line, 5, name))
    return element("g", *parts)


def _draw_interval(interval: tuple[float, float], scale: Scale, y: float, name: str) -> Markup:
    """Draw an interval; where it goes on beyond the axis, it ends in an arrow."""
    low, high = scale(interval[0]), scale(interval[1])
    drawn = _line(low, y, high, y, f"whisker {name}")
    for end, inward, beyond in (
        (low, 5, interval[0] < scale.low),
        (high, -5, interval[1] > scale.high),
    ):
        if beyond:
            points = f"{end + inward:.1f},{y - 4:.1f} {end:.1f},{y:.1f} {end + inward:.1f},{y + 4:.1f}"
            drawn += element("polyline", points=points, class_=f"whisker arrow {name}")
    return drawn


def _draw_mean(mean: MeanGain, scale: Scale, y: float, step: float, *, narrow: bool) -> Markup:
    line = y + step - 16 if narrow else y + step / 2
    at, low, high = scale(mean.value), scale(mean.low), scale(mean.high)
    diamond = f"{low:.2f},{line:.2f} {at:.2f},{line - 6:.2f} {high:.2f},{line:.2f} {at:.2f},{line + 6:.2f}"
    title = f"Mean of {mean.members}"
    words = f"{title}: {format_gain(mean.value)}, interval {format_interval((mean.low, mean.high))}"
    return element(
        "g",
        element("title", words),
        _draw_names(title, format_gain(mean.value), y, step, narrow=narrow),
        element("polygon", points=diamond, class_="mean"),
        class_="strong",
    )


def _draw_names(name: str, value: str, y: float, step: float, *, narrow: bool) -> Markup:
    if narrow:
        shown = _text(0, y + 13, fit_text(name, width=270, size=13), "name")
        return shown + _text(NARROW, y + 13, value, "number end")
    shown = _text(224, y + step / 2 + 4.5, fit_text(name, width=220, size=13), "name end")
    return shown + _text(WIDE - 4, y + step / 2 + 4.5, value, "number end")


def _draw_traffic(member: Member, rows: Scale, left: Scale, y: float, *, narrow: bool) -> Markup:
    held = f"{format_count(member.rows)}"
    sent = f"{format_count(member.numbers_left)} · {format_bytes(member.bytes_up)}"
    words = f"{member.name}: {held} rows stayed; {sent} left, masked"
    title = element("title", words)
    if narrow:
        return element(
            "g",
            title,
            _text(0, y + 12, fit_text(member.name, width=NARROW, size=13), "name"),
            _bar(rows, member.rows, y + 19, 8, "stayed"),
            _text(rows(member.rows) + 6, y + 27, held, "tick"),
            _bar(left, member.bytes_up, y + 33, 8, "left"),
            _text(left(member.bytes_up) + 6, y + 41, sent, "tick"),
        )
    return element(
        "g",
        title,
        _text(224, y + 14, fit_text(member.name, width=220, size=13), "name end"),
        _bar(rows, member.rows, y + 5, 10, "stayed"),
        _text(rows(member.rows) + 7, y + 14.5, held, "number muted"),
        _bar(left, member.bytes_up, y + 5, 10, "left"),
        _text(left(member.bytes_up) + 7, y + 14.5, sent, "number muted"),
    )


def _draw_square_axes(x: Scale, y: Scale, across: str, up: str) -> Markup:
    parts = []
    for tick in (0.0, 0.25, 0.5, 0.75, 1.0):
        label = f"{tick:.2f}".rstrip("0").rstrip(".")
        parts.append(_line(x(tick), y(0), x(tick), y(1), "grid"))
        parts.append(_line(x(0), y(tick), x(1), y(tick), "grid"))
        parts.append(_text(x(tick), y(0) + 18, label, "tick end" if tick == 1 else "tick middle"))
        parts.append(_text(x(0) - 8, y(tick) + 4, label, "tick end"))
    middle = (y(0) + y(1)) / 2
    parts.append(_text((x(0) + x(1)) / 2, y(0) + 40, across, "axis middle"))
    turned = element(
        "text", up, x=13, y=middle, transform=f"rotate(-90 13 {middle:.0f})", class_="axis middle"
    )
    return Markup("").join([*parts, turned])


def _draw_curve(points: Sequence[tuple[float, float]], x: Scale, y: Scale, name: str) -> Markup:
    drawn = " ".join(f"{x(across):.1f},{y(up):.1f}" for across, up in thin(points, step=0.004))
    return element("polyline", points=drawn, class_=f"curve {name}")


def _draw_key(x: float, y: float, name: str, words: str) -> Markup:
    swatch = element("rect", x=x, y=y - 9, width=10, height=10, rx=2, class_=f"bar {name}")
    return swatch + _text(x + 16, y, words, "axis")


def _keep_drawable(bins: Sequence[CalibrationBin]) -> list[CalibrationBin]:
    return [
        found
        for found in merge_small_groups(bins)
        if found.predicted is not None and found.observed is not None
    ]


def _find_radius(found: CalibrationBin, most: int) -> float:
    return 2.5 + 8 * math.sqrt(found.rows / most)


def _bar(scale: Scale, value: float, y: float, height: float, name: str) -> Markup:
    width = max(1.5, scale(value) - scale.start)
    return element("rect", x=scale.start, y=y, width=width, height=height, rx=2, class_=f"bar {name}")


def _dot(x: float, y: float, radius: float, name: str) -> Markup:
    return element("circle", cx=x, cy=y, r=radius, class_=f"dot {name}")


def _line(x1: float, y1: float, x2: float, y2: float, name: str) -> Markup:
    return element("line", x1=x1, y1=y1, x2=x2, y2=y2, class_=name)


def _text(x: float, y: float, text: str, name: str) -> Markup:
    return element("text", text, x=x, y=y, class_=name)
