import itertools
import os
import random
import re
import shutil

import pytest

from hansa.errors import Malformed, Refused, Unavailable
from hansa.store import publish, read_tree
from hansa.transparency import (
    COSIGNATURE,
    ED25519,
    ENTRY_TYPE,
    Checkpoint,
    Leaf,
    NoteKey,
    SigningKey,
    cosign,
    encode,
    hash_leaf,
    parse_note,
    root_of,
    sign_checkpoint,
    sign_envelope,
    verify_every_signature,
)

LOG, WITNESS, AUTHOR = (SigningKey.from_seed(bytes([n]) * 32) for n in (1, 2, 3))
ORIGIN = "log.example"
KEYS = [NoteKey(ORIGIN, ED25519, LOG.public), NoteKey("witness.example", COSIGNATURE, WITNESS.public)]


# Rules that only a note can break; the others name the checkpoint in their message.
IN_THE_NOTE = {"signature.invalid", "note.unknown-signer", "cosignature.time"}


def note_of(leaves, origin=ORIGIN):
    note = sign_checkpoint(Checkpoint(origin, len(leaves), root_of(map(hash_leaf, leaves))), LOG, origin)
    return note.add([cosign(note.body, 1_795_431_600, WITNESS, "witness.example")]).encode()


def real_leaves(count):
    return [
        Leaf(
            1_795_431_600 + n, sign_envelope(ENTRY_TYPE, encode({"say": "hello", "seq": n}), [AUTHOR])
        ).encode()
        for n in range(count)
    ]


def files_of(folder):
    return {
        path.relative_to(folder).as_posix(): path.read_bytes() for path in folder.rglob("*") if path.is_file()
    }


def audit(folder):
    """Read strictly and verify the note with all keys known, as an auditor does."""
    tree = read_tree(folder)
    verify_every_signature(parse_note(tree.note_text), KEYS)
    return tree


def refusal(folder):
    with pytest.raises(Malformed) as excinfo:
        audit(folder)
    assert "\n" not in str(excinfo.value)
    return excinfo.value


@pytest.fixture
def folder(tmp_path):
    return tmp_path / "public"


@pytest.mark.parametrize("size", [0, 1, 10, 255, 256, 257, 512, 700])
def test_a_published_log_is_read_back(folder, size):
    leaves = [str(n).encode() for n in range(size)]
    publish(folder, leaves, note_of(leaves))
    tree = audit(folder)
    assert tree.leaves == tuple(leaves)
    assert tree.leaf_hashes == tuple(map(hash_leaf, leaves))
    assert tree.note_text == note_of(leaves)


def test_a_folder_holds_tiles_bundles_and_a_checkpoint_only(folder):
    leaves = [str(n).encode() for n in range(300)]
    publish(folder, leaves, note_of(leaves))
    assert sorted(files_of(folder)) == [
        "checkpoint",
        "tile/0/000",
        "tile/0/001.p/44",
        "tile/1/000.p/1",
        "tile/entries/000",
        "tile/entries/001.p/44",
    ]


def test_publishing_again_leaves_nothing_stale(folder):
    leaves = [str(n).encode() for n in range(520)]
    for size in (0, 1, 5, 256, 300, 511, 512, 520, 3, 520):
        publish(folder, leaves[:size], note_of(leaves[:size]))
        assert audit(folder).leaves == tuple(leaves[:size])
    fresh = folder.with_name("fresh")
    publish(fresh, leaves, note_of(leaves))
    assert files_of(folder) == files_of(fresh)


def test_publishing_the_same_again_writes_nothing(folder):
    leaves = [str(n).encode() for n in range(300)]
    publish(folder, leaves, note_of(leaves))
    before = {path: path.stat().st_ino for path in folder.rglob("*")}
    publish(folder, leaves, note_of(leaves))
    assert before == {path: path.stat().st_ino for path in folder.rglob("*")}


def test_the_checkpoint_is_written_after_all_that_it_needs(folder, monkeypatch):
    leaves = [str(n).encode() for n in range(300)]
    publish(folder, leaves[:10], note_of(leaves[:10]))
    written = []
    monkeypatch.setattr("hansa.store.tree.write_atomically", lambda path, _: written.append(path.name))
    monkeypatch.setattr("hansa.store.tree._remove_others", lambda *_: written.append("tidy"))
    publish(folder, leaves, note_of(leaves))
    assert written[-2:] == ["checkpoint", "tidy"]
    assert len(written) == 7


@pytest.mark.parametrize("other", [[], [b"a"], [b"a", b"c"], [b"b", b"a"], [b"a", b"b", b"c"]])
def test_a_checkpoint_of_other_leaves_is_not_published(folder, other):
    with pytest.raises(Malformed) as excinfo:
        publish(folder, [b"a", b"b"], note_of(other))
    assert excinfo.value.rule == "tree.root"
    assert not folder.exists()


def test_a_leaf_that_is_too_long_is_not_published(folder):
    with pytest.raises(Malformed) as excinfo:
        publish(folder, [bytes(65_536)], note_of([bytes(65_536)]))
    assert excinfo.value.rule == "leaf.too-long"
    assert not folder.exists()


def test_a_folder_that_is_used_for_something_else_is_left_alone(folder):
    folder.mkdir()
    (folder / "thesis.txt").write_text("years of work")
    with pytest.raises(Refused) as excinfo:
        publish(folder, [b"a"], note_of([b"a"]))
    assert excinfo.value.rule == "tree.not-ours"
    assert files_of(folder) == {"thesis.txt": b"years of work"}


def test_a_file_in_the_place_of_the_folder_is_unavailable(folder):
    folder.write_text("x")
    with pytest.raises(Unavailable):
        publish(folder, [b"a"], note_of([b"a"]))
    with pytest.raises(Unavailable):
        read_tree(folder)


def test_a_missing_folder_is_unavailable(folder):
    with pytest.raises(Unavailable):
        read_tree(folder)


# Every byte is accounted for.


def first_wrong(name, at, spans):
    """Say what a refusal of a flipped byte has to name: an entry, or the checkpoint."""
    if name == "checkpoint":
        return "checkpoint"
    if "entries" in name:
        return next(index for index, end in enumerate(spans[name]) if at < end) + 256 * int(
            name.split("/")[2][:3]
        )
    _, level, tile = name.split("/")[:3]
    return (int(tile[:3]) * 256 + at // 32) * 256 ** int(level)


def spans_of(leaves):
    spans = {}
    for number, start in enumerate(range(0, len(leaves), 256)):
        bundle = leaves[start : start + 256]
        suffix = "" if len(bundle) == 256 else f".p/{len(bundle)}"
        spans[f"tile/entries/{number:03d}{suffix}"] = list(
            itertools.accumulate(2 + len(leaf) for leaf in bundle)
        )
    return spans


def check_named(error, name, at, spans):
    if name == "checkpoint":
        assert "checkpoint" in error.message or error.rule in IN_THE_NOTE
    else:
        assert error.message.startswith(f"entry {first_wrong(name, at, spans)}:")


def test_every_flipped_byte_of_a_small_log_is_refused_and_named(folder):
    leaves = [b"short", b"", *(bytes([n]) * n for n in range(2, 10))]
    publish(folder, leaves, note_of(leaves))
    spans = spans_of(leaves)
    for name, content in files_of(folder).items():
        path = folder / name
        for at in range(len(content)):
            path.write_bytes(content[:at] + bytes([content[at] ^ 1 << at % 8]) + content[at + 1 :])
            check_named(refusal(folder), name, at, spans)
        path.write_bytes(content)
    audit(folder)


@pytest.mark.slow
def test_every_flipped_bit_of_a_log_of_real_leaves_is_refused_and_named(folder):
    leaves = real_leaves(10)
    publish(folder, leaves, note_of(leaves))
    spans = spans_of(leaves)
    for name, content in files_of(folder).items():
        path = folder / name
        for at, bit in itertools.product(range(len(content)), range(8)):
            path.write_bytes(content[:at] + bytes([content[at] ^ 1 << bit]) + content[at + 1 :])
            check_named(refusal(folder), name, at, spans)
        path.write_bytes(content)


def test_two_flips_in_a_larger_log_are_refused_and_the_first_is_named(folder):
    leaves = [str(n).encode() for n in range(300)]
    publish(folder, leaves, note_of(leaves))
    files, spans, dice = files_of(folder), spans_of(leaves), random.Random(5)
    names = sorted(name for name in files if name.startswith("tile/entries"))
    for _ in range(60):
        places = sorted({(dice.choice(names), dice.randrange(100)) for _ in range(2)})
        for name in names:
            changed = bytearray(files[name])
            for other, at in places:
                if other == name:
                    changed[at] ^= 1 << dice.randrange(8)
            (folder / name).write_bytes(changed)
        error = refusal(folder)
        assert error.rule == "tree.entry"
        assert int(re.match(r"entry (\d+):", error.message)[1]) == min(
            first_wrong(*place, spans) for place in places
        )


def test_a_flip_anywhere_in_a_larger_log_is_refused_and_named(folder):
    leaves = [str(n).encode() for n in range(300)]
    publish(folder, leaves, note_of(leaves))
    files, spans, dice = files_of(folder), spans_of(leaves), random.Random(6)
    for name in sorted(files):
        for at in sorted({0, len(files[name]) - 1, *(dice.randrange(len(files[name])) for _ in range(8))}):
            content = files[name]
            (folder / name).write_bytes(
                content[:at] + bytes([content[at] ^ 1 << dice.randrange(8)]) + content[at + 1 :]
            )
            check_named(refusal(folder), name, at, spans)
        (folder / name).write_bytes(files[name])


def test_a_changed_entry_with_a_changed_tile_is_found_by_the_tile_above_or_the_root(folder):
    leaves = [str(n).encode() for n in range(300)]
    publish(folder, leaves, note_of(leaves))
    for index, rule, named in [(7, "tree.tile", "entry 0:"), (290, "tree.root", "checkpoint:")]:
        forged = [*leaves[:index], b"forged", *leaves[index + 1 :]]
        other = folder.with_name(f"forged-{index}")
        publish(other, forged, note_of(forged))
        copy = folder.with_name(f"copy-{index}")
        shutil.copytree(folder, copy)
        for level in ("0", "entries"):
            shutil.rmtree(copy / "tile" / level)
            shutil.copytree(other / "tile" / level, copy / "tile" / level)
        error = refusal(copy)
        assert error.rule == rule
        assert error.message.startswith(named)


def test_a_tree_that_is_wholly_forged_is_found_by_the_signature(folder):
    leaves = [str(n).encode() for n in range(5)]
    publish(folder, leaves, note_of(leaves))
    forged = [*leaves[:4], b"forged"]
    honest = parse_note(note_of(leaves))
    note = type(honest)(parse_note(note_of(forged)).body, honest.signatures)
    publish(folder, forged, note.encode())
    assert refusal(folder).rule == "signature.invalid"


@pytest.mark.parametrize("name", ["checkpoint", "tile/0/000", "tile/1/000.p/1", "tile/entries/001.p/44"])
@pytest.mark.parametrize("more", [b"\0", b"\n", bytes(32), b"\x00\x00"])
def test_bytes_after_the_end_of_a_file_are_refused(folder, name, more):
    leaves = [str(n).encode() for n in range(300)]
    publish(folder, leaves, note_of(leaves))
    with (folder / name).open("ab") as file:
        file.write(more)
    error = refusal(folder)
    assert error.rule in {"tree.tile", "tree.entry", "note.form", "note.control", "note.signature-line"}
    assert error.message.startswith(("entry", "checkpoint"))


@pytest.mark.parametrize("name", ["checkpoint", "tile/0/000", "tile/1/000.p/1", "tile/entries/001.p/44"])
def test_a_cut_file_is_refused(folder, name):
    leaves = [str(n).encode() for n in range(300)]
    publish(folder, leaves, note_of(leaves))
    content = (folder / name).read_bytes()
    for length in (0, 1, len(content) // 2, len(content) - 1):
        (folder / name).write_bytes(content[:length])
        assert refusal(folder).message.startswith(("entry", "checkpoint"))


def test_a_missing_file_is_named_with_the_first_entry_that_it_covers(folder):
    leaves = [str(n).encode() for n in range(300)]
    publish(folder, leaves, note_of(leaves))
    for name, named in [
        ("tile/0/000", "entry 0:"),
        ("tile/entries/000", "entry 0:"),
        ("tile/1/000.p/1", "entry 0:"),
        ("tile/0/001.p/44", "entry 256:"),
        ("tile/entries/001.p/44", "entry 256:"),
        ("checkpoint", "checkpoint:"),
    ]:
        content = (folder / name).read_bytes()
        (folder / name).unlink()
        error = refusal(folder)
        assert error.rule == "tree.missing-file"
        assert error.message.startswith(named)
        (folder / name).write_bytes(content)
    audit(folder)


@pytest.mark.parametrize(
    "name",
    [
        "README",
        ".hidden",
        "tile/0/001",
        "tile/0/000.p/9",
        "tile/2/000.p/1",
        "tile/entries/x000/000",
        "a/b",
        "caf\udce9",
    ],
)
def test_a_file_too_many_is_refused(folder, name):
    leaves = real_leaves(10)
    publish(folder, leaves, note_of(leaves))
    path = folder / name
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(b"x")
    assert refusal(folder).rule == "tree.unexpected-file"


def test_an_empty_folder_too_many_is_refused(folder):
    publish(folder, [b"a"], note_of([b"a"]))
    (folder / "tile" / "9").mkdir()
    assert refusal(folder).rule == "tree.unexpected-file"


def test_a_link_is_not_followed(folder):
    publish(folder, [b"a"], note_of([b"a"]))
    tile = folder / "tile" / "0" / "000.p" / "1"
    tile.rename(folder.with_name("elsewhere"))
    tile.symlink_to(folder.with_name("elsewhere"))
    assert refusal(folder).rule == "tree.unexpected-file"


def test_a_pipe_is_not_opened(folder):
    publish(folder, [b"a"], note_of([b"a"]))
    tile = folder / "tile" / "0" / "000.p" / "1"
    tile.unlink()
    os.mkfifo(tile)
    assert refusal(folder).rule == "tree.unexpected-file"
    (folder / "checkpoint").unlink()
    os.mkfifo(folder / "checkpoint")
    assert refusal(folder).rule == "tree.missing-file"


def test_a_huge_file_is_not_read(folder):
    publish(folder, [b"a"], note_of([b"a"]))
    with (folder / "checkpoint").open("ab") as file:
        file.truncate(2**33)
    assert refusal(folder).rule == "tree.unexpected-file"


def test_a_folder_without_its_checkpoint_is_refused(folder):
    folder.mkdir()
    assert refusal(folder).rule == "tree.missing-file"


def test_a_checkpoint_that_is_not_utf8_is_refused(folder):
    publish(folder, [b"a"], note_of([b"a"]))
    (folder / "checkpoint").write_bytes(b"\xff" + (folder / "checkpoint").read_bytes())
    error = refusal(folder)
    assert error.rule == "note.utf8"
    assert error.message.startswith("checkpoint:")


def test_a_stale_unfinished_file_is_swept_by_publishing(folder):
    publish(folder, [b"a"], note_of([b"a"]))
    (folder / ".checkpoint.unfinished").write_text("half")
    (folder / "tile" / "0" / ".001.unfinished").write_text("half")
    assert refusal(folder).rule == "tree.unexpected-file"
    publish(folder, [b"a"], note_of([b"a"]))
    audit(folder)


SIZES = [257, 1_000, 10**8, 10**12, 2**63 - 1, 10**19 - 1]


def claim(folder, size):
    note = sign_checkpoint(Checkpoint(ORIGIN, size, bytes(32)), LOG, ORIGIN)
    (folder / "checkpoint").write_text(note.encode())


@pytest.mark.parametrize("size", SIZES)
def test_a_checkpoint_of_any_size_over_an_empty_folder_is_refused_at_once(folder, size):
    folder.mkdir()
    claim(folder, size)
    error = refusal(folder)
    assert error.rule == "tree.missing-file"
    assert error.message.startswith("entry 0: `tile/0/000` is missing")


@pytest.mark.parametrize("size", SIZES[2:])
def test_a_checkpoint_of_any_size_over_a_small_log_is_refused_at_once(folder, size):
    leaves = [str(n).encode() for n in range(600)]
    publish(folder, leaves, note_of(leaves))
    claim(folder, size)
    error = refusal(folder)
    assert error.rule == "tree.missing-file"
    assert error.message.startswith("entry 0: `tile/1/000` is missing")
    (folder / "tile" / "1" / "000").write_bytes(b"")
    level = 2
    while "tile/" + str(level) in refusal(folder).message:
        path = folder / "tile" / str(level) / re.search(r"`tile/./(.*?)`", refusal(folder).message)[1]
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(b"")
        level += 1
    error = refusal(folder)
    assert error.rule == "tree.missing-file"
    assert error.message.startswith("entry 512: `tile/0/002` is missing")


def test_folders_within_folders_are_not_followed_for_ever(folder):
    publish(folder, [b"a"], note_of([b"a"]))
    depth = 1_500  # more than the stack has frames
    inner = os.open(folder / "tile", os.O_RDONLY)
    for _ in range(depth):
        os.mkdir("d", dir_fd=inner)
        inner, outer = os.open("d", os.O_RDONLY, dir_fd=inner), inner
        os.close(outer)
    try:
        assert refusal(folder).rule == "tree.unexpected-file"
    finally:
        for _ in range(depth):
            inner, last = os.open("..", os.O_RDONLY, dir_fd=inner), inner
            os.close(last)
            os.rmdir("d", dir_fd=inner)
        os.close(inner)
