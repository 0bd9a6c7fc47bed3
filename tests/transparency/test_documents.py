"""The examples of the documents are real: each is read, verified and written back."""

import json
import re
from pathlib import Path

import pytest

from hansa.store import publish
from hansa.transparency import (
    Checkpoint,
    SigningKey,
    digest,
    encode,
    hash_leaf,
    pae,
    parse,
    parse_envelope,
    parse_leaf,
    parse_note_key,
    parse_public_key,
    parse_receipt,
    root_of,
    sign_checkpoint,
    verify_envelope,
    verify_receipt,
)

FORMATS = Path(__file__).parents[2] / "docs" / "formats"


def examples(document):
    text = (FORMATS / f"{document}.md").read_text(encoding="utf-8")
    return dict(re.findall(r"^```([a-z-]+)\n(.*?)^```$", text, re.DOTALL | re.MULTILINE))


def test_the_example_of_canonical_json():
    blocks = examples("canonical-json")
    data = blocks["canonical-json"].rstrip("\n").encode()
    assert encode(json.loads(blocks["json"])) == data
    assert digest(parse(data)) == blocks["digest"].strip()


def test_the_example_of_an_envelope():
    blocks = examples("envelope")
    envelope = parse_envelope(json.loads(blocks["envelope"]))
    key = parse_public_key(blocks["key"].strip())
    verify_envelope(envelope, {key.fingerprint: key})
    assert pae(envelope.payload_type, envelope.payload).decode() == blocks["pae"].strip()
    assert f"`{envelope.id}`" in (FORMATS / "envelope.md").read_text(encoding="utf-8")


def test_the_example_of_a_leaf():
    blocks = examples("entry-and-leaf")
    data = blocks["leaf"].strip().encode()
    assert parse_leaf(data).encode() == data
    assert hash_leaf(data).hex() == blocks["leaf-hash"].strip()


def test_the_example_of_a_receipt():
    blocks = examples("log")
    log_key, *witnesses = map(parse_note_key, blocks["note-keys"].split())
    verify_receipt(parse_receipt(blocks["receipt"]), b"leaf 7", log_key, witnesses, cosignatures=3)


def test_the_example_of_a_public_folder(tmp_path):
    leaves = [str(n).encode() for n in range(300)]
    head = Checkpoint("log.example", 300, root_of(map(hash_leaf, leaves)))
    publish(
        tmp_path / "public",
        leaves,
        sign_checkpoint(head, SigningKey.from_seed(bytes(32)), "log.example").encode(),
    )
    files = sorted(path for path in (tmp_path / "public").rglob("*") if path.is_file())
    assert [path.relative_to(tmp_path / "public").as_posix() for path in files] == examples("log")[
        "folder"
    ].split()


@pytest.mark.parametrize("document", ["canonical-json", "envelope", "entry-and-leaf", "log"])
def test_links_lead_somewhere(document):
    text = (FORMATS / f"{document}.md").read_text(encoding="utf-8")
    for target in re.findall(r"\]\(([a-z-]+\.md)", text):
        assert (FORMATS / target).is_file(), target
