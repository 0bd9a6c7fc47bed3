"""The hub's folder, and the settings in it that people write.

HUB/
  hub.json          settings
  key               the log's key
  authority.pem     the certificate authority that follows from it
  tls/              the present certificate and its key, unless it is somebody else's
  log.sqlite        the log, unless it is in a database
  blobs/ spool/     large things, unless they are elsewhere, and what is still arriving
  runs/             minutes and outcomes of runs, unless the log is in a database
  founding.json     while the founders sign
"""

import ipaddress
import json
import os
import re
from collections.abc import Callable, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Annotated, Final, Literal
from urllib.parse import urlsplit

from pydantic import AfterValidator, Field

from hansa.errors import Refused, Unavailable
from hansa.governance.document import parse_document
from hansa.governance.finding import InvalidDocument
from hansa.governance.spelling import Several, fault
from hansa.governance.validation import Form, load_model
from hansa.hub.authority import write_authority
from hansa.store import LogStore, open_blobs, read_seed, write_atomically, write_seed
from hansa.transparency import SigningKey

SETTINGS_FILE: Final = "hub.json"
KEY_FILE: Final = "key"
FORMAT: Final = "hansa/v1/hub"

_HOST: Final = re.compile(r"[a-z0-9](?:[a-z0-9.-]{0,251}[a-z0-9])?")
_LISTEN: Final = re.compile(r"(?:\[([0-9a-f:.]+)\]|([0-9.]+)):([1-9][0-9]{0,4})")


def _check_address(value: str) -> str:
    parts = urlsplit(value)
    try:
        port = parts.port
    except ValueError:
        port = 0
    host = parts.hostname or ""
    plain = value == f"{parts.scheme}://{parts.netloc}".lower() and "@" not in parts.netloc
    if (
        not plain
        or parts.scheme not in {"https", "http"}
        or port == 0
        or not (_HOST.fullmatch(host) or ":" in host)
    ):
        raise fault("address", f"expected an address such as `https://hub.example:8443`, got `{value[:100]}`")
    if parts.scheme == "http" and not _is_loopback(host):
        raise fault("address", f"`{value}` is not encrypted; only a loopback address may be `http`")
    return value


def _check_listen(value: str) -> str:
    match = _LISTEN.fullmatch(value)
    if not match or int(match[3]) > 65_535:
        raise fault(
            "listen", f"expected an IP address and a port, such as `0.0.0.0:8443`, got `{value[:60]}`"
        )
    return value


class OtherCertificate(Form):
    """A certificate that the system trusts, kept by somebody else."""

    certificate: str
    key: str


class Limits(Form):
    """What one caller may take of the hub."""

    requests_per_second: Annotated[int, Field(ge=1, le=100_000)] = 300
    """Of one member, on average; ten times as many at once."""
    open_requests_per_second: Annotated[int, Field(ge=1, le=100_000)] = 20
    """Of one address that does not say who it is."""
    header_seconds: Annotated[int, Field(ge=1, le=3_600)] = 10
    """How long the headers of a request, or a TLS handshake, may take."""
    stalled_seconds: Annotated[int, Field(ge=1, le=3_600)] = 20
    """How long the next bytes of a body may take, in either direction."""
    connections: Annotated[int, Field(ge=8, le=1_000_000)] = 2_000
    blob_mebibytes: Annotated[int, Field(ge=1, le=1_048_576)] = 1_024
    message_mebibytes: Annotated[int, Field(ge=1, le=65_536)] = 512
    """One message of a run."""
    reserve_mebibytes: Annotated[int, Field(ge=0, le=1_048_576)] = 512
    """What bodies leave free on the disk, for the log."""
    turn_seconds: Annotated[int, Field(ge=1, le=86_400)] = 600
    """How long a member may take to answer one message of a run."""
    absent_seconds: Annotated[int, Field(ge=1, le=86_400)] = 60
    """After which a member that does not even ask is out of a run."""
    runs: Annotated[int, Field(ge=1, le=100)] = 4
    """Runs at a time."""


class HubSettings(Form):
    """What `hub.json` says."""

    format: Literal["hansa/v1/hub"] = FORMAT
    addresses: Annotated[Several[Annotated[str, AfterValidator(_check_address)]], Field(min_length=1)]
    listen: Annotated[str, AfterValidator(_check_listen)]
    certificate: Literal["own"] | OtherCertificate = "own"
    readers: Literal["members", "anyone"] = "members"
    log: str = "log.sqlite"
    """A file in the folder, or a `postgresql://` address, which several hubs may share."""
    blobs: str = "blobs"
    """A folder, or `s3://BUCKET/PREFIX`; hubs that share a log share it."""
    limits: Limits = Limits()

    @property
    def authorities(self) -> tuple[str, ...]:
        """Host and port as a request names them: without the port of the scheme, in lower case."""
        return tuple(read_authority_of(address) for address in self.addresses)

    @property
    def hosts(self) -> tuple[str, ...]:
        """Names and IP addresses, each once."""
        return tuple(dict.fromkeys(urlsplit(address).hostname or "" for address in self.addresses))

    @property
    def listens_at(self) -> tuple[str, int]:
        """The IP address and the port to listen at."""
        host, _, port = self.listen.rpartition(":")
        return host.strip("[]"), int(port)

    @property
    def is_encrypted(self) -> bool:
        """Whether it speaks TLS; if not, it listens at loopback only."""
        return all(address.startswith("https:") for address in self.addresses)


class HubFolder:
    """A hub's folder that exists.

    Args:
        path: where.

    Raises:
        Unavailable: there is no hub, or its files cannot be read.
        InvalidDocument: `hub.*`, what is wrong with `hub.json`.
        Refused: `hub.listen`, it would speak without encryption to more than this machine; `hub.blobs`, its log can be
            shared, and its blobs cannot.
    """

    def __init__(self, path: Path) -> None:
        self.path = path
        file = path / SETTINGS_FILE
        try:
            text = file.read_text(encoding="utf-8")
        except FileNotFoundError:
            raise Unavailable(f"`{path}` holds no hub; make one with `hansa hub init`") from None
        except (OSError, UnicodeDecodeError) as error:
            raise Unavailable(f"`{file}` cannot be read: {error}") from error
        self.settings = load_model(HubSettings, parse_document(text, SETTINGS_FILE), "hub")
        if not self.settings.is_encrypted and not _is_loopback(self.settings.listens_at[0]):
            raise Refused(
                "hub.listen", f"without TLS the hub listens at loopback only, not at `{self.settings.listen}`"
            )
        _verify_sharing(self.settings)
        self.key: SigningKey = read_seed(path / KEY_FILE)

    @property
    def blobs(self) -> Path | str:
        """Where models and reports lie: a folder, or the address of a bucket."""
        return self._place(self.settings.blobs)

    @property
    def totals(self) -> Path | str:
        """Where totals of runs under way lie, of hubs that share a log."""
        blobs = self.blobs
        return blobs / "totals" if isinstance(blobs, Path) else f"{blobs.rstrip('/')}/totals"

    @property
    def spool(self) -> Path:
        """Where what arrives lies until it is whole."""
        return self.path / "spool"

    @property
    def runs(self) -> Path:
        """Where minutes and outcomes of runs lie, of a hub that has its log alone."""
        return self.path / "runs"

    @property
    def log(self) -> Path | str:
        """The log's file, or the address of its database."""
        return self._place(self.settings.log)

    @property
    def is_shared(self) -> bool:
        """Whether several hubs can have this log."""
        return isinstance(self.log, str)

    @property
    def authority(self) -> str:
        """PEM of the hub's own authority, or `system`."""
        return write_authority(self.key) if self.settings.certificate == "own" else "system"

    def _place(self, name: str) -> Path | str:
        return name if "://" in name else self.path / name


def init_hub(
    path: Path,
    addresses: Sequence[str],
    listen: str | None,
    *,
    readers: str = "members",
    log: str = "log.sqlite",
    blobs: str = "blobs",
) -> HubFolder:
    """Make a hub's folder: settings, a key, an empty log.

    Args:
        path: new, or empty.
        addresses: under which members reach it, `https://host:port`.
        listen: IP address and port; None takes the port of the first address, at all addresses of the machine, or
            at loopback if it is that.
        readers: `members` or `anyone`.
        log: a file's name, or the address of an empty PostgreSQL database.
        blobs: a folder, or `s3://BUCKET/PREFIX`.

    Raises:
        Refused: `hub.exists`, the folder is not empty; `log.exists`, the database is not; `hub.blobs`.
        InvalidDocument: an address is none.
        Malformed: `log.address`, `blobs.address`.
        Unavailable: the disk fails.
    """
    text = write_settings(addresses, listen, readers=readers, log=log, blobs=blobs)
    return make_folder(path, text, lambda where: LogStore.create(where).close())


def write_settings(
    addresses: Sequence[str], listen: str | None, *, readers: str, log: str, blobs: str
) -> str:
    """Return the text of `hub.json`; the arguments are those of `init_hub`."""
    settings = {
        "format": FORMAT,
        "addresses": list(addresses),
        "listen": listen or _derive_listen(addresses[0]),
        "readers": readers,
        "log": log,
        "blobs": blobs,
    }
    return json.dumps(settings, indent=2) + "\n"


def make_folder(
    path: Path, text: str, make_log: Callable[[Path | str], None], key_file: Path | None = None
) -> HubFolder:
    """Make a hub's folder; raises as `init_hub`.

    Args:
        path: new, or empty.
        text: of `hub.json`.
        make_log: makes the log, given where.
        key_file: holds the log's key, which is copied; None draws one.
    """
    try:
        settings = load_model(HubSettings, parse_document(text, SETTINGS_FILE), "hub")
    except InvalidDocument as invalid:  # there is no such file yet, so no line of it is to blame
        raise InvalidDocument([replace(finding, place="") for finding in invalid.findings]) from None
    _verify_sharing(settings)
    log, blobs = settings.log, settings.blobs
    try:
        if path.exists() and any(path.iterdir()):
            raise Refused("hub.exists", f"`{path}` is not empty; name a new folder")
        path.mkdir(parents=True, exist_ok=True, mode=0o700)
        if "://" in blobs:
            open_blobs(blobs)
        make_log(log if "://" in log else path / log)
        if key_file is None:
            write_seed(path / KEY_FILE)
        else:
            write_private(path / KEY_FILE, key_file.read_bytes())
        for folder in ("spool", "runs", *(() if "://" in blobs else (blobs,))):
            (path / folder).mkdir(parents=True, exist_ok=True)
        write_atomically(path / "authority.pem", write_authority(read_seed(path / KEY_FILE)).encode())
        # Last: a folder without it is no hub.
        write_atomically(path / SETTINGS_FILE, text.encode())
    except OSError as error:
        raise Unavailable(f"`{path}` cannot be written: {error.strerror}") from error
    return HubFolder(path)


def read_authority_of(address: str) -> str:
    """Return host and port of an address as a request names them.

    Example:
        >>> read_authority_of("https://hub.example:443"), read_authority_of("https://hub.example:8443")
        ('hub.example', 'hub.example:8443')
    """
    parts = urlsplit(address)
    host = parts.hostname or ""
    name = f"[{host}]" if ":" in host else host
    default = {"https": 443, "http": 80}[parts.scheme]
    return name if parts.port in {None, default} else f"{name}:{parts.port}"


def _verify_sharing(settings: HubSettings) -> None:
    if "://" in settings.log and "://" not in settings.blobs and not Path(settings.blobs).is_absolute():
        raise Refused(
            "hub.blobs",
            "hubs that share a log share its blobs: name a folder that all of them reach, from `/` on, or `s3://BUCKET/PREFIX`, "
            f"not `{settings.blobs}`",
        )


def _derive_listen(address: str) -> str:
    parts = urlsplit(address)
    try:
        port = parts.port
    except ValueError:
        port = None
    if not _is_loopback(parts.hostname or ""):
        return f"0.0.0.0:{port or 443}"
    return f"[::1]:{port or 443}" if parts.hostname == "::1" else f"127.0.0.1:{port or 443}"


def _is_loopback(host: str) -> bool:
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"


def write_private(path: Path, data: bytes) -> None:
    """Write a file that only its owner can read, whole or not at all."""
    unfinished = path.with_name(f".{path.name}.unfinished")
    unfinished.unlink(missing_ok=True)
    descriptor = os.open(unfinished, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    with os.fdopen(descriptor, "wb") as file:
        file.write(data)
        file.flush()
        os.fsync(file.fileno())
    unfinished.replace(path)
