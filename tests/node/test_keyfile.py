import shutil
import subprocess

import pytest

from hansa.entropy import draw
from hansa.errors import Malformed, Refused, Unavailable
from hansa.node.keyfile import is_encrypted, read_key_file, write_key_file


def never():
    raise AssertionError("nobody is asked for a passphrase")


def refused(rule, call, *arguments):
    with pytest.raises((Refused, Malformed)) as caught:
        call(*arguments)
    assert caught.value.rule == rule
    return str(caught.value)


@pytest.fixture(name="encrypted", scope="module")
def _encrypted(tmp_path_factory):
    path = tmp_path_factory.mktemp("house") / "key"
    return path, write_key_file(path, b"four candles", draw)


def test_an_encrypted_key_comes_back_with_its_passphrase(encrypted):
    path, key = encrypted
    assert is_encrypted(path)
    assert read_key_file(path, lambda: b"four candles").public == key.public


def test_another_passphrase_is_refused_and_told_to_nobody(encrypted):
    path, _ = encrypted
    said = refused("key.passphrase", read_key_file, path, lambda: b"fork handles")
    assert "fork handles" not in said


def test_the_file_does_not_hold_the_key_in_the_clear(encrypted):
    path, key = encrypted
    assert key.secret.private_bytes_raw() not in path.read_bytes()


@pytest.mark.skipif(shutil.which("openssl") is None, reason="nobody else's tool is here")
def test_another_tool_finds_the_stretching_in_the_file(encrypted):
    path, _ = encrypted
    found = subprocess.run(["openssl", "asn1parse", "-in", path], capture_output=True, text=True, check=True)
    assert "scrypt" in found.stdout
    assert ":020000" in found.stdout  # N = 2^17


def test_a_key_without_passphrase_asks_nobody(tmp_path):
    key = write_key_file(tmp_path / "key", None, draw)
    assert not is_encrypted(tmp_path / "key")
    assert read_key_file(tmp_path / "key", never).public == key.public


def test_only_its_owner_can_open_a_key(tmp_path):
    write_key_file(tmp_path / "key", None, draw)
    assert (tmp_path / "key").stat().st_mode & 0o777 == 0o600
    (tmp_path / "key").chmod(0o640)
    refused("key.access", read_key_file, tmp_path / "key", never)


def test_a_key_is_never_overwritten(tmp_path):
    write_key_file(tmp_path / "key", None, draw)
    before = (tmp_path / "key").read_bytes()
    refused("key.exists", write_key_file, tmp_path / "key", None, draw)
    assert (tmp_path / "key").read_bytes() == before


def test_an_empty_passphrase_is_no_passphrase(tmp_path):
    refused("key.passphrase", write_key_file, tmp_path / "key", b"", draw)
    assert not (tmp_path / "key").exists()


@pytest.mark.parametrize(
    "text",
    [
        "",
        "ab" * 32,
        "-----BEGIN PRIVATE KEY-----\nAAAA\n-----END PRIVATE KEY-----\n",
        "-----BEGIN ENCRYPTED PRIVATE KEY-----\nAAAA\n-----END ENCRYPTED PRIVATE KEY-----\n",
    ],
)
def test_what_is_no_key_is_called_so(tmp_path, text):
    (tmp_path / "key").write_text(text)
    (tmp_path / "key").chmod(0o600)
    refused("key.file", read_key_file, tmp_path / "key", lambda: b"x")


def test_a_key_of_another_kind_is_called_so(tmp_path):
    from cryptography.hazmat.primitives import serialization
    from cryptography.hazmat.primitives.asymmetric import ec

    pem = ec.generate_private_key(ec.SECP256R1()).private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    )
    (tmp_path / "key").write_bytes(pem)
    (tmp_path / "key").chmod(0o600)
    assert "another kind" in refused("key.file", read_key_file, tmp_path / "key", never)


def test_a_missing_key_says_where_it_should_be(tmp_path):
    with pytest.raises(Unavailable, match="key"):
        read_key_file(tmp_path / "key", never)
