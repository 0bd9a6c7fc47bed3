"""`hansa node`: run a member's own side, ask how it does."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING, Any

from cyclopts import App

from hansa.cli.options import HERE, AsJson, Folder
from hansa.cli.passphrase import PassphraseFile, ask_passphrase
from hansa.cli.printing import make_facts, show

if TYPE_CHECKING:
    from collections.abc import Mapping

app = App(
    name="node", help="Run a member's own side: it follows, witnesses, trains, and signs what its people say."
)


@app.command
def up(*, passphrase_file: PassphraseFile = None, folder: Folder = HERE, as_json: AsJson = False) -> None:
    """Run the node of a member's folder until Ctrl-C or SIGTERM.

    It calls the hub and is called by nobody. It prints one line when it works; its journal, one JSON object a line, goes
    to standard error. Killed at any moment, it goes on where it was when it is started again.
    """
    import json
    import time

    from hansa.entropy import draw
    from hansa.node.agent import Agent
    from hansa.node.house import House
    from hansa.node.journal import Journal
    from hansa.node.keyring import open_keyring
    from hansa.web.house import serve_house

    house = House(folder)
    keyring = open_keyring(house.key, lambda: ask_passphrase(passphrase_file, f"the key of `{house.member}`"))

    def write(line: str) -> None:
        sys.stderr.write(line)
        sys.stderr.flush()

    def now() -> int:
        return int(time.time())

    def tell() -> None:
        document = {"member": house.member, "folder": str(folder), "hub": list(house.settings.hub)}
        text = f"the node of {house.member} is up; hub {', '.join(house.settings.hub)}"
        sys.stdout.write((json.dumps(document) if as_json else text) + "\n")
        sys.stdout.flush()

    agent = Agent(house, keyring, clock=now, draw=draw, journal=Journal(write, now))
    serve_house(agent, house.socket, tell)


@app.command
def status(*, folder: Folder = HERE, as_json: AsJson = False) -> None:
    """Ask the node of a member's folder how it does.

    Raises:
        Unavailable: it is not running.
    """
    from hansa.node.house import House
    from hansa.node.intercom import Intercom

    found = Intercom(House(folder)).status()
    show(found, make_facts(_spell(found)), as_json=as_json)


def _spell(found: Mapping[str, Any]) -> list[tuple[str, object]]:
    hub = f"{found['hub']}, reached last at {found['reached_at'] or 'no time yet'}"
    if not found["follows"]:
        hub = f"{found['hub']}, not asked any more: the log says that `{found['member']}` belongs no longer"
    outbox = ", ".join(found["outbox"]) or "empty: all that was said is on the log"
    return [
        ("member", f"{found['member']}, {found['standing'] or 'not on the record that is seen here'}"),
        ("hub", hub),
        *((("hub problem", found["hub_problem"]),) if found["hub_problem"] else ()),
        ("log", f"{found['entries']} entries until {found['at'] or '–'}, {found['final']} of them final"),
        ("outbox", outbox),
        *((("outbox problem", found["outbox_problem"]),) if found["outbox_problem"] else ()),
        *(("problem", f"{p['at']}, {p['where']}: {p['text']}") for p in found["problems"]),
    ]
