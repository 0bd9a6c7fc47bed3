"""What `hansa demo` and `hansa rehearse` share: a folder that may be played in, the play, and its last lines."""

import resource
import shlex
import shutil
import sys
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from rich.text import Text

from hansa.cli.printing import make_facts, narrate, open_console, show, trimmed
from hansa.errors import Refused, Unavailable
from hansa.rehearsal import Cast, play
from hansa.rehearsal.play import is_finished, is_rehearsal
from hansa.store.lock import WriterLock


@contextmanager
def make_room(folder: Path, *, again: bool) -> Iterator[None]:
    """Let a rehearsal be played in a folder: use with `with`, and play inside.

    With `again` a finished earlier rehearsal stands aside in a hidden folder until the new one is there. It comes
    back when the new one is not finished, and it is removed only when the new one is.

    Raises:
        Refused: `rehearsal.exists`, there was a rehearsal; `rehearsal.not-ours`, there is something else, which is
            never removed; `rehearsal.inside`, the folder to be replaced is the one in which the process stands.
        Unavailable: another process has the earlier rehearsal open, or it cannot be moved.
    """
    place = folder.resolve()  # a symbolic link stays where it is
    aside = place.with_name(f".{place.name}.earlier")
    with _explained(f"`{folder}` cannot be replaced"):
        _bring_back(place, aside)
        if _is_vacant(place):
            earlier = None
        else:
            _verify_replaceable(folder, place, again=again)
            earlier = _clear(place, aside)
    try:
        yield
    except BaseException as error:
        if earlier is None:
            if place.is_dir() and is_rehearsal(place):
                error.add_note(f"what was played until then stays in `{folder}`; `--again` plays it anew")
        else:
            _bring_back(place, aside)
            error.add_note(f"the earlier rehearsal is back in `{folder}`")
        raise
    if earlier is not None:
        with _explained(f"`{folder}` is played, but the earlier rehearsal cannot be removed"):
            shutil.rmtree(earlier)


def _bring_back(place: Path, aside: Path) -> None:
    """Undo or complete a replacement that did not come to its end, also one whose process was killed."""
    if not aside.is_dir():
        return
    if is_finished(place):
        shutil.rmtree(aside)
        return
    if _is_vacant(place) or is_rehearsal(place):
        with _locked(place):
            if place.exists():
                shutil.rmtree(place)
            aside.rename(place)


def _is_vacant(place: Path) -> bool:
    return not place.exists() or (place.is_dir() and not any(place.iterdir()))


def _verify_replaceable(folder: Path, place: Path, *, again: bool) -> None:
    if not is_rehearsal(place):
        raise Refused(
            "rehearsal.not-ours",
            f"`{folder}` holds something that no rehearsal has made, and is left alone; name another folder, or remove "
            "this one yourself",
        )
    if not again:
        state = "an earlier rehearsal" if is_finished(place) else "a rehearsal that was not finished"
        raise Refused(
            "rehearsal.exists", f"`{folder}` holds {state}; `--again` replaces it, or name another folder"
        )
    here = Path.cwd()
    if place == here or place in here.parents:
        raise Refused(
            "rehearsal.inside", f"you stand inside `{place}`, which would be replaced; leave it first"
        )


def _clear(place: Path, aside: Path) -> Path | None:
    """Move a finished rehearsal aside, remove an unfinished one; return where the finished one is."""
    with _locked(place):
        if not is_finished(place):
            shutil.rmtree(place)
            place.mkdir()
            return None
        place.rename(aside)
    place.mkdir()
    return aside


@contextmanager
def _locked(place: Path) -> Iterator[None]:
    """See that no other process has the coalition of a folder open.

    Raises:
        Unavailable: one has; the text says which.
    """
    log = place / "hub" / "log.sqlite"
    if not log.is_file():
        yield
        return
    lock = WriterLock(log)
    try:
        yield
    finally:
        lock.release()


@contextmanager
def _explained(failure: str) -> Iterator[None]:
    """Turn a failure of the disk into `Unavailable`, in words."""
    try:
        yield
    except OSError as error:
        place = f" (`{error.filename}`)" if error.filename else ""
        raise Unavailable(f"{failure}: {error.strerror or 'the disk failed'}{place}") from error


def play_and_tell(folder: Path, cast: Cast, *, as_json: bool, open_report: bool) -> None:
    """Play a whole coalition and print what came of it.

    Raises:
        Refused, Malformed, Unavailable: what stopped it; what was played until then stays in the folder.
    """
    begun = time.perf_counter()
    played = play(folder, cast, narrate(as_json=as_json))
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
    with trimmed(console):
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
        "verify": f"hansa verify {shlex.quote(str(result['log']))}",
    }
