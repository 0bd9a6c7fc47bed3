import pytest

from hansa.errors import Malformed
from hansa.secagg.field import PRIME
from hansa.secagg.sealing import HeldShares, derive_box_key, open_shares, seal_shares

SHARES = HeldShares(self_seed=PRIME - 1, mask_key=7)
KEY = b"k" * 32
ROSTER = b"r" * 32


def test_a_box_opens_for_its_recipient():
    sealed = seal_shares(KEY, ROSTER, 1, 2, SHARES)
    assert len(sealed) == 82
    assert open_shares(KEY, ROSTER, 1, 2, sealed) == SHARES


@pytest.mark.parametrize(
    ("key", "roster", "sender", "recipient"),
    [
        (b"K" * 32, ROSTER, 1, 2),
        (KEY, b"R" * 32, 1, 2),
        (KEY, ROSTER, 3, 2),
        (KEY, ROSTER, 1, 3),
        (KEY, ROSTER, 2, 1),
    ],
)
def test_a_box_opens_in_no_other_place(key, roster, sender, recipient):
    with pytest.raises(Malformed) as excinfo:
        open_shares(key, roster, sender, recipient, seal_shares(KEY, ROSTER, 1, 2, SHARES))
    assert excinfo.value.rule == "secagg.share"


def test_a_flip_in_any_byte_of_a_box_is_seen():
    sealed = seal_shares(KEY, ROSTER, 1, 2, SHARES)
    for position in range(len(sealed)):
        flipped = bytearray(sealed)
        flipped[position] ^= 1 << position % 8
        with pytest.raises(Malformed) as excinfo:
            open_shares(KEY, ROSTER, 1, 2, bytes(flipped))
        assert excinfo.value.rule == "secagg.share"


def test_each_direction_of_a_pair_has_a_key_of_its_own():
    assert derive_box_key(b"s" * 32, ROSTER, 1, 2) != derive_box_key(b"s" * 32, ROSTER, 2, 1)


def test_held_shares_do_not_show_themselves():
    assert repr(SHARES) == "HeldShares()"
