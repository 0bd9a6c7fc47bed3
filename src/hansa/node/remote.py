"""The hub as a node reaches it: signed requests over HTTPS, outbound only.

Nothing that comes back is believed here; whoever asked checks it. Each request may be made again without harm, so one
that fails on the way is made again, at the next address of the hub if it has several.
"""

import hashlib
import json
import ssl
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Final

from hansa.errors import HansaError, Malformed, Unavailable
from hansa.node.keyring import Keyring
from hansa.node.problems import read_problem
from hansa.node.trust import open_blindly
from hansa.node.wire import MAX_TEXT_BYTES, Broken, Bytes, Reply, Unreached, Wire, name_host
from hansa.store import sync_folder
from hansa.transparency import Envelope, SigningKey, canonical
from hansa.transparency.request import NONCE_BYTES, Target, sign_request

MAX_BUNDLE_BYTES: Final = 256 * (65_535 + 2)
MAX_MESSAGE_BYTES: Final = 2**31
MAX_BLOB_BYTES: Final = 2**33

PAUSES: Final = (0.1, 0.5, 2.0)
"""Seconds before a request is made again; after the last try it has failed."""

_QUIET_SECONDS: Final = 60.0
"""How long a connection may bring nothing, beyond what the hub was allowed to wait."""

_QUIET_SECONDS_OF_ONE: Final = 10.0
"""The same, where the hub has another address to try."""

_BRIEF_SECONDS: Final = 10.0
"""The same, for a question that anybody is answered at once."""

_FINE: Final = frozenset({200, 204, 206, 304})

_AGAIN: Final = frozenset({"request.replay"})
"""Rules that a fresh signature satisfies."""


class Remote:
    """Asks one hub, for one member.

    Args:
        addresses: such as `https://hub.example:8443`; tried in turn, beginning with the one that answered last.
        trust: what the hub's certificate is checked with.
        member: this member's id.
        keyring: its main keys; the hub says which of them is in force.
        clock: returns Unix seconds.
        draw: the operating system's generator.
        pause: waits so many seconds, or less when there is no time.
        proxy: address of a proxy on the way out, or None.
    """

    def __init__(
        self,
        addresses: Sequence[str],
        trust: ssl.SSLContext,
        *,
        member: str,
        keyring: Keyring,
        clock: Callable[[], int],
        draw: Callable[[int], bytes],
        pause: Callable[[float], object],
        proxy: str | None = None,
    ) -> None:
        self._addresses = tuple(addresses)
        self._first = 0
        self._member = member
        self._keyring = keyring
        self._place = 0
        self._clock = clock
        self._draw = draw
        self._pause = pause
        self._proxy = proxy
        self._wire = Wire(trust, proxy)

    @property
    def address(self) -> str:
        """The address that answered last."""
        return self._addresses[self._first]

    def renew(self, trust: ssl.SSLContext, addresses: Sequence[str] = ()) -> None:
        """Check the hub's certificate with something else from now on, and ask at other addresses, if any are given."""
        if addresses:
            self._addresses, self._first = tuple(addresses), 0
        before, self._wire = self._wire, Wire(trust, self._proxy)
        before.close()

    def close(self) -> None:
        """Close all connections."""
        self._wire.close()

    # -- the log -----------------------------------------------------------------------------------------------

    def read_checkpoint(self, seen: str | None, wait_seconds: int) -> str | None:
        """Return the newest checkpoint, or None when there is none but the one seen.

        Args:
            seen: the checkpoint that is known, as text.
            wait_seconds: how long the hub may wait for another one.
        """
        headers = {"prefer": f"wait={wait_seconds}"} if wait_seconds else {}
        if seen is not None:
            headers["if-none-match"] = f'"{hashlib.sha256(seen.encode()).hexdigest()}"'
        status, data = self._ask(
            "GET", "/checkpoint", headers=headers, wait=wait_seconds, most=MAX_TEXT_BYTES
        )
        if status == 304:
            return None
        try:
            return str(data, "utf-8")
        except UnicodeDecodeError:
            raise Malformed("note.utf8", "the hub's checkpoint is not UTF-8") from None

    def read_tile(self, path: str, skip: int = 0) -> bytes:
        """Return a tile or a bundle of entries, from byte `skip` on."""
        headers = {"range": f"bytes={skip}-"} if skip else {}
        status, data = self._ask("GET", f"/{path}", headers=headers, most=MAX_BUNDLE_BYTES)
        return bytes(data if status == 206 else data[skip:])

    def submit(self, envelopes: Sequence[Envelope]) -> None:
        """Bring entries to the hub; that they stand on the log is known once they are followed there."""
        body = canonical.encode({"entries": [envelope.to_json() for envelope in envelopes]})
        self._ask("POST", "/v1/entries", body)

    def cosign(self, size: int, lines: Sequence[str]) -> None:
        """Bring cosignatures of the checkpoint of this size."""
        self._ask("POST", "/v1/cosignatures", canonical.encode({"signatures": list(lines), "size": size}))

    # -- runs --------------------------------------------------------------------------------------------------

    def read_run(self, run: str) -> Mapping[str, Any]:
        """Return what the hub says of a run."""
        return self._ask_json("GET", f"/v1/runs/{run}", None)

    def take_turn(self, run: str, carriage: int, turn: int, wait_seconds: int) -> memoryview | None:
        """Return a message of the coordinator, or None when there is none yet."""
        headers = {"prefer": f"wait={wait_seconds}"}
        return self._take("GET", _name_turn(run, carriage, turn), None, headers, wait_seconds)

    def answer_turn(
        self, run: str, carriage: int, turn: int, answer: Bytes, wait_seconds: int
    ) -> memoryview | None:
        """Answer a message, and return the next one, or None when there is none yet."""
        headers = {"prefer": f"wait={wait_seconds}", "content-type": "application/octet-stream"}
        return self._take("PUT", _name_turn(run, carriage, turn), answer, headers, wait_seconds)

    def _take(
        self, method: str, path: str, body: Bytes | None, headers: Mapping[str, str], wait: int
    ) -> memoryview | None:
        status, data = self._ask(method, path, body, headers=headers, wait=wait, most=MAX_MESSAGE_BYTES)
        return None if status == 204 else data

    # -- blobs -------------------------------------------------------------------------------------------------

    def fetch_blob(self, digest: str, path: Path) -> None:
        """Write the blob with this digest to a file, in chunks; it appears whole or not at all.

        Raises:
            Malformed: `blob.digest`, the hub sent other bytes.
            Unavailable: the disk fails.
        """
        unfinished = path.with_name(f".{path.name}.unfinished")
        try:
            got = hashlib.sha256()
            with self._stream("GET", f"/v1/blobs/{digest}") as reply, unfinished.open("wb") as file:
                for chunk in reply.read_chunks(MAX_BLOB_BYTES):
                    got.update(chunk)
                    file.write(chunk)
            if got.hexdigest() != digest:
                unfinished.unlink()
                raise Malformed("blob.digest", f"the hub sent other bytes than the blob `{digest}`")
            unfinished.replace(path)
            sync_folder(path.parent)
        except OSError as error:
            raise Unavailable(f"`{path}` cannot be written: {error.strerror}") from error

    # -- the way -----------------------------------------------------------------------------------------------

    def _ask_json(self, method: str, path: str, body: bytes | None) -> Mapping[str, Any]:
        _, data = self._ask(method, path, body, most=MAX_TEXT_BYTES)
        try:
            answer = json.loads(bytes(data))
        except ValueError:
            answer = None
        if not isinstance(answer, dict):
            raise Malformed("hub.answer", f"the hub answers `{path}` with something else than a JSON object")
        return answer

    def _ask(
        self,
        method: str,
        path: str,
        body: Bytes | None = None,
        *,
        headers: Mapping[str, str] | None = None,
        wait: int = 0,
        most: int = MAX_TEXT_BYTES,
    ) -> tuple[int, memoryview]:
        """Ask until there is an answer, at most as often as there are pauses, and return its status and body."""
        for pause in (*PAUSES, None):
            try:
                with self._stream(method, path, body, headers=headers, wait=wait) as reply:
                    return reply.status, reply.read(most)
            except HansaError as error:
                if pause is None or not (_is_worth_another_try(error) or self._has_another_key(error)):
                    raise
            self._pause(pause)
        raise AssertionError("the last try returns or raises")

    @contextmanager
    def _stream(
        self,
        method: str,
        path: str,
        body: Bytes | None = None,
        *,
        headers: Mapping[str, str] | None = None,
        wait: int = 0,
    ) -> Iterator[Reply]:
        """Sign and send a request once, to the first address that takes it.

        Raises:
            Unavailable: nobody answers, or the connection breaks.
            Malformed, Refused, Unavailable: what the hub says.
        """
        failures = []
        digest = hashlib.sha256(body or b"").digest()
        quiet = _QUIET_SECONDS if len(self._addresses) == 1 else _QUIET_SECONDS_OF_ONE
        for step in range(len(self._addresses)):
            place = (self._first + step) % len(self._addresses)
            address = self._addresses[place]
            signed = {**(headers or {}), **self._sign(address, method, path, digest)}
            try:
                with self._wire.ask(
                    address, method, path, body, headers=signed, quiet_seconds=quiet + wait
                ) as reply:
                    if reply.status not in _FINE:
                        problem = read_problem(reply.status, bytes(reply.read(MAX_TEXT_BYTES)))
                        if reply.status == 503 and step + 1 < len(self._addresses):
                            failures.append(f"`{address}`: {problem}")
                            continue  # one that stands by; another one may sequence
                        raise problem
                    self._first = place
                    yield reply
                    return
            except Unreached as error:
                failures.append(f"`{address}`: {error.why}")
            except Broken:
                # One that hangs is not asked first again.
                self._first = (place + 1) % len(self._addresses)
                raise
        raise Unavailable(f"the hub cannot be reached at {', nor at '.join(failures)}")

    def _sign(self, address: str, method: str, path: str, digest: bytes) -> Mapping[str, str]:
        way, _, query = path.partition("?")
        return sign_request(
            Target(method, name_host(address), way, query),
            digest,
            key_id=self._member,
            key=self._choose_key(),
            created=self._clock(),
            nonce=self._draw(NONCE_BYTES),
        )

    def _choose_key(self) -> SigningKey:
        keys = self._keyring.keys
        return keys[self._place % len(keys)]

    def _has_another_key(self, error: HansaError) -> bool:
        """Say whether another key may do, as while the main key is being changed; it is used from now on."""
        if getattr(error, "rule", "") != "signature.invalid" or len(self._keyring.keys) == 1:
            return False
        self._place += 1
        return True


def fetch_authority(address: str, proxy: str | None = None) -> str:
    """Return the certificate authority of whoever answers at an address; believe it only once it was verified.

    Raises:
        Unavailable: nobody answers, or with something else.
    """
    wire = Wire(open_blindly(), proxy)
    try:
        with wire.ask(address, "GET", "/v1/authority", quiet_seconds=_BRIEF_SECONDS) as reply:
            data = reply.read(MAX_TEXT_BYTES)
            if reply.status != 200:
                raise Unavailable(f"`{address}` does not say what its authority is (status {reply.status})")
    except Malformed as error:
        raise Unavailable(f"`{address}` does not say what its authority is: {error.message}") from error
    finally:
        wire.close()
    return str(data, "utf-8", "replace")


def _is_worth_another_try(error: HansaError) -> bool:
    return isinstance(error, Unavailable) or getattr(error, "rule", "") in _AGAIN


def _name_turn(run: str, carriage: int, turn: int) -> str:
    return f"/v1/runs/{run}/{carriage}/turns/{turn}"
