"""A house turns to another hub: the settings change, once enough members have signed the handover.

HOUSE/handover.json        the handover that the house turned by
HOUSE/log.before-<n>/      the mirror of the log before, if it holds more than the handover follows on
"""

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Final

from hansa.coalition import parse_handover, replay, verify_signers
from hansa.errors import Malformed, Refused, Unavailable
from hansa.node.house import House, check_address, hold_house
from hansa.node.trust import verify_authority
from hansa.store import read_tree, write_atomically
from hansa.transparency import Envelope, PublicKey, canonical, parse_public_key

HANDOVER_FILE: Final = "handover.json"


def turn_to_hub(house: House, handover: Envelope, fetch: Callable[[str], str]) -> tuple[str, ...]:
    """Let a house whose node does not run follow another hub from now on, and return its addresses.

    Args:
        house: the member's folder.
        handover: with the signatures of enough members.
        fetch: returns the certificate authority of whoever answers at an address.

    Raises:
        Malformed, Refused: as `verify_signers`, by this member's own mirror; `handover.addresses`, it names none; `authority.key`,
            whoever answers there is not the hub that it names.
        Unavailable: the node runs, the new hub does not answer, or the disk fails.
    """
    lock = hold_house(house)
    try:
        tree = read_tree(house.log)
        state = replay(tree.leaves)
        if state is None:
            raise Refused("log.empty", "the house has not seen the log yet")
        verify_signers(state, handover)
        body = parse_handover(handover.to_json())[1]
        addresses = _read_addresses(body.addresses)
        authority = fetch(addresses[0])
        verify_authority(authority, parse_public_key(body.key))
        write_atomically(house.folder / HANDOVER_FILE, canonical.encode(handover.to_json()) + b"\n")
        if len(tree.leaves) > body.size:
            house.log.rename(house.folder / f"log.before-{body.size}")
        house.change(hub=addresses, authority=authority)
    except OSError as error:
        raise Unavailable(f"`{house.folder}` cannot be written: {error.strerror}") from error
    finally:
        lock.release()
    return addresses


def _read_addresses(said: Sequence[str]) -> tuple[str, ...]:
    try:
        addresses = tuple(check_address(address) for address in said)
    except ValueError as error:
        raise Refused("handover.addresses", str(error)) from None
    if not addresses:
        raise Refused("handover.addresses", "the handover does not say where the new hub is")
    return addresses


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
