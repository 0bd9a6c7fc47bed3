"""What `hansa` alone says: the story, in the order in which one lives it."""

from rich.table import Table
from rich.text import Text

from hansa import __version__
from hansa.cli.printing import show

TITLE = "Run an AI coalition: charter, votes, training on sums, proof."

EPILOGUE = (
    "Exit codes: 0 done, 1 a defect in hansa, 2 wrong command line, 3 malformed bytes, signature or document, "
    "4 refused by a rule, 5 unavailable, 130 interrupted. Everything else: docs/cli.md."
)

STORY = (
    ("See it", "hansa demo", "33 airlines, in a minute"),
    ("Try it", "hansa rehearse --init FOLDER --label Y", "your own tables: write a plan"),
    ("", "hansa rehearse FOLDER", "… and play the whole chain"),
    ("Found", "hansa coalition lint charter.yaml", "what follows from a charter"),
    ("", "hansa coalition found charter.yaml …", "every founder signs it"),
    ("Propose", "hansa plan price plan.yaml", "what it would cost each data set"),
    ("", "hansa proposal open run plan.yaml …", "this plan, with these bars"),
    ("Vote", "hansa proposal vote 1 yes --as bob", "signed, and final"),
    ("Run", "hansa run start 1 --as ada", "refused unless 1 has passed"),
    ("", "hansa run report 1", "alone, together, corrected"),
    ("", "hansa account ada", "what was learnt from ada's data"),
    ("Verify", "hansa verify FOLDER", "replay everything, offline"),
)


def overview(*, as_json: bool) -> None:
    """Say what there is to do."""
    table = Table.grid(padding=(0, 2, 0, 0))
    table.add_column(no_wrap=True, style="bold")
    table.add_column(overflow="fold")
    table.add_column(overflow="fold", style="dim")
    for row in STORY:
        table.add_row(*map(Text, row))
    document = {
        "version": __version__,
        "story": [{"command": command, "what": what} for _, command, what in STORY],
    }
    head = f"hansa {__version__}. {TITLE}\n"
    tail = "\nEach command explains itself with --help; `hansa --help` lists them all."
    show(document, head, table, tail, as_json=as_json)
