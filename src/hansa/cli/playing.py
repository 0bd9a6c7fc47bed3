"""What `hansa demo` and `hansa rehearse` share: a folder that may be played in, the play, and its last lines."""

import resource
import shutil
import sys
import time
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Final

from rich.text import Text

from hansa.cli.printing import make_facts, narrate, open_console, show
from hansa.errors import Refused
from hansa.rehearsal import Cast, play
from hansa.rehearsal.stage import STAGE_FILE

README: Final = "README.txt"
_FIRST_LINE: Final = "This coalition was played by a rehearsal of hansa on one machine.\n"
_README: Final = (
    _FIRST_LINE
    + """
report.html      what came of it, for people
result.json      the same for programs; it holds every member's private figures
log/             the record, published: `hansa verify` replays it alone
blobs/           the model and the coalition's report, named by their digests
members/         each member's own side: its key, its data, its private report
hub/             the hub's side: its key and the log's file

All keys lie in this one folder, and its clock was put forward. It proves the mechanics, nobody's consent.
Playing again with --again replaces the folder.
"""
)


def make_room(folder: Path, *, again: bool) -> None:
    """See that a rehearsal may be played in a folder; with `again` an earlier rehearsal is removed.

    Raises:
        Refused: `rehearsal.exists`, there was a rehearsal; `rehearsal.not-ours`, there is something else, which is
            never removed.
    """
    if not folder.exists() or (folder.is_dir() and not any(folder.iterdir())):
        return
    if not _is_rehearsal(folder):
        raise Refused(
            "rehearsal.not-ours",
            f"`{folder}` holds something that is not a finished rehearsal, and is left alone; name another folder",
        )
    if not again:
        raise Refused(
            "rehearsal.exists",
            f"`{folder}` holds an earlier rehearsal; `--again` replaces it, or name another folder",
        )
    shutil.rmtree(folder)


def play_and_tell(folder: Path, cast: Cast, *, as_json: bool, open_report: bool) -> None:
    """Play a whole coalition and print what came of it.

    Raises:
        Refused, Malformed, Unavailable: what stopped it; what was played until then stays in the folder.
    """
    begun = time.perf_counter()
    narrator = narrate(as_json=as_json)
    try:
        played = play(folder, cast, narrator)
    finally:
        if (folder / STAGE_FILE).is_file():
            (folder / README).write_text(_README, encoding="utf-8")
    seconds = time.perf_counter() - begun
    memory = measure_peak_memory()
    if open_report:
        import webbrowser

        webbrowser.open(played.report.resolve().as_uri())
    if as_json:
        show(_describe(folder, played.result, played.report, seconds, memory), as_json=True)
        return
    from hansa.rehearsal.spelling import format_bytes, format_seconds
    from hansa.rehearsal.summary import print_summary

    console = open_console()
    print_summary(played.result, console)
    console.print(
        make_facts(
            [
                ("took     ", f"{format_seconds(seconds)}, at most {format_bytes(memory)} of memory"),
                ("log      ", str(played.log)),
                ("report   ", Text(str(played.report), style="bold")),
            ]
        )
    )


def measure_peak_memory() -> int:
    """Return the most memory that this process has held, bytes."""
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return peak if sys.platform == "darwin" else peak * 1024


def _is_rehearsal(folder: Path) -> bool:
    try:
        return (folder / README).read_text(encoding="utf-8").startswith(_FIRST_LINE)
    except (OSError, UnicodeDecodeError):
        return False


def _describe(
    folder: Path, result: Mapping[str, Any], report: Path, seconds: float, memory: int
) -> dict[str, Any]:
    joint = result["joint"]
    return {
        "folder": str(folder),
        "coalition": result["coalition"]["id"],
        "log": result["log"],
        "report": str(report),
        "result": str(folder / "result.json"),
        "guarantee": result["guarantee"],
        "metrics": joint["metrics"],
        "bars": joint["bars"],
        "decisions": result["decisions"],
        "timings": result["timings"],
        "seconds": round(seconds, 3),
        "peak_memory_bytes": memory,
        "verify": f"hansa verify {result['log']}",
    }
