"""The command line: nouns and verbs of the story, for people and for scripts.

A face: it reads what was typed, calls the rooms below, and turns what they answer into text or JSON and an exit
code. It decides nothing, keeps nothing, and shows no traceback to anybody who did not ask for one. One module a
noun; the heavy rooms are imported inside the commands, so that every page of help is there at once.

Typical use::

    $ hansa demo
    $ hansa verify demo

Every command, option and exit code: `docs/cli.md`. From Python:

    >>> from hansa.cli import main
    >>> main(["verify", "nowhere", "--json"])
    {
      "error": {
        "family": "unavailable",
        "rule": "unavailable",
        "reasons": [
          "there is nothing at `nowhere`"
        ]
      }
    }
    5
"""

import sys
from collections.abc import Sequence

__all__ = ["main"]


def main(arguments: Sequence[str] | None = None) -> int:
    """Run one command; see `application.main`, which is loaded here so that Ctrl-C may also come while it loads.

    Args:
        arguments: what stands after `hansa`; None takes it from the process.

    Returns:
        The exit code, see `failure`.
    """
    try:
        from hansa.cli.application import main as run

        return run(arguments)
    except KeyboardInterrupt:  # before or after the command itself, which explains its own
        sys.stderr.write("interrupted: stopped by Ctrl-C [interrupted]\n")
        sys.stderr.flush()
        return 130
