"""The hub: one object that owns a log, blobs and runs, and is asked from a face."""

import contextlib
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path
from typing import Final

from hansa import entropy
from hansa.errors import Unavailable
from hansa.hub.authority import issue_certificate, needs_renewal
from hansa.hub.clerk import LEASE_SECONDS, Clerk
from hansa.hub.conductor import Conductor, OpenPapers
from hansa.hub.folder import HubFolder, write_private
from hansa.hub.gate import Gate
from hansa.hub.limits import Limiter
from hansa.hub.lobby import Lobby
from hansa.hub.papers import SharedPapers
from hansa.store import FolderPapers, LogReader, LogStore, open_blobs

_BURST: Final = 10


class Hub:
    """A hub at work. Close it.

    Args:
        folder: its folder.
        clock: returns Unix seconds.

    Raises:
        Malformed, Refused, Unavailable: its log cannot be opened.
    """

    def __init__(self, folder: HubFolder, clock: Callable[[], float]) -> None:
        self.folder = folder
        self.settings = folder.settings
        self._clock = clock
        self._listeners: list[Callable[[], None]] = []
        self._run_listeners: list[Callable[[], None]] = []
        with contextlib.suppress(FileNotFoundError):
            for leftover in folder.spool.iterdir():
                leftover.unlink()
        folder.spool.mkdir(exist_ok=True)
        self.blobs = open_blobs(folder.blobs)
        self.clerk = Clerk(
            lambda: LogStore.open(folder.log, lease_seconds=LEASE_SECONDS),
            folder.key,
            lambda: int(clock()),
            self._notify,
            (lambda: LogReader.open(folder.log)) if folder.is_shared else None,
        )
        self.lobby = Lobby(folder, self.clerk)
        self.conductor = Conductor(
            self.clerk,
            self.blobs,
            self._choose_papers(),
            self.settings.limits,
            lambda: _ring(self._run_listeners),
        )
        limits = self.settings.limits
        rate = limits.requests_per_second
        self.gate = Gate(
            self.settings.authorities, lambda: self.clerk.state, clock, Limiter(rate, _BURST * rate)
        )
        rate = limits.open_requests_per_second
        self.open_limiter = Limiter(rate, _BURST * rate)

    def begin(self, news: Callable[[], None], run_news: Callable[[], None]) -> None:
        """Begin to conduct runs, and tell what is new, in whatever thread.

        Args:
            news: told when readers of the log see something new; returns at once.
            run_news: told when there is news for members of a run; returns at once.
        """
        self._run_listeners.append(run_news)
        self._listeners += [news, self.conductor.review]
        self.conductor.review()

    def provide_certificate(self) -> tuple[Path, Path]:
        """Return where the hub's certificate and its key lie; its own is renewed when it is half over.

        Raises:
            Unavailable: they cannot be read or written.
        """
        other = self.settings.certificate
        if other != "own":
            return self.folder.path / other.certificate, self.folder.path / other.key
        place = self.folder.path / "tls"
        certificate, key = place / "cert.pem", place / "key.pem"
        now = datetime.fromtimestamp(int(self._clock()), UTC)
        try:
            kept = certificate.read_bytes() if certificate.exists() and key.exists() else b""
            if needs_renewal(kept, self.folder.key, self.settings.hosts, now):
                place.mkdir(exist_ok=True, mode=0o700)
                serial = int.from_bytes(entropy.draw(19), "big") or 1
                fresh = issue_certificate(self.folder.key, self.settings.hosts, now, serial)
                # A crash between the two leaves a key that does not fit: away with the certificate first.
                certificate.unlink(missing_ok=True)
                write_private(key, fresh.key)
                write_private(certificate, fresh.certificate)
        except OSError as error:
            raise Unavailable(f"the certificate in `{place}` cannot be kept: {error.strerror}") from error
        return certificate, key

    def close(self) -> None:
        """Finish what was begun and close the log."""
        self.conductor.close()
        self.clerk.close()

    def _choose_papers(self) -> OpenPapers:
        folder = self.folder
        if not folder.is_shared:
            return lambda run, _is_given_up, _give_up: FolderPapers(folder.runs / run)
        totals = open_blobs(folder.totals)
        return lambda run, is_given_up, give_up: SharedPapers(
            run, self.clerk, totals, is_given_up=is_given_up, give_up=give_up
        )

    def _notify(self) -> None:
        _ring(self._listeners)


def _ring(listeners: list[Callable[[], None]]) -> None:
    for listener in listeners:
        listener()
