import hashlib

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from hansa.learning import BUCKETS, FEW_BUCKETS, CategoryFeature, hash_category
from hansa.learning.categories import code_texts, count_codes, name_code

DECLARED = CategoryFeature("sky", ("Clear", "Überzogen"), missing=True)
COUNTED = CategoryFeature("species", None, missing=True)


def texts(*values):
    return np.array(values, dtype=object)


def test_a_declared_category_is_coded_by_its_place_and_missing_comes_after():
    assert code_texts(DECLARED, texts("Überzogen", None, "Clear", "clear")).tolist() == [1, 2, 0, -1]


def test_a_counted_category_is_the_first_two_bytes_of_a_digest():
    digest = hashlib.sha256(b"hansa/v1/category\nspecies\0GULL").digest()
    assert hash_category("species", "GULL") == digest[0] * 256 + digest[1]
    assert code_texts(COUNTED, texts("GULL", None)).tolist() == [hash_category("species", "GULL"), BUCKETS]


def test_under_noise_a_counted_category_is_the_leading_bits_of_the_same_digest():
    few = CategoryFeature("species", None, missing=True, buckets=FEW_BUCKETS)
    assert FEW_BUCKETS == 2**12
    digest = hashlib.sha256(b"hansa/v1/category\nspecies\0GULL").digest()
    assert code_texts(few, texts("GULL", None)).tolist() == [digest[0] * 16 + digest[1] // 16, FEW_BUCKETS]


@given(st.lists(st.one_of(st.none(), st.text(max_size=5)), min_size=1))
def test_a_text_has_the_same_code_whatever_stands_beside_it(values):
    together = code_texts(COUNTED, texts(*values)).tolist()
    assert together == [int(code_texts(COUNTED, texts(value))[0]) for value in values]
    assert all(0 <= code <= count_codes(COUNTED) for code in together)


def test_codes_have_names_for_people():
    assert name_code(DECLARED, 1) == "sky = Überzogen"
    assert name_code(DECLARED, 2) == "sky missing"
    assert name_code(COUNTED, 0x4F2A) == "species = #4f2a"


def test_a_category_is_declared_once():
    with pytest.raises(ValueError, match="twice"):
        CategoryFeature("sky", ("a", "a"), missing=False)
