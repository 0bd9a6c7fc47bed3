"""RFC 6962 section 2.1 word for word: slow, recursive, and meant to be compared with the RFC by eye."""

from hashlib import sha256


def k_of(n):
    """The largest power of two smaller than n."""
    k = 1
    while k * 2 < n:
        k *= 2
    return k


def mth(d):
    n = len(d)
    if n == 0:
        return sha256(b"").digest()
    if n == 1:
        return sha256(b"\x00" + d[0]).digest()
    k = k_of(n)
    return sha256(b"\x01" + mth(d[:k]) + mth(d[k:])).digest()


def path(m, d):
    n = len(d)
    if n == 1:
        return []
    k = k_of(n)
    return [*path(m, d[:k]), mth(d[k:])] if m < k else [*path(m - k, d[k:]), mth(d[:k])]


def proof(m, d):
    return subproof(m, d, b=True)


def subproof(m, d, *, b):
    n = len(d)
    if m == n:
        return [] if b else [mth(d)]
    k = k_of(n)
    return (
        [*subproof(m, d[:k], b=b), mth(d[k:])] if m <= k else [*subproof(m - k, d[k:], b=False), mth(d[:k])]
    )
