from hypothesis import given
from hypothesis import strategies as st

from hansa.coalition.archive import Archive

digests = st.text("0123456789abcdef", min_size=4, max_size=4)


@given(st.lists(st.tuples(digests, st.integers())))
def test_an_archive_is_a_dictionary_that_does_not_change(pairs):
    archive, expected, versions = Archive(), {}, []
    for digest, value in pairs:
        versions.append((archive, dict(expected)))
        archive, expected = archive.put(digest, value), expected | {digest: value}
    for kept, then in [*versions, (archive, expected)]:
        assert dict(kept) == then
        assert len(kept) == len(then)


def test_what_is_not_a_known_digest_is_not_there():
    assert Archive().get("ab" * 32) is None
