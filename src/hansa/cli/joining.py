"""How an organisation joins from a machine of its own: with an invitation in hand, step by step, and again where it was."""

from __future__ import annotations

import json
import sys
import time
from pathlib import Path
from typing import TYPE_CHECKING, Final

from hansa.errors import Refused, Unavailable

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from hansa.node.house import House
    from hansa.node.invitation import Invitation
    from hansa.transparency import PublicKey, SigningKey

LOOK_SECONDS: Final = 1.0
_GROUP: Final = 4
_SHOWN: Final = 32


def enter_house(
    invitation: Invitation,
    folder: Path,
    table: Path | None,
    mapping: Path | None,
    *,
    choose: Callable[[], bytes | None],
    ask: Callable[[], bytes],
) -> tuple[House, SigningKey]:
    """Make the member's folder, or enter the one that was made from the same invitation before.

    Args:
        invitation: as it was read.
        folder: the house.
        table: the member's data, or None.
        mapping: how they become the columns of plans, or None.
        choose: asked for a new passphrase, or None for none.
        ask: asked for the passphrase of a key that is there already.

    Raises:
        Refused: `house.other`, the folder belongs to another invitation; `house.exists`.
        InvalidDocument: what is wrong with the mapping.
    """
    from hansa.entropy import draw
    from hansa.node.house import INVITATION_FILE, House, is_house, make_house
    from hansa.node.keyfile import read_key_file
    from hansa.node.mapping import load_mapping

    if not is_house(folder):
        if table is not None and not table.is_file():
            raise Unavailable(f"there is no file `{table}`")
        if mapping is not None:
            load_mapping(mapping)
        return make_house(
            folder,
            invitation.settings,
            invitation=invitation.encode(),
            passphrase=choose(),
            data=table,
            mapping=mapping,
            draw=draw,
        )
    house = House(folder)
    try:
        is_same = (folder / INVITATION_FILE).read_bytes() == invitation.encode()
    except OSError:
        is_same = False
    if not is_same:
        raise Refused(
            "house.other", f"`{folder}` is the folder of `{house.member}`, made from another invitation"
        )
    return house, read_key_file(house.key, ask)


def found_together(
    house: House,
    invitation: Invitation,
    key: SigningKey,
    confirm: Callable[[Mapping[str, PublicKey]], None],
    tell: Callable[[str], None],
) -> str:
    """Bring the key, wait for the others', compare, sign, wait for the others' signatures; return the coalition's id.

    Args:
        house: the member's folder; it learns the coalition's id.
        invitation: of kind `found`.
        key: the member's.
        confirm: shown all founders' keys before anything is signed; raises when they are not what they should be.
        tell: told what is waited for.

    Raises:
        Refused: `founding.payload`, what the hub wants signed is not what was agreed; what the hub says.
        Unavailable: the hub cannot be reached; begin again, nothing is lost.
    """
    from hansa.node.founding import Founding, name_coalition

    with Founding(invitation, key, house.settings.proxy) as founding:
        progress = founding.bring_key()
        tell(f"the key of `{house.member}` is at the hub")
        waited: tuple[str, ...] = ()
        while progress.payload is None:
            waited = _tell_once(tell, "waiting for the keys of", progress.missing, waited)
            time.sleep(LOOK_SECONDS)
            progress = founding.look()
        payload = progress.payload
        confirm(founding.verify(payload))
        progress = founding.sign(payload)
        tell(f"`{house.member}` has signed")
        while progress.coalition is None:
            waited = _tell_once(tell, "waiting for the signatures of", progress.missing, waited)
            time.sleep(LOOK_SECONDS)
            progress = founding.look()
    coalition = name_coalition(payload)
    if progress.coalition != coalition:
        raise Refused(
            "founding.payload", "the hub has founded another coalition than the one that was signed here"
        )
    house.change(coalition=coalition)
    return coalition


def compare(keys: Mapping[str, PublicKey], *, log: PublicKey, yes: bool, as_json: bool) -> None:
    """Show all fingerprints, and ask whether they are what the others read.

    Args:
        keys: the founders', by id.
        log: the log's.
        yes: whether the person has said so before.
        as_json: whether a program reads the answer.

    Raises:
        Refused: `join.declined`.
        Unavailable: nobody is there to answer.
    """
    from hansa.cli.printing import make_table, show

    rows = [
        *((name, spell_fingerprint(key)) for name, key in keys.items()),
        ("the log", spell_fingerprint(log)),
    ]
    if not as_json:
        show({}, make_table(("key of", "fingerprint"), rows), as_json=False)
    if not yes and not _ask_person("Do the others read the same to you, and do you sign?"):
        raise Refused("join.declined", "nothing was signed; the same command asks again")


def write_admission_file(invitation: Invitation, key: SigningKey, path: Path) -> None:
    """Write the admission that a newcomer signs.

    Raises:
        Refused: `join.exists`, another file of this name is there.
        Unavailable: the disk fails.
    """
    from hansa.node.invitation import write_admission

    text = json.dumps(write_admission(invitation, key), indent=2, ensure_ascii=False) + "\n"
    try:
        if path.exists() and path.read_text(encoding="utf-8") != text:
            raise Refused("join.exists", f"`{path}` is there already; name another file with `--output`")
        path.write_text(text, encoding="utf-8")
    except OSError as error:
        raise Unavailable(f"`{path}` cannot be written: {error.strerror}") from error


def spell_fingerprint(key: PublicKey) -> str:
    """Return the first half of a key's fingerprint in groups, as people read it to each other."""
    shown = key.fingerprint[:_SHOWN]
    return " ".join(shown[place : place + _GROUP] for place in range(0, _SHOWN, _GROUP))


def _ask_person(question: str) -> bool:
    """Ask yes or no.

    Raises:
        Unavailable: nobody is there to answer.
    """
    if not sys.stdin.isatty():
        raise Unavailable(
            "nobody is here to say that the fingerprints are right; compare them, then say the same with `--yes`"
        )
    sys.stdout.write(f"{question} [y/N] ")
    sys.stdout.flush()
    return sys.stdin.readline().strip().lower() in {"y", "yes"}


def _tell_once(
    tell: Callable[[str], None], what: str, names: tuple[str, ...], before: tuple[str, ...]
) -> tuple[str, ...]:
    from hansa.rehearsal.spelling import list_names

    if names and names != before:
        tell(f"{what} {list_names([f'`{name}`' for name in names], limit=12)}")
    return names
