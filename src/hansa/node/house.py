"""A member's folder: its key, its settings, its mirror of the log, and everything its node must not forget.

HOUSE/
  node.json          whose house it is, where the hub is, which coalition
  key                the member's key; key.next, the one that takes its place once the record has it
  keys/<name>        keys that the member delegates to, as long as they lie here
  invitation.json    what the house was made from
  log/               the mirror: `hansa verify HOUSE/log`
  blobs/             models and reports of the coalition
  reports/<run>.json what this member alone learnt in a run
  outbox/            entries that were signed and are not on the log yet
  minutes/<run>/     what was heard of a run that is not over: a hub made from this house goes on with it
  runs/ totals/      which runs were begun here, and which totals this member helped to form
  witness.json       what it cosigned last
  data.*             its table, unless `data` in node.json names another file
  mapping.yaml       how the table becomes the columns that plans name, if it is not read as it is
  consents/<name>.json  the columns that a data steward lets plans have
  node.sock          how the people of the house speak with the node
"""

import json
import re
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Annotated, Final, Literal

from pydantic import AfterValidator, Field

from hansa.errors import Refused, Unavailable
from hansa.governance.document import parse_document
from hansa.governance.spelling import Several, Slug, fault
from hansa.governance.validation import Form, load_model
from hansa.learning import PrivateReport
from hansa.node.keyfile import write_key_file
from hansa.node.mapping import MAPPING_FILE
from hansa.node.owntable import find_data, name_copy
from hansa.store import sync_folder, write_atomically
from hansa.store.lock import WriterLock
from hansa.transparency import SigningKey

SETTINGS_FILE: Final = "node.json"
INVITATION_FILE: Final = "invitation.json"
FORMAT: Final = "hansa/v1/node"

_ADDRESS: Final = re.compile(r"(https?)://([a-z0-9.-]+|\[[0-9a-f:.]+\])(?::[1-9][0-9]{0,4})?")
_PROXY: Final = re.compile(r"http://(?:[^\s/@]+@)?(?:[A-Za-z0-9.-]+|\[[0-9a-f:.]+\])(?::[1-9][0-9]{0,4})?/?")
_LOOPBACK: Final = re.compile(r"localhost|127\.[0-9.]+|\[::1\]")
_DIGEST: Final = re.compile(r"[0-9a-f]{64}")


def check_address(value: str) -> str:
    """Check that a text is the address of a hub: `https`, or `http` on this machine."""
    match = _ADDRESS.fullmatch(value)
    if not match or (match[1] == "http" and not _LOOPBACK.fullmatch(match[2])):
        raise fault("address", f"expected an address such as `https://hub.example:8443`, got `{value[:100]}`")
    return value


def _check_digest(value: str) -> str:
    if not _DIGEST.fullmatch(value):
        raise fault("coalition", "expected a coalition's id, 64 hexadecimal digits")
    return value


def _check_proxy(value: str) -> str:
    if not _PROXY.fullmatch(value):
        # Not quoted: it may hold a password.
        raise fault("proxy", "expected the address of an `http` proxy, such as `http://proxy.example:3128`")
    return value


class NodeSettings(Form):
    """What `node.json` says."""

    format: Literal["hansa/v1/node"] = FORMAT
    member: Slug
    hub: Annotated[Several[Annotated[str, AfterValidator(check_address)]], Field(min_length=1)]
    authority: str
    """PEM of the hub's own authority, or `system`."""
    coalition: Annotated[str, AfterValidator(_check_digest)] | None = None
    """None until the coalition is founded."""
    data: str | None = None
    """The member's table, when it does not lie in the house; a relative path is seen from the house."""
    proxy: Annotated[str, AfterValidator(_check_proxy)] | None = None
    """On the way out, such as `http://proxy.example:3128`."""
    ray: str | None = None
    """The member's own Ray cluster, over which answers are spread: its address, or `local` for this machine's cores."""


class House:
    """A member's folder that exists.

    Args:
        folder: where.

    Raises:
        Unavailable: there is no house, or its settings cannot be read.
        InvalidDocument: `node.*`, what is wrong with `node.json`.
    """

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        path = folder / SETTINGS_FILE
        try:
            text = path.read_text(encoding="utf-8")
        except FileNotFoundError:
            raise Unavailable(
                f"`{folder}` is no member's folder; `hansa coalition join INVITATION --folder {folder}` makes one"
            ) from None
        except (OSError, UnicodeDecodeError) as error:
            raise Unavailable(f"`{path}` cannot be read: {error}") from error
        self.settings = load_model(NodeSettings, parse_document(text, SETTINGS_FILE), "node")

    @property
    def member(self) -> str:
        """Whose house it is."""
        return self.settings.member

    @property
    def key(self) -> Path:
        """The file with the member's key."""
        return self.folder / "key"

    @property
    def keys(self) -> Path:
        """Where keys lie that the member delegates to."""
        return self.folder / "keys"

    @property
    def log(self) -> Path:
        """The mirror."""
        return self.folder / "log"

    @property
    def blobs(self) -> Path:
        """Where models and reports lie."""
        return self.folder / "blobs"

    @property
    def minutes(self) -> Path:
        """Where the minutes of runs under way lie."""
        return self.folder / "minutes"

    def keep_report(self, run: str, report: PrivateReport) -> None:
        """Keep what this member alone learnt in a run.

        Raises:
            Unavailable: the disk fails.
        """
        path = self.report(run)
        try:
            path.parent.mkdir(exist_ok=True)
            write_atomically(path, json.dumps(report.to_json(), indent=1).encode() + b"\n")
        except OSError as error:
            raise Unavailable(f"the report `{path}` cannot be written: {error.strerror}") from error

    @property
    def socket(self) -> Path:
        """Where the node listens for the people of the house."""
        return self.folder / "node.sock"

    @property
    def data(self) -> Path | None:
        """The member's table, or None for a member without data."""
        if self.settings.data is not None:
            return self.folder / self.settings.data
        return find_data(self.folder)

    def report(self, run: str) -> Path:
        """Return where the member's own report of a run lies."""
        return self.folder / "reports" / f"{run}.json"

    def change(self, **settings: str | tuple[str, ...]) -> None:
        """Write new settings.

        Raises:
            Unavailable: the disk fails.
        """
        self.settings = self.settings.model_copy(update=settings)
        try:
            write_atomically(self.folder / SETTINGS_FILE, _encode(self.settings))
        except OSError as error:
            raise Unavailable(
                f"`{self.folder / SETTINGS_FILE}` cannot be written: {error.strerror}"
            ) from error


def hold_house(house: House) -> WriterLock:
    """Return the right to be at work in a house; one node has it at a time.

    Raises:
        Unavailable: another one has it.
    """
    try:
        return WriterLock(house.folder / "node")
    except Unavailable as error:
        raise Unavailable(
            f"another node is at work in this house: {error}; `hansa node status` says what it does"
        ) from None


def is_house(folder: Path) -> bool:
    """Say whether a folder is a member's."""
    return (folder / SETTINGS_FILE).is_file()


def make_house(
    folder: Path,
    settings: NodeSettings,
    *,
    invitation: bytes,
    passphrase: bytes | None,
    data: Path | None,
    mapping: Path | None = None,
    draw: Callable[[int], bytes],
) -> tuple[House, SigningKey]:
    """Make a member's folder with a fresh key and copies of its table and its mapping, whole or not at all.

    Args:
        folder: must not exist, or be empty.
        settings: what `node.json` will say.
        invitation: kept beside, as it came.
        passphrase: what the key is encrypted with, or None.
        data: the member's table, or None.
        mapping: how it becomes the columns of plans, or None.
        draw: the operating system's generator.

    Raises:
        Refused: `house.exists`, the folder holds something.
        Unavailable: the disk fails.
    """
    place = folder.resolve()
    unfinished = place.with_name(f".{place.name}.unfinished")
    try:
        if place.exists() and any(place.iterdir()):
            raise Refused("house.exists", f"`{folder}` is not empty; name a new folder")
        shutil.rmtree(unfinished, ignore_errors=True)
        unfinished.mkdir(parents=True, mode=0o700)
        key = write_key_file(unfinished / "key", passphrase, draw)
        for name in ("blobs", "reports"):
            (unfinished / name).mkdir()
        (unfinished / INVITATION_FILE).write_bytes(invitation)
        if data is not None:
            shutil.copyfile(data, unfinished / name_copy(data))
        if mapping is not None:
            shutil.copyfile(mapping, unfinished / MAPPING_FILE)
        write_atomically(unfinished / SETTINGS_FILE, _encode(settings))
        unfinished.replace(place)
        sync_folder(place.parent)
    except OSError as error:
        raise Unavailable(f"`{folder}` cannot be written: {error.strerror}") from error
    return House(folder), key


def _encode(settings: NodeSettings) -> bytes:
    return json.dumps(settings.model_dump(mode="json"), indent=2).encode() + b"\n"
