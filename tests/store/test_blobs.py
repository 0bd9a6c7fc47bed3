import hashlib

import pytest

from hansa.errors import Malformed, Unavailable
from hansa.store import BlobStore


@pytest.fixture
def blobs(tmp_path):
    return BlobStore(tmp_path / "deep" / "blobs")


@pytest.mark.parametrize("data", [b"", b"model", bytes(1_000_000)], ids=["empty", "small", "large"])
def test_a_blob_is_read_back_by_its_digest(blobs, data):
    digest = blobs.put(data)
    assert digest == hashlib.sha256(data).hexdigest()
    assert blobs.get(digest) == data
    assert blobs.path(digest).read_bytes() == data


def test_a_blob_is_kept_once(blobs):
    assert blobs.put(b"x") == blobs.put(b"x")
    assert len(list(blobs.path(blobs.put(b"x")).parent.iterdir())) == 1


def test_a_changed_blob_is_refused_and_can_be_put_again(blobs):
    digest = blobs.put(b"model")
    blobs.path(digest).write_bytes(b"mode1")
    with pytest.raises(Malformed) as excinfo:
        blobs.get(digest)
    assert excinfo.value.rule == "blob.digest"
    blobs.put(b"model")
    assert blobs.get(digest) == b"model"


def test_a_missing_blob_is_unavailable(blobs):
    with pytest.raises(Unavailable):
        blobs.get("0" * 64)


@pytest.mark.parametrize("name", ["", "../../etc/passwd", "A" * 64, "0" * 63, "0" * 64 + "\n", "٠" * 64])
def test_another_name_never_reaches_the_disk(blobs, name):
    for use in (blobs.get, blobs.path):
        with pytest.raises(Malformed) as excinfo:
            use(name)
        assert excinfo.value.rule == "blob.name"


def test_a_folder_that_cannot_be_made_is_unavailable(tmp_path):
    (tmp_path / "file").write_text("x")
    with pytest.raises(Unavailable):
        BlobStore(tmp_path / "file" / "blobs")


def test_a_folder_in_the_place_of_a_blob_is_unavailable(blobs):
    digest = hashlib.sha256(b"x").hexdigest()
    blobs.path(digest).mkdir()
    with pytest.raises(Unavailable):
        blobs.put(b"x")
    with pytest.raises(Unavailable):
        blobs.get(digest)


def test_a_file_that_was_compared_already_is_moved_in(blobs, tmp_path):
    path = tmp_path / "arrived"
    path.write_bytes(b"model")
    digest = hashlib.sha256(b"model").hexdigest()
    blobs.adopt(path, digest)
    assert (blobs.get(digest), path.exists()) == (b"model", False)
    with pytest.raises(Unavailable):
        blobs.adopt(path, digest)
    with pytest.raises(Malformed, match=r"blob\.name"):
        blobs.adopt(tmp_path / "arrived", "../key")
