"""`hansa hub`: make a hub, run it, ask how it is."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Annotated, Literal

from cyclopts import App, Parameter

from hansa.cli import handover
from hansa.cli.options import AsJson, stop
from hansa.cli.printing import make_facts, show, suggest

app = App(name="hub", help="Run the meeting place of a coalition whose members have machines of their own.")

HubPath = Annotated[Path, Parameter(name="HUB", help="The hub's folder.")]


@app.command
def init(
    hub: HubPath,
    /,
    *,
    address: Annotated[
        list[str],
        Parameter(
            negative="", metavar="URL", help="Where members reach it, `https://host:port`; may be repeated."
        ),
    ],
    listen: Annotated[
        str | None,
        Parameter(metavar="IP:PORT", help="Where it listens; the port of the first address when left out."),
    ] = None,
    readers: Annotated[
        Literal["members", "anyone"], Parameter(metavar="WHO", help="Who may read the log.")
    ] = "members",
    database: Annotated[
        str | None,
        Parameter(
            metavar="URL", help="Keep the log there, `postgresql://…`, where several hubs can share it."
        ),
    ] = None,
    blobs: Annotated[
        str | None,
        Parameter(metavar="PLACE", help="Keep models and reports there: a folder, or `s3://BUCKET/PREFIX`."),
    ] = None,
    insecure_loopback: Annotated[
        bool, Parameter(negative="", help="Speak without TLS, for trying things out; at 127.0.0.1 only.")
    ] = False,
    mirror: Annotated[
        Path | None,
        Parameter(name="--from", help="A member's folder or mirror, whose log the new hub goes on with."),
    ] = None,
    handover_file: Annotated[
        Path | None, Parameter(name="--handover", help="The handover to it, signed by enough members.")
    ] = None,
    as_json: AsJson = False,
) -> None:
    """Make a hub: a folder with settings, the log's key, and an empty log.

    With --from and --handover it goes on with a log that there is; its key was drawn when the handover was drafted.

    Its certificate authority follows from the log's key, which the founders sign, so nothing has to be bought.
    """
    import time

    from hansa.cli.record import read_record
    from hansa.coalition import read_handover
    from hansa.errors import Refused
    from hansa.hub import init_hub, succeed_hub

    plain = [each for each in address if each.startswith("http:")]
    if plain and not insecure_loopback:
        raise Refused(
            "hub.insecure",
            f"`{plain[0]}` is not encrypted; say `https://`, or `--insecure-loopback` at 127.0.0.1",
        )
    if (mirror is None) != (handover_file is None):
        stop("`--from` and `--handover` go together: a log, and the handover of it")
    log, blobs = database or "log.sqlite", blobs or "blobs"
    if mirror is None or handover_file is None:
        folder = init_hub(hub, address, listen, readers=readers, log=log, blobs=blobs)
        size = 0
    else:
        signed = handover.read_handover_file(handover_file)
        leaves = read_record(mirror).leaves
        folder = succeed_hub(
            hub,
            address,
            listen,
            readers=readers,
            log=log,
            blobs=blobs,
            leaves=leaves,
            handover=signed,
            clock=lambda: int(time.time()),
            minutes=mirror / "minutes",
        )
        size = read_handover(signed).size + 1
    settings = folder.settings
    document = {
        "hub": str(hub),
        "addresses": list(settings.addresses),
        "listen": settings.listen,
        "log_key": folder.key.public.encode(),
        "fingerprint": folder.key.public.fingerprint,
        "entries": size,
    }
    facts = make_facts(
        [
            ("addresses", ", ".join(settings.addresses)),
            ("listens at", settings.listen),
            ("log key", folder.key.public.fingerprint),
            ("folder", hub),
        ]
    )
    if size:
        after = suggest(f"hub up {hub}")
        show(document, f"A hub is made; its log goes on with {size} entries.", facts, after, as_json=as_json)
        return
    found = suggest(f"coalition found CHARTER --members FILE --hub {hub} --invitations DIR")
    show(document, "A hub is made; its log is empty.", facts, found, as_json=as_json)


@app.command
def up(
    hub: HubPath,
    /,
    *,
    access_log: Annotated[
        bool, Parameter(negative="", help="Note every request, not only those that fail.")
    ] = False,
    as_json: AsJson = False,
) -> None:
    """Run the hub until Ctrl-C or SIGTERM.

    Prints one line when it serves; its journal, one JSON object a line, goes to standard error.
    """
    import time

    from hansa.hub import Hub, HubFolder
    from hansa.web.journal import open_journal
    from hansa.web.serving import serve

    open_journal(every_request=access_log)
    folder = HubFolder(hub)
    running = Hub(folder, time.time)
    addresses = list(folder.settings.addresses)
    document: dict[str, object] = {"hub": str(hub), "addresses": addresses, "listen": folder.settings.listen}

    def tell() -> None:
        show_line(document, f"hub is up: {', '.join(addresses)}", as_json=as_json)

    try:
        serve(running, tell)
    finally:
        running.close()


def show_line(document: dict[str, object], text: str, *, as_json: bool) -> None:
    """Print one line at once, for whoever waits for it."""
    import json

    sys.stdout.write((json.dumps(document) if as_json else text) + "\n")
    sys.stdout.flush()


@app.command
def status(hub: HubPath, /, *, as_json: AsJson = False) -> None:
    """Ask a hub on this machine how it is.

    Raises:
        Unavailable: it is not running.
    """
    from hansa.hub import HubFolder
    from hansa.web.inquiry import inquire

    folder = HubFolder(hub)
    settings = folder.settings
    found = inquire(folder)
    document = {
        "status": found.status,
        "addresses": list(settings.addresses),
        "entries": found.entries,
        "final": found.final,
    }
    facts = make_facts(
        [
            ("status", found.status),
            ("addresses", ", ".join(settings.addresses)),
            ("log", f"{found.entries} entries, {found.final} of them final"),
        ]
    )
    show(document, facts, as_json=as_json)


app.command(handover.app)
