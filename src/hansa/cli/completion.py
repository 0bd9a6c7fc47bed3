"""Shell completion: written once, by the shell's own means."""

from collections.abc import Callable
from pathlib import Path
from typing import Annotated, Literal, TypeAlias

from cyclopts import App, Parameter

from hansa.cli.options import AsJson
from hansa.cli.printing import show

Shell: TypeAlias = Literal["bash", "zsh", "fish", "powershell"]


def make_installer(app: App) -> Callable[..., None]:
    """Return the command that installs the completion of `app`."""

    def install_completion(
        *,
        shell: Annotated[Shell | None, Parameter(help="The shell; found out when left out.")] = None,
        output: Annotated[
            Path | None, Parameter(help="Write the script to this file instead of the shell's own place.")
        ] = None,
        as_json: AsJson = False,
    ) -> None:
        """Teach your shell to complete hansa's commands."""
        from cyclopts.completion.detect import ShellDetectionError, detect_shell

        from hansa.errors import Unavailable

        try:
            chosen = shell or detect_shell()
        except ShellDetectionError:
            raise Unavailable(
                "cannot tell which shell this is; say `--shell bash`, `zsh` or `fish`"
            ) from None
        path = app.install_completion(shell=chosen, output=output, add_to_startup=False)
        text = f"{chosen} completes hansa from its next start on; the script is `{path}`"
        show({"shell": chosen, "script": str(path)}, text, as_json=as_json)

    return install_completion
