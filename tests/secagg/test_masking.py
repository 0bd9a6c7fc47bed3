import threading

import numpy as np
import pytest
from cryptography.hazmat.primitives.ciphers import Cipher, algorithms, modes
from hypothesis import given
from hypothesis import strategies as st

from hansa.secagg import masking
from hansa.secagg.masking import (
    CHUNK_BYTES,
    Mask,
    apply_masks,
    commit_to_seed,
    derive_pair_mask,
    derive_self_mask,
    widen_numbers,
)

SALT = b"r" * 32
CHUNK = CHUNK_BYTES // 8


def stream_of(key: bytes, length: int) -> np.ndarray:
    """The obvious keystream: encrypt all zeros at once."""
    data = Cipher(algorithms.AES256(key), modes.CTR(bytes(16))).encryptor().update(bytes(8 * length))
    return np.frombuffer(data, dtype="<u8").astype(np.uint64)


@pytest.mark.parametrize("length", [1, 2, CHUNK - 1, CHUNK, CHUNK + 1, 2 * CHUNK + 5])
def test_masking_in_pieces_is_masking_at_once(length):
    numbers = np.arange(length, dtype=np.uint64)
    masks = [Mask(b"a" * 32, adds=True), Mask(b"b" * 32, adds=False), Mask(b"c" * 32, adds=True)]
    expected = (
        numbers + stream_of(b"a" * 32, length) - stream_of(b"b" * 32, length) + stream_of(b"c" * 32, length)
    )
    apply_masks(numbers, masks)
    assert (numbers == expected).all()


@pytest.mark.parametrize("length", [1, 3, 2 * CHUNK - 1, 2 * CHUNK + 1])
def test_numbers_of_32_bits_are_masked_modulo_2_to_the_32(length):
    numbers = np.full(length, 2**32 - 1, dtype=np.uint32)
    apply_masks(numbers, [Mask(b"a" * 32, adds=True), Mask(b"b" * 32, adds=False)])
    a, b = (stream_of(key * 32, length).view(np.uint32)[:length] for key in (b"a", b"b"))
    assert (numbers == np.uint32(2**32 - 1) + a - b).all()


def test_each_piece_is_told_once_when_all_masks_are_on_it():
    numbers, told = np.arange(2 * CHUNK + 5, dtype=np.uint64), []
    apply_masks(numbers, [Mask(b"a" * 32, adds=True)], lambda piece: told.append(bytes(piece)))
    assert b"".join(told) == numbers.tobytes()
    assert len(told) == 3


@pytest.mark.parametrize("bits", [32, 64])
@pytest.mark.parametrize("length", [1, CHUNK, 3 * CHUNK, 8 * CHUNK + 5, 9 * CHUNK - 3])
@pytest.mark.parametrize("threads", [2, 3, 7])
def test_threads_change_nothing(bits, length, threads):
    masks = [Mask(bytes([number]) * 32, adds=number % 2 == 0) for number in range(9)]
    one, several = (np.arange(length, dtype=f"<u{bits // 8}") for _ in range(2))
    told_by_one, told_by_several = [], []
    apply_masks(one, masks, lambda piece: told_by_one.append(bytes(piece)))
    apply_masks(several, masks, lambda piece: told_by_several.append(bytes(piece)), threads=threads)
    assert (one == several).all()
    assert told_by_one == told_by_several


def test_long_numbers_are_masked_in_other_threads_and_short_ones_are_not(monkeypatch):
    seen = set()
    monkeypatch.setattr(
        masking, "_apply_from", lambda begin, *_: seen.add((begin, threading.current_thread().name))
    )
    mine = threading.current_thread().name
    apply_masks(np.zeros(CHUNK, dtype=np.uint64), [Mask(b"a" * 32, adds=True)], threads=2)
    assert seen == {(0, mine)}
    apply_masks(np.zeros(64 * CHUNK, dtype=np.uint64), [Mask(b"a" * 32, adds=True)], threads=2)
    assert {begin for begin, name in seen if name != mine} == {0, 32 * CHUNK}


@pytest.mark.parametrize("length", [1, 2, CHUNK, 3 * CHUNK + 7])
def test_numbers_of_32_bits_widen_where_they_lie(length):
    room = np.zeros(length, dtype=np.int64)
    numbers = room.view(np.uint32)[:length]
    values = (np.arange(length, dtype=np.uint32) * 2_654_435_761).astype(np.uint32)
    numbers[:] = values
    widen_numbers(numbers, room)
    assert (room == values.view(np.int32)).all()


def test_numbers_of_64_bits_are_left_alone():
    room = np.array([1, -2, 2**62], dtype=np.int64)
    widen_numbers(room.view(np.uint64), room)
    assert room.tolist() == [1, -2, 2**62]


@given(st.lists(st.integers(0, 2**64 - 1), min_size=1, max_size=40), st.binary(min_size=32, max_size=32))
def test_the_opposite_masks_give_the_numbers_back(values, key):
    numbers = np.array(values, dtype=np.uint64)
    apply_masks(numbers, [Mask(key, adds=True)])
    apply_masks(numbers, [Mask(key, adds=False)])
    assert numbers.tolist() == values


def test_the_masks_of_a_pair_cancel():
    first = derive_pair_mask(b"s" * 32, SALT, 1, 4)
    second = derive_pair_mask(b"s" * 32, SALT, 4, 1)
    assert first.key == second.key
    assert (first.adds, second.adds) == (True, False)


def test_pair_self_and_other_masks_of_one_secret_have_nothing_in_common():
    keys = {
        derive_pair_mask(b"s" * 32, SALT, 1, 4).key,
        derive_pair_mask(b"s" * 32, SALT, 1, 3).key,
        derive_pair_mask(b"s" * 32, b"R" * 32, 1, 4).key,
        derive_self_mask(b"s" * 32, SALT, 1, adds=True).key,
        derive_self_mask(b"s" * 32, SALT, 4, adds=True).key,
    }
    assert len(keys) == 5


def test_every_bit_of_a_secret_matters():
    """A generator that folds its seed to 32 bits gives equal masks for secrets of equal fold."""
    secret = bytes(range(32))
    flipped = [
        bytes(byte ^ (1 << bit % 8) if place == bit // 8 else byte for place, byte in enumerate(secret))
        for bit in range(256)
    ]
    same_fold = bytes(byte ^ 0x55 if place in {0, 4} else byte for place, byte in enumerate(secret))
    keys = [derive_pair_mask(each, SALT, 0, 1).key for each in (secret, same_fold, *flipped)]
    streams = {stream_of(key, 1).item() for key in keys}
    assert len(streams) == len(keys) == 258


def test_a_mask_differs_from_place_to_place_and_from_sum_to_sum():
    """No scalar that is added everywhere, and none that is added again in the next round."""
    numbers = np.zeros(10_000, dtype=np.uint64)
    apply_masks(numbers, [derive_self_mask(b"s" * 32, SALT, 0, adds=True)])
    again = np.zeros(10_000, dtype=np.uint64)
    apply_masks(again, [derive_self_mask(b"s" * 32, b"R" * 32, 0, adds=True)])
    assert len(np.unique(numbers)) == 10_000
    assert not (numbers == again).any()


def test_a_commitment_binds_the_seed_and_the_session():
    assert (
        len(
            {
                commit_to_seed(b"s" * 32, SALT),
                commit_to_seed(b"t" * 32, SALT),
                commit_to_seed(b"s" * 32, b"R" * 32),
            }
        )
        == 3
    )


def test_a_mask_does_not_show_its_key():
    assert repr(Mask(b"k" * 32, adds=True)) == "Mask(adds=True)"
