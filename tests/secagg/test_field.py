import pytest
from hypothesis import given
from hypothesis import strategies as st

from hansa.errors import Malformed
from hansa.secagg.field import ELEMENT_BYTES, PRIME, encode_element, parse_element, reduce_wide


def is_prime(number: int) -> bool:
    """Miller and Rabin's test with forty bases."""
    if any(number % small == 0 for small in (2, 3, 5, 7, 11, 13)):
        return False
    odd, twos = number - 1, 0
    while odd % 2 == 0:
        odd, twos = odd // 2, twos + 1
    for base in range(2, 42):
        value = pow(base, odd, number)
        if value in {1, number - 1}:
            continue
        for _ in range(twos - 1):
            value = value * value % number
            if value == number - 1:
                break
        else:
            return False
    return True


def test_the_order_of_the_field_is_the_smallest_prime_above_all_32_byte_secrets():
    assert is_prime(PRIME)
    assert not any(is_prime(2**256 + above) for above in range(1, 297))


@given(st.integers(0, PRIME - 1))
def test_an_element_survives_being_written_and_read(element):
    data = encode_element(element)
    assert len(data) == ELEMENT_BYTES
    assert parse_element(data) == element


@pytest.mark.parametrize("number", [PRIME, 2**257, 2**264 - 1])
def test_a_number_that_is_not_below_the_prime_has_no_spelling(number):
    with pytest.raises(Malformed) as excinfo:
        parse_element(number.to_bytes(33, "little"))
    assert excinfo.value.rule == "secagg.share"
    with pytest.raises(ValueError):
        encode_element(number)


@pytest.mark.parametrize("size", [0, 32, 34])
def test_an_element_of_another_size_is_refused(size):
    with pytest.raises(Malformed) as excinfo:
        parse_element(bytes(size))
    assert excinfo.value.rule == "secagg.share"


def test_wide_bytes_are_reduced_48_at_a_time():
    data = (PRIME + 5).to_bytes(48, "little") + (7).to_bytes(48, "little")
    assert reduce_wide(data) == (5, 7)
    assert reduce_wide(b"") == ()
    with pytest.raises(ValueError):
        reduce_wide(data[:-1])
