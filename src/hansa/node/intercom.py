"""The intercom: how the people of a house speak with its node, over a socket that only they can open."""

import http.client
import json
import socket
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, Final

from hansa.coalition import Body, name_kind, parse_handover
from hansa.errors import Malformed, Unavailable
from hansa.node.house import House
from hansa.node.problems import read_problem
from hansa.transparency import Envelope, PublicKey, encode_base64

SAY_SECONDS: Final = 30.0
"""How long the node may take until its own fold has what was said."""

_QUIET_SECONDS: Final = 60.0


class Intercom:
    """Asks the node of a house.

    Args:
        house: the member's folder.
    """

    def __init__(self, house: House) -> None:
        self._house = house

    def status(self) -> Mapping[str, Any]:
        """Return how the node does.

        Raises:
            Unavailable: it is not running.
        """
        return self._ask("GET", "/status")

    def is_answered(self) -> bool:
        """Say whether a node is at work in the house."""
        try:
            self.status()
        except Unavailable:
            return False
        return True

    def say(self, bodies: Sequence[Body], name: str = "") -> tuple[int, ...]:
        """Let the node sign entries, and return their numbers once its own fold has them.

        Args:
            bodies: what to say.
            name: of a key in the house that the member delegates to; empty for the main key.

        Raises:
            Malformed, Refused: what the member's fold says of them.
            Unavailable: the node is not running, or the hub does not take them now.
        """
        said = [{"kind": name_kind(body), "body": body.model_dump(mode="json")} for body in bodies]
        numbers = self._ask("POST", "/entries", {"bodies": said, "name": name}).get("numbers")
        if not isinstance(numbers, list) or not all(type(number) is int for number in numbers):
            raise Malformed("node.answer", "the node does not say which numbers the entries have")
        return tuple(numbers)

    def rotate_key(self, passphrase: bytes | None) -> int:
        """Let the node put another main key in the place of the present one, and return the number of the entry.

        Args:
            passphrase: that of the main key, or None where it has none.

        Raises:
            Refused: `key.passphrase`, or what the member's fold says.
            Unavailable: as `say`.
        """
        said = None if passphrase is None else encode_base64(passphrase)
        number = self._ask("POST", "/key", {"passphrase": said}).get("number")
        if type(number) is not int:
            raise Malformed("node.answer", "the node does not say which number the entry has")
        return number

    def sign_handover(self, handover: Envelope, *, instead: bool, drop: bool) -> Envelope:
        """Let the node sign that another hub continues the log."""
        return self._ask_handover({"handover": handover.to_json(), "instead": instead, "drop": drop})

    def draft_handover(self, log_key: PublicKey, addresses: Sequence[str], *, instead: bool) -> Envelope:
        """Let the node draft and sign a handover to another log key."""
        return self._ask_handover(
            {"log_key": log_key.encode(), "addresses": list(addresses), "instead": instead}
        )

    def turn_to_hub(self, handover: Envelope) -> tuple[str, ...]:
        """Let the node follow another hub from now on, and return its addresses."""
        addresses = self._ask("POST", "/handover/take", {"handover": handover.to_json()}).get("addresses")
        if not isinstance(addresses, list):
            raise Malformed("node.answer", "the node does not say where the new hub is")
        return tuple(map(str, addresses))

    def _ask_handover(self, document: Mapping[str, Any]) -> Envelope:
        return parse_handover(self._ask("POST", "/handover", document).get("handover"))[0]

    def run(self, run: str) -> Mapping[str, Any]:
        """Return how far an attempt at a run is."""
        return self._ask("GET", f"/runs/{run}")

    def _ask(self, method: str, path: str, document: Mapping[str, Any] | None = None) -> Mapping[str, Any]:
        house = self._house
        data = None if document is None else json.dumps(document).encode()
        connection = _UnixConnection(house.socket)
        try:
            connection.request(method, path, data)
            response = connection.getresponse()
            status, said = response.status, response.read()
        except (FileNotFoundError, ConnectionRefusedError):
            raise Unavailable(
                f"the node of `{house.member}` is not running; `hansa node up --folder {house.folder}` starts it"
            ) from None
        except (OSError, http.client.HTTPException) as error:
            raise Unavailable(f"the node of `{house.member}` does not answer: {error}") from error
        finally:
            connection.close()
        if status >= 400:
            raise read_problem(status, said)
        try:
            answer = json.loads(said)
        except ValueError:
            answer = None
        if not isinstance(answer, dict):
            raise Malformed("node.answer", "the node answers with something else than a JSON object")
        return answer


class _UnixConnection(http.client.HTTPConnection):
    """HTTP over a socket in a folder."""

    def __init__(self, path: Path) -> None:
        super().__init__("node", timeout=_QUIET_SECONDS)
        self._path = path

    def connect(self) -> None:
        """Connect, or leave nothing open."""
        opened = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        try:
            opened.settimeout(_QUIET_SECONDS)
            opened.connect(str(self._path))
        except OSError:
            opened.close()
            raise
        self.sock = opened
