"""The report's figures one by one: shown by a notebook, or kept as files."""

import base64
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from importlib.resources import files
from pathlib import Path
from types import MappingProxyType
from typing import Final

from markupsafe import Markup

from hansa.errors import Refused
from hansa.rehearsal.outcome import Outcome
from hansa.rehearsal.plots import plot_calibration, plot_gains, plot_roc

_KINDS: Final[Mapping[str, Callable[[Outcome], Markup]]] = MappingProxyType(
    {"gains": plot_gains, "roc": plot_roc, "calibration": plot_calibration}
)


@dataclass(frozen=True, slots=True)
class Picture:
    """A figure as one SVG file that needs nothing else.

    Args:
        svg: the file's text.
    """

    svg: str

    def save(self, path: Path | str) -> None:
        """Write the picture to a file, whose name best ends in `.svg`."""
        Path(path).write_text(self.svg, encoding="utf-8")

    def _repr_html_(self) -> str:
        """Show it in a notebook, as an image, so that its style and the page's do not meet."""
        data = base64.b64encode(self.svg.encode()).decode()
        return f'<img alt="" style="max-width: 100%" src="data:image/svg+xml;base64,{data}">'


def draw_picture(outcome: Outcome, kind: str) -> Picture:
    """Draw one figure of a report.

    Args:
        outcome: what a rehearsal gave.
        kind: `gains`, `roc` or `calibration`.

    Raises:
        ValueError: there is no such figure.
        Refused: `study.picture`, the run gave nothing to show in it.
    """
    if kind not in _KINDS:
        raise ValueError(f"there is no picture `{kind}`; there are {', '.join(_KINDS)}")
    drawn = str(_KINDS[kind](outcome))
    if not drawn:
        raise Refused("study.picture", f"this run gave nothing to show in `{kind}`")
    style = re.search(
        r"<style>(.*?)</style>",
        (files("hansa.rehearsal") / "templates" / "report.html").read_text(encoding="utf-8"),
        re.DOTALL,
    )
    assert style is not None  # the report has one
    # The report's page is light or dark as its reader likes; a picture stands on a page that does not know of it.
    light = style[1].partition("@media")[0]
    rules = [line for line in style[1].splitlines() if line.startswith(("svg .", "svg text"))]
    width, height = (float(side) for side in re.findall(r'viewBox="0 0 (\S+) (\S+)"', drawn)[0])
    css = "\n".join((light, "svg { font-family: var(--sans); background: var(--paper); }", *rules))
    opening = f'<svg xmlns="http://www.w3.org/2000/svg" width="{width:.0f}" height="{height:.0f}" overflow="visible" '
    body = drawn.replace("<svg ", opening, 1)
    first = body.index(">") + 1
    return Picture(f"{body[:first]}<style>{css}</style>{body[first:]}\n")
