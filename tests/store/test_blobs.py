"""What a place for blobs promises, a folder and a bucket alike."""

import hashlib
import os
import subprocess
import sys
import time
from concurrent.futures import ThreadPoolExecutor

import buckets
import pytest

from hansa.errors import Malformed, Unavailable
from hansa.store import BlobStore, open_blobs


@pytest.fixture(scope="session")
def bucket(tmp_path_factory):
    """A bucket of a real S3 server."""
    if buckets.find_program() is None:
        pytest.skip("NOT TESTED on S3: rclone is not installed (it comes with the developers' packages)")
    with buckets.serve_bucket(tmp_path_factory.mktemp("bucket")) as served:
        yield served


@pytest.fixture(params=["folder", "bucket"])
def place(request, tmp_path, monkeypatch):
    """Blobs, and another way to find and to damage them."""
    if request.param == "folder":
        return open_blobs(tmp_path / "deep" / "blobs"), buckets.Folder(tmp_path / "deep" / "blobs")
    served = request.getfixturevalue("bucket")
    for name, value in served.environment.items():
        monkeypatch.setenv(name, value)
    return open_blobs(served.address), served


@pytest.fixture
def blobs(place):
    return place[0]


@pytest.fixture
def lies(place):
    return place[1]


def large(size=20_000_000):
    return os.urandom(1_000) * (size // 1_000)


@pytest.mark.parametrize("data", [b"", b"model", large()], ids=["empty", "small", "large"])
def test_a_blob_is_read_back_by_its_digest(blobs, lies, data):
    digest = blobs.put(data)
    assert digest == hashlib.sha256(data).hexdigest()
    assert blobs.get(digest) == data
    assert lies.read(digest) == data
    assert blobs.holds(digest)


@pytest.mark.parametrize(
    ("start", "stop"), [(0, 3_000_000), (0, 1), (5, 2_500_000), (2_999_999, 3_000_000), (7, 7)]
)
def test_a_part_of_a_blob_is_read(blobs, start, stop):
    data = large(3_000_000)
    digest = blobs.put(data)
    assert blobs.measure(digest) == len(data)
    assert b"".join(blobs.read_part(digest, start, stop)) == data[start:stop]


def test_a_part_that_is_not_there_is_unavailable(blobs, lies):
    digest = blobs.put(b"model")
    lies.write(digest, b"mod")
    for name, stop in ((digest, 5), ("0" * 64, 1)):
        with pytest.raises(Unavailable):
            list(blobs.read_part(name, 0, stop))
    with pytest.raises(Malformed):
        list(blobs.read_part("../up", 0, 1))


def test_a_blob_is_forgotten_once_or_twice(blobs, lies):
    digest = blobs.put(os.urandom(20))
    for _ in range(2):
        blobs.forget(digest)
        assert blobs.measure(digest) is None
    assert digest not in lies.names()
    with pytest.raises(Malformed):
        blobs.forget("../up")


def test_a_file_can_be_moved_in(blobs, lies, tmp_path):
    data = os.urandom(1_000)
    digest = hashlib.sha256(data).hexdigest()
    (tmp_path / "in").write_bytes(data)
    blobs.adopt(tmp_path / "in", digest)
    assert lies.read(digest) == data
    assert not (tmp_path / "in").exists()
    with pytest.raises(Unavailable):
        blobs.adopt(tmp_path / "in", digest)
    with pytest.raises(Malformed):
        blobs.adopt(tmp_path / "in", "../up")


def test_a_blob_is_kept_once(blobs, lies):
    before = len(lies.names())
    data = os.urandom(20)
    assert blobs.put(data) == blobs.put(data)
    assert len(lies.names()) == before + 1


def test_many_that_put_the_same_at_once_keep_it_whole(blobs, lies):
    data = large(3_000_000)
    with ThreadPoolExecutor(8) as threads:
        digests = set(threads.map(blobs.put, [data] * 16))
    assert digests == {hashlib.sha256(data).hexdigest()}
    assert blobs.get(digests.pop()) == data
    assert not [name for name in lies.names() if name.startswith(".")]


def test_nobody_sees_a_part_of_a_blob(tmp_path):
    blobs, data = BlobStore(tmp_path), large(3_000_000)
    path = blobs.path(hashlib.sha256(data).hexdigest())
    with ThreadPoolExecutor(8) as threads:
        puts = [threads.submit(blobs.put, data) for _ in range(8)]
        while not all(put.done() for put in puts):
            assert not path.exists() or path.stat().st_size == len(data)
            time.sleep(0.001)


def test_a_changed_blob_is_refused_and_can_be_put_again(blobs, lies, tmp_path):
    digest = blobs.put(b"model")
    lies.write(digest, b"mode1")
    with pytest.raises(Malformed, match=r"blob\.digest"):
        blobs.get(digest)
    blobs.put(b"model")
    assert blobs.get(digest) == b"model"
    lies.write(digest, b"mod")
    (tmp_path / "in").write_bytes(b"model")
    blobs.adopt(tmp_path / "in", digest)
    assert blobs.get(digest) == b"model"


def test_a_missing_blob_is_unavailable(blobs):
    assert not blobs.holds("0" * 64)
    with pytest.raises(Unavailable, match="there is no blob"):
        blobs.get("0" * 64)


@pytest.mark.parametrize("place", ["bucket"], indirect=True)
def test_a_file_that_changes_meanwhile_is_not_kept(blobs, lies, tmp_path, monkeypatch):
    (tmp_path / "in").write_bytes(large())
    digest = hashlib.sha256((tmp_path / "in").read_bytes()).hexdigest()
    write = type(blobs)._write

    def write_later(self, *arguments):
        with (tmp_path / "in").open("r+b") as file:
            file.write(b"something else")
        write(self, *arguments)

    monkeypatch.setattr(type(blobs), "_write", write_later)
    with pytest.raises(Unavailable, match="was changed"):
        blobs.adopt(tmp_path / "in", digest)
    assert digest not in lies.names()


@pytest.mark.parametrize("name", ["", "../../etc/passwd", "A" * 64, "0" * 63, "0" * 64 + "\n", "٠" * 64])
def test_another_name_never_reaches_the_disk(blobs, name):
    for use in (blobs.get, blobs.holds, blobs.forget):
        with pytest.raises(Malformed) as excinfo:
            use(name)
        assert excinfo.value.rule == "blob.name"


def test_a_large_file_takes_little_memory(place, tmp_path):
    """In a process of its own, whose peak is its own."""
    data = large(200_000_000)
    (tmp_path / "in").write_bytes(data)
    digest = hashlib.sha256(data).hexdigest()
    where = os.environ.get("AWS_ENDPOINT_URL") and f"s3://{buckets.BUCKET}/some/prefix"
    program = (
        "import resource, sys; from pathlib import Path; from hansa.store import open_blobs\n"
        "blobs = open_blobs(sys.argv[1]); blobs.get(blobs.put(b'warm'))\n"
        "before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss\n"
        "blobs.adopt(Path(sys.argv[2]), sys.argv[3])\n"
        "assert sum(map(len, blobs.read_part(sys.argv[3], 0, 200_000_000))) == 200_000_000\n"
        "print(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before)"
    )
    said = subprocess.run(
        [sys.executable, "-c", program, where or tmp_path / "blobs", tmp_path / "in", digest],
        capture_output=True, text=True, check=True, timeout=120,
    )  # fmt: skip
    kilobytes = int(said.stdout) // (1024 if sys.platform == "darwin" else 1)
    assert kilobytes < 80_000


# A folder.


def test_a_folder_that_cannot_be_made_is_unavailable(tmp_path):
    (tmp_path / "file").write_text("x")
    with pytest.raises(Unavailable):
        BlobStore(tmp_path / "file" / "blobs")


def test_a_folder_in_the_place_of_a_blob_is_unavailable(tmp_path):
    blobs = BlobStore(tmp_path)
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


# A bucket.


@pytest.mark.parametrize(
    "address", ["s3://", "s3://UPPER", "s3://b", "gs://bucket", "s3://bucket/../up", "s3://b@d/x"]
)
def test_another_address_is_refused(address):
    with pytest.raises(Malformed) as excinfo:
        open_blobs(address)
    assert excinfo.value.rule == "blobs.address"


@pytest.mark.parametrize(
    ("name", "value"),
    [("AWS_SECRET_ACCESS_KEY", "another-secret-altogether"), ("AWS_ENDPOINT_URL", "http://127.0.0.1:1")],
)
def test_a_service_that_says_no_is_unavailable_and_the_secret_stays_one(bucket, monkeypatch, name, value):
    for known, right in (bucket.environment | {name: value}).items():
        monkeypatch.setenv(known, right)
    blobs = open_blobs(bucket.address)
    for use in (lambda: blobs.put(b"x"), lambda: blobs.get("0" * 64), lambda: blobs.holds("0" * 64)):
        with pytest.raises(Unavailable) as excinfo:
            use()
        assert "\n" not in str(excinfo.value)
        assert "secret" not in str(excinfo.value).lower()


def test_a_bucket_that_is_not_there_is_unavailable(bucket, monkeypatch):
    for name, value in bucket.environment.items():
        monkeypatch.setenv(name, value)
    blobs = open_blobs("s3://another-bucket")
    with pytest.raises(Unavailable):
        blobs.put(b"x")


def test_without_the_client_the_message_says_what_to_install(monkeypatch):
    import importlib.util

    monkeypatch.setattr(importlib.util, "find_spec", lambda _name: None)
    with pytest.raises(Unavailable, match=r"hansa\[s3\]"):
        open_blobs("s3://bucket")
