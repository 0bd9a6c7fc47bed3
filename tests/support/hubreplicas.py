"""Hubs that share a log in PostgreSQL, and what their members see of them: one hub with several addresses."""

import json
import os
import shutil
import signal
import time
from contextlib import suppress
from http.client import HTTPException

from hubhouse import NAMES, HubProcess, free_port, write_found

from hansa.hub import HubFolder, Sequencer, init_hub
from hansa.store import LogStore

PATIENCE = 60
WAIT = 2


class Replicas:
    """Two hubs and whoever asks them, at one address after the other.

    Args:
        folder: where their folders are made.
        database: the address of an empty database.
        blobs: a folder, or the address of a bucket.
    """

    connections = ()

    def __init__(self, folder, database, blobs=None):
        ports = [free_port(), free_port()]
        addresses = [f"https://127.0.0.1:{port}" for port in ports]
        places = [folder / name / "hub" for name in ("first", "second")]
        for place in places:
            place.parent.mkdir()
        first = init_hub(places[0], addresses, None, log=database, blobs=blobs or str(folder / "blobs"))
        with LogStore.open(database) as store:
            Sequencer(store, first.key, lambda: int(time.time())).submit(write_found(first.key, NAMES))
        # As docs/deploy/README.md says: the key and the settings, and another place to listen at.
        places[1].mkdir()
        for name in ("key", "hub.json", "authority.pem"):
            shutil.copy(places[0] / name, places[1] / name)
        settings = json.loads((places[1] / "hub.json").read_text())
        (places[1] / "hub.json").write_text(json.dumps(settings | {"listen": f"127.0.0.1:{ports[1]}"}))
        assert HubFolder(places[1]).key.public == first.key.public
        self.hubs = [HubProcess(place, port) for place, port in zip(places, ports, strict=True)]
        self._at = 0

    def start(self):
        for hub in self.hubs:
            hub.start()
        return self

    def stop(self):
        for hub in self.hubs:
            if hub.process is not None:
                hub.process.send_signal(signal.SIGCONT)
                hub.stop(signal.SIGKILL)

    def connect(self, timeout=None):
        """Return nothing: every request has a connection of its own."""

    def ask(self, method, path, body=b"", *, member=None, headers=None, connection=None, **signed):
        """Ask until one answers that does not stand by."""
        deadline = time.monotonic() + PATIENCE
        said = dict(headers or {})
        if "Prefer" in said:
            said["Prefer"] = f"wait={WAIT}"
        while True:
            hub = self.hubs[self._at]
            try:
                answer = ask_once(hub, method, path, body, member=member, headers=said, **signed)
                if answer.status != 503:
                    return answer
            except (OSError, HTTPException) as error:
                answer = error
            assert time.monotonic() < deadline, answer
            if hub is self.hubs[self._at]:
                self._at = 1 - self._at
            time.sleep(0.05)

    def leader(self):
        """Return the hub that says it sequences, and the other one."""
        deadline = time.monotonic() + PATIENCE
        while True:
            for hub, other in (self.hubs, self.hubs[::-1]):
                try:
                    if hub.process is not None and ask_once(hub, "GET", "/ready").status == 200:
                        return hub, other
                except (OSError, HTTPException):
                    pass
            assert time.monotonic() < deadline
            time.sleep(0.1)


def ask_once(hub, *arguments, timeout=WAIT + 3, **named):
    connection = hub.connect(timeout=timeout)
    try:
        return hub.ask(*arguments, connection=connection, **named)
    finally:
        connection.close()
        with suppress(ValueError):  # the hub was killed meanwhile, and all its connections with it
            hub.connections.remove(connection)


def hurt(hub, how):
    """Kill a hub's process, or stop it."""
    os.kill(hub.process.pid, how)
    if how == signal.SIGKILL:
        hub.stop(how)
