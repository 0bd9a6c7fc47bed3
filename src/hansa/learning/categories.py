"""Categories as codes: from a declared dictionary, or by a public hash where only counting can tell.

A declared feature lists its categories in the plan; a text's code is its place in the list. A counted
feature lists nothing: each text falls into one of many buckets by SHA-256, members add up how many
rows and how many members each bucket has, and the common ones become columns. Two texts in one bucket
are one category to the model; for `c` categories and `b` buckets the chance that any two meet is about c²/2b.
There are 65,536 buckets, but 4,096 under noise, of which every bucket wants its own.
"""

import hashlib
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

BUCKETS = 2**16
"""Of a counted feature, in sums without noise."""

FEW_BUCKETS = 2**12
"""In sums with noise: an exact draw for every bucket costs more than anything else in the run."""

_DOMAIN = b"hansa/v1/category\n"


@dataclass(frozen=True, slots=True)
class CategoryFeature:
    """A column of categories.

    Args:
        name: the column's name.
        categories: what a row may hold, in the plan's order; None means counted.
        missing: whether a row may leave it out (None); it is then a category of its own.
        buckets: of a counted feature, a power of two, at most 65,536.
    """

    name: str
    categories: tuple[str, ...] | None
    missing: bool
    buckets: int = BUCKETS

    def __post_init__(self) -> None:
        if self.categories is not None and len(set(self.categories)) != len(self.categories):
            raise ValueError(f"`{self.name}` declares a category twice")


def hash_category(feature: str, text: str, buckets: int = BUCKETS) -> int:
    """Return the bucket of a text in a counted feature, from 0 to `buckets` - 1.

    The leading bits, as many as number the buckets, of SHA-256 over the domain `hansa/v1/category` and a line
    feed, the feature's name, a zero byte and the text, all UTF-8.
    """
    message = _DOMAIN + feature.encode() + b"\0" + text.encode()
    return int.from_bytes(hashlib.sha256(message).digest()[:2], "big") * buckets // BUCKETS


def count_codes(feature: CategoryFeature) -> int:
    """Return how many codes the present texts of a feature have; this number itself is the code for missing."""
    return feature.buckets if feature.categories is None else len(feature.categories)


def code_texts(feature: CategoryFeature, texts: NDArray[np.object_]) -> NDArray[np.intp]:
    """Turn a column of texts into codes.

    Args:
        feature: what the column is.
        texts: shape (n,), objects: `str`, or None for missing.

    Returns:
        Shape (n,): the place in the dictionary or the bucket, `count_codes(feature)` for missing, and -1
        for a text that a declared feature does not list.
    """
    known: dict[str | None, int] = {None: count_codes(feature)}
    if feature.categories is None:
        known |= {
            text: hash_category(feature.name, text, feature.buckets) for text in set(texts.tolist()) - {None}
        }
    else:
        known |= {text: code for code, text in enumerate(feature.categories)}
    return np.fromiter((known.get(text, -1) for text in texts.tolist()), dtype=np.intp, count=len(texts))


def name_code(feature: CategoryFeature, code: int) -> str:
    """Return what a code means, for people: `sky = Overcast`, `species = #4f2a`, `sky missing`."""
    if code == count_codes(feature):
        return f"{feature.name} missing"
    if feature.categories is None:
        return f"{feature.name} = #{code:04x}"
    return f"{feature.name} = {feature.categories[code]}"
