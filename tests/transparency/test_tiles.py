import pytest
from hypothesis import given
from hypothesis import strategies as st
from vectorfiles import judge

from hansa.errors import Malformed
from hansa.transparency import (
    cut_entry_bundle,
    entry_bundles,
    hash_leaf,
    hash_tiles,
    parse_tile_path,
    root_of,
    tile_path,
)


@pytest.mark.parametrize(
    ("level", "index", "width", "path"),
    [
        (0, 1234067, 256, "tile/0/x001/x234/067"),  # C2SP tlog-tiles, Merkle Tree
        (0, 0, 256, "tile/0/000"),
        (0, 999, 256, "tile/0/999"),
        (0, 1000, 256, "tile/0/x001/000"),
        (1, 273, 17, "tile/1/273.p/17"),
        ("entries", 7, 255, "tile/entries/007.p/255"),
        (63, 1234, 1, "tile/63/x001/234.p/1"),
    ],
)
def test_paths_are_those_of_tlog_tiles(level, index, width, path):
    assert tile_path(level, index, width) == path


@pytest.mark.parametrize("size", [0, 1, 255, 256, 257, 511, 512, 513])
def test_tiles_hold_the_hashes_of_their_levels(size):
    hashes = [hash_leaf(str(n).encode()) for n in range(size)]
    expected = {}
    for index, start in enumerate(range(0, size, 256)):
        tile = hashes[start : start + 256]
        expected[tile_path(0, index, len(tile))] = b"".join(tile)
    if size >= 256:
        roots = [root_of(hashes[:256]), root_of(hashes[256:512])][: size // 256]
        expected[tile_path(1, 0, len(roots))] = b"".join(roots)
    assert dict(hash_tiles(hashes)) == expected


def cut_whole(data):
    return tuple(cut_entry_bundle(data))


@given(st.lists(st.binary(max_size=300), max_size=20))
def test_bundles_are_read_back(leaves):
    bundles = list(entry_bundles(leaves))
    assert tuple(leaf for _, bundle in bundles for leaf in cut_entry_bundle(bundle)) == tuple(leaves)


def test_bundles_hold_256_entries():
    paths = [path for path, _ in entry_bundles([b"x"] * 513)]
    assert paths == ["tile/entries/000", "tile/entries/001", "tile/entries/002.p/1"]


@given(st.binary(max_size=60))
def test_any_bytes_are_refused_or_written_back(data):
    rule, leaves = judge(cut_whole, data)
    if rule:
        assert rule == "bundle.truncated"
    else:
        assert b"".join(bundle for _, bundle in entry_bundles(leaves)) == data


@pytest.mark.parametrize("data", [b"\x00", b"\x00\x01", b"\x00\x02a", b"\x00\x00\x01"])
def test_a_cut_bundle_is_refused(data):
    with pytest.raises(Malformed) as excinfo:
        cut_whole(data)
    assert excinfo.value.rule == "bundle.truncated"


def test_a_cut_bundle_gives_its_whole_entries_first():
    leaves = cut_entry_bundle(b"\x00\x01a\x00\x02b")
    assert next(leaves) == b"a"
    with pytest.raises(Malformed, match="entry 1"):
        next(leaves)


def test_a_leaf_whose_length_does_not_fit_is_refused():
    assert len(list(entry_bundles([bytes(65_535)]))) == 1
    with pytest.raises(Malformed) as excinfo:
        list(entry_bundles([bytes(65_536)]))
    assert excinfo.value.rule == "leaf.too-long"


@given(
    st.sampled_from([*range(64), "entries"]),
    st.integers(0, 10**12),
    st.integers(1, 256),
)
def test_a_path_says_which_tile_lies_there(level, index, width):
    place = parse_tile_path(tile_path(level, index, width))
    assert place == (None if level == "entries" else level, index, width)
    assert (place.start, place.stop) == (index * 256, index * 256 + width)


@pytest.mark.parametrize(
    "path",
    [
        "",
        "tile/0/0",
        "tile/00/000",
        "tile/64/000",
        "tile/0/x000/001",
        "tile/0/001/002",
        "tile/0/x001/",
        "tile/0/000.p/0",
        "tile/0/000.p/256",
        "tile/0/000.p/01",
        "tile/0/000.p/1/",
        "tile/entries/../../key",
        "tile/0/٠٠٠",
        "tile/0/000\n",
    ],
)
def test_nothing_else_is_a_path(path):
    with pytest.raises(Malformed, match=r"tile\.path"):
        parse_tile_path(path)
