"""The command `hansa`: its nouns, and the one place where what was raised becomes an exit code."""

import os
import sys
import traceback
from collections.abc import Sequence

from cyclopts import App

from hansa import __version__
from hansa.cli import (
    account,
    coalition,
    data,
    demo,
    hub,
    log,
    member,
    model,
    node,
    plan,
    proposal,
    rehearse,
    run,
    up,
    verify,
)
from hansa.cli.completion import make_installer
from hansa.cli.failure import DEBUG, explain
from hansa.cli.helppage import HelpPage
from hansa.cli.overview import EPILOGUE, TITLE, overview
from hansa.cli.printing import mute_output, open_console, show


def build_app() -> App:
    """Return the whole command line, ready to be called."""
    app = App(
        name="hansa",
        help=TITLE,
        help_epilogue=EPILOGUE,
        help_format="plaintext",
        help_formatter=HelpPage(),
        version=__version__,
        suppress_keyboard_interrupt=False,
        result_action="return_value",
        print_error=False,
        exit_on_error=False,
        verbose=False,
    )
    app["--help"].help = "Explain hansa; after a command, explain that one."
    app["--version"].help = "Say which version this is."
    app.command(make_installer(app), name="--install-completion")
    # In the order of the story.
    nouns = (
        demo.app,
        rehearse.app,
        up.app,
        up.down_app,
        coalition.app,
        hub.app,
        node.app,
        member.app,
        data.app,
        plan.app,
        proposal.app,
        run.app,
        model.app,
        account.app,
        log.app,
        verify.app,
    )
    for place, noun in enumerate(nouns):
        noun.sort_key = place
        noun.help_epilogue = ""
        for verb_place, verb in enumerate(noun.subapps):
            verb.sort_key = verb_place
        app.command(noun)
    return app


def main(arguments: Sequence[str] | None = None) -> int:
    """Run one command.

    Args:
        arguments: what stands after `hansa`; None takes it from the process.

    Returns:
        The exit code, see `failure`.
    """
    tokens = list(sys.argv[1:] if arguments is None else arguments)
    for stream in (sys.stdout, sys.stderr):
        # A terminal that cannot show a sign gets a question mark, not a failure.
        if hasattr(stream, "reconfigure"):
            stream.reconfigure(errors="replace")
    as_json = wants_json(tokens)
    try:
        if set(tokens) <= {"--json"}:
            overview(as_json=as_json)
            return 0
        code = build_app()(tokens, console=open_console())
        sys.stdout.flush()
    except BrokenPipeError:
        mute_output()  # whoever read the answer has seen enough
        return 0
    except BaseException as error:
        if isinstance(error, (SystemExit, GeneratorExit)):
            raise
        failure = explain(error)
        if failure.family == "defect" and DEBUG in os.environ:
            traceback.print_exc()
        if as_json:
            show(failure.to_json(), as_json=True)
        else:
            failure.print(open_console(stderr=True))
        return failure.exit_code
    return code if isinstance(code, int) else 0


def wants_json(tokens: Sequence[str]) -> bool:
    """Say whether `--json` was typed, which also holds for a command line that cannot be read."""
    options = tokens[: tokens.index("--")] if "--" in tokens else tokens
    return "--json" in options
