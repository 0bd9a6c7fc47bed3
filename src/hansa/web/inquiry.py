"""An inquiry: a hub on this machine is asked how it is, by whoever has its folder."""

import contextlib
import http.client
import json
import socket
import ssl
from typing import Final, NamedTuple
from urllib.parse import urlsplit

from hansa.errors import Unavailable
from hansa.hub import HubFolder

_SECONDS: Final = 10


class HubStatus(NamedTuple):
    """How a hub is.

    Args:
        status: in its own words.
        entries: that readers can see.
        final: those under a checkpoint that enough members have cosigned.
    """

    status: str
    entries: int
    final: int


def inquire(folder: HubFolder) -> HubStatus:
    """Ask the hub of a folder.

    Raises:
        Unavailable: nobody answers where it should listen, or neither it nor another hub of its log sequences.
    """
    settings = folder.settings
    try:
        with contextlib.closing(_connect(folder)) as connection:
            status, ready = _get(connection, "/ready")
            _, figures = _get(connection, "/metrics")
        said = json.loads(ready)
    except (OSError, http.client.HTTPException, ValueError) as error:
        raise Unavailable(
            f"no hub answers at `{settings.listen}` ({error}); start it with `hansa hub up {folder.path}`"
        ) from error
    stands_by = said.get("rule") == "hub.standby"
    if status != 200 and not stands_by:
        raise Unavailable(f"the hub at `{settings.listen}` is not ready: {'; '.join(said['reasons'])}")
    read = dict(line.split(" ", 1) for line in figures.decode().splitlines() if line.startswith("hansa_log"))
    return HubStatus(
        "stands by" if stands_by else said["status"],
        int(read["hansa_log_entries"]),
        int(read["hansa_log_final_entries"]),
    )


def _connect(folder: HubFolder) -> http.client.HTTPConnection:
    settings = folder.settings
    host, port = settings.listens_at
    here = {"0.0.0.0": "127.0.0.1", "::": "::1"}.get(host, host)  # noqa: S104 - all addresses of this machine
    name = urlsplit(settings.addresses[0]).hostname or ""
    connection = http.client.HTTPConnection(settings.authorities[0])
    plain = socket.create_connection((here, port), timeout=_SECONDS)
    if not settings.is_encrypted:
        connection.sock = plain
        return connection
    own = settings.certificate == "own"
    context = ssl.create_default_context(cadata=folder.authority if own else None)
    try:
        connection.sock = context.wrap_socket(plain, server_hostname=name)
    except OSError:
        plain.close()
        raise
    return connection


def _get(connection: http.client.HTTPConnection, path: str) -> tuple[int, bytes]:
    connection.request("GET", path)
    answer = connection.getresponse()
    return answer.status, answer.read()
