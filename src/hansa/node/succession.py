"""A house turns to another hub: the settings change, once enough members have signed the handover.

HOUSE/handover.json        the handover that the house turned by
HOUSE/log.before-<n>/      the mirror of the log before, if it holds more than the handover follows on
HOUSE/witness.before-<n>.json   what the house remembered, if some of that had been final before its eyes
"""

from collections.abc import Callable, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Final

from hansa.coalition import State, parse_handover, replay, verify_signers
from hansa.errors import Malformed, Refused, Unavailable
from hansa.node.house import House, check_address, hold_house
from hansa.node.recollection import Head, load_recollection, save_recollection
from hansa.node.trust import SYSTEM, read_authority, verify_authority
from hansa.store import read_tree, write_atomically
from hansa.transparency import Envelope, PublicKey, canonical, hash_leaf, parse_public_key, root_of

HANDOVER_FILE: Final = "handover.json"


def turn_to_hub(
    house: House, handover: Envelope, fetch: Callable[[str], str], *, drop: bool = False
) -> tuple[str, ...]:
    """Let a house whose node does not run follow another hub from now on, and return its addresses.

    Args:
        house: the member's folder.
        handover: with the signatures of enough members.
        fetch: returns the certificate authority of whoever answers at an address.
        drop: although it gives up entries that this house saw final; what shows that they were is kept.

    Raises:
        Malformed, Refused: as `verify_signers`, by this member's own mirror; `handover.final`, it gives up what was final here;
            `handover.addresses`, it names none; `authority.key`, whoever answers there is not the hub that it names.
        Unavailable: the node runs, the new hub does not answer, or the disk fails.
    """
    lock = hold_house(house)
    try:
        tree = read_tree(house.log)
        state = replay(tree.leaves)
        if state is None:
            raise Refused("log.empty", "the house has not seen the log yet")
        verify_signers(state, handover)
        size = parse_handover(handover.to_json())[1].size
        known = load_recollection(house.folder)
        is_final = known.final.size > size
        if is_final and not drop:
            raise Refused(
                "handover.final",
                f"this house saw {known.final.size} entries final, and the log is handed over after {size}: ask who signed why, and hold "
                f"`hansa log compare` against their logs; with `--drop` the house gives the other {known.final.size - size} up as the others "
                f"did, and keeps what shows that they were final: `log.before-{size}` and `witness.before-{size}.json`",
            )
        addresses = change_hub(house, state, handover, fetch)
        if is_final:
            write_atomically(house.folder / f"witness.before-{size}.json", known.encode())
            root = root_of([hash_leaf(leaf) for leaf in tree.leaves[:size]])
            save_recollection(house.folder, replace(known, final=Head(size, root)))
        if len(tree.leaves) > size:
            house.log.rename(house.folder / f"log.before-{size}")
    except OSError as error:
        raise Unavailable(f"`{house.folder}` cannot be written: {error.strerror}") from error
    finally:
        lock.release()
    return addresses


def change_hub(
    house: House, state: State, handover: Envelope, fetch: Callable[[str], str]
) -> tuple[str, ...]:
    """Make another hub that of a house, and return its addresses.

    Args:
        house: the member's folder; nobody else changes it meanwhile.
        state: the member's own fold.
        handover: with the signatures of enough members.
        fetch: returns the certificate authority of whoever answers at an address.

    Raises:
        Malformed, Refused: as `turn_to_hub`.
        Unavailable: the new hub does not answer, or the disk fails.
    """
    verify_signers(state, handover)
    body = parse_handover(handover.to_json())[1]
    addresses = _read_addresses(body.addresses)
    authority = fetch(addresses[0])
    verify_authority(authority, parse_public_key(body.key))
    try:
        write_atomically(house.folder / HANDOVER_FILE, canonical.encode(handover.to_json()) + b"\n")
    except OSError as error:
        raise Unavailable(f"`{house.folder}` cannot be written: {error.strerror}") from error
    house.change(hub=addresses, authority=authority)
    return addresses


def _read_addresses(said: Sequence[str]) -> tuple[str, ...]:
    try:
        addresses = tuple(check_address(address) for address in said)
    except ValueError as error:
        raise Refused("handover.addresses", str(error)) from None
    if not addresses:
        raise Refused("handover.addresses", "the handover does not say where the new hub is")
    return addresses


def renew_authority(house: House, log_key: PublicKey, fetch: Callable[[str | None], str]) -> bool:
    """Keep the certificate authority that has the log's key, where the one that is kept has another; say whether it changed.

    Args:
        house: the member's folder.
        log_key: on the record, as this member's own fold has it.
        fetch: given a proxy, returns the authority of whoever answers.

    Raises:
        Refused: `authority.key`, whoever answers at the hub's address is not the log's hub.
        Unavailable: nobody answers.
    """
    settings = house.settings
    if settings.authority == SYSTEM or read_authority(settings.authority) in {log_key, read_turn(house)}:
        return False
    fetched = fetch(settings.proxy)
    verify_authority(fetched, log_key)
    house.change(authority=fetched)
    return True


def read_turn(house: House) -> PublicKey | None:
    """Return the log key of the hub that a house has turned to, which the record may not show yet; None if it has not turned.

    Raises:
        Malformed: the file is damaged.
    """
    path: Path = house.folder / HANDOVER_FILE
    if not path.is_file():
        return None
    try:
        value = canonical.parse(path.read_bytes().removesuffix(b"\n"))
        return parse_public_key(parse_handover(value)[1].key)
    except Malformed as error:
        raise Malformed(error.rule, f"`{path}` is damaged: {error.message}") from None
