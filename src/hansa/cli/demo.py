"""`hansa demo`: a whole coalition, in a minute."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

from cyclopts import App, Parameter

from hansa.cli.options import AsJson

app = App(name="demo", help="Watch 33 airlines found a coalition, vote, train and prove it.")

Again = Annotated[
    bool, Parameter(negative="", show_default=False, help="Replace what an earlier rehearsal left there.")
]


@app.default
def demo(
    *,
    folder: Annotated[Path, Parameter(help="Where the coalition will live.")] = Path("demo"),
    again: Again = False,
    open_report: Annotated[
        bool,
        Parameter(
            name="--open", negative="", show_default=False, help="Open the report in the browser at the end."
        ),
    ] = False,
    as_json: AsJson = False,
) -> None:
    """Watch 33 airlines found a coalition, vote, train and prove it.

    Real data (wildlife strikes on aircraft, 1990 to 1999), real keys, votes, secure sums, noise and proofs; only the
    clock is put forward. At the end: a summary, a report, and a log that `hansa verify` replays.
    """
    import tempfile

    from hansa.cli.playing import make_room, play_and_tell
    from hansa.rehearsal import cast_birds

    with tempfile.TemporaryDirectory() as tables, make_room(folder, again=again):
        play_and_tell(folder, cast_birds(Path(tables)), as_json=as_json, open_report=open_report)
