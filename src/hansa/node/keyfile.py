"""A member's key at rest: Ed25519 in PKCS#8, encrypted with a passphrase unless the person wants none.

The file is PEM that other people's tools can read. A passphrase is stretched with scrypt, which costs whoever guesses
128 MB and a third of a second for each guess; the key itself is under AES-256. Everything else in this package takes a
`SigningKey`, whose `secret` may be anything that signs as the cryptographic library's Ed25519 key does, so that a token
or a key service can stand in for the file.

Source: RFC 5958 section 3 (the file), RFC 8018 section 6.2 (PBES2), RFC 7914 section 7 (scrypt in it).
"""

import os
from base64 import encodebytes
from collections.abc import Callable
from pathlib import Path
from typing import Final

from cryptography.hazmat import asn1
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.ciphers import Cipher, algorithms, modes
from cryptography.hazmat.primitives.kdf.scrypt import Scrypt
from cryptography.hazmat.primitives.padding import PKCS7
from cryptography.hazmat.primitives.serialization import (
    Encoding,
    NoEncryption,
    PrivateFormat,
    load_pem_private_key,
)
from cryptography.x509 import ObjectIdentifier

from hansa.errors import Malformed, Refused, Unavailable
from hansa.transparency import SigningKey

SEED_BYTES: Final = 32
"""Fresh bytes for a key; an encrypted file takes `SALT_BYTES` more."""

SALT_BYTES: Final = 32
"""Fresh bytes for the encryption: a salt and an initial vector, 16 each."""

_COST: Final = 2**17
_BLOCK: Final = 8
_KEY_BYTES: Final = 32

_PBES2: Final = ObjectIdentifier("1.2.840.113549.1.5.13")
_SCRYPT: Final = ObjectIdentifier("1.3.6.1.4.1.11591.4.11")
_AES256_CBC: Final = ObjectIdentifier("2.16.840.1.101.3.4.1.42")
_BEGIN: Final = b"-----BEGIN ENCRYPTED PRIVATE KEY-----"
_END: Final = b"-----END ENCRYPTED PRIVATE KEY-----"


@asn1.sequence
class _ScryptParameters:
    salt: bytes
    cost: int
    block: int
    parallel: int
    length: int


@asn1.sequence
class _Stretching:
    algorithm: ObjectIdentifier
    parameters: _ScryptParameters


@asn1.sequence
class _Scheme:
    algorithm: ObjectIdentifier
    initial: bytes


@asn1.sequence
class _Protection:
    stretching: _Stretching
    scheme: _Scheme


@asn1.sequence
class _Algorithm:
    algorithm: ObjectIdentifier
    parameters: _Protection


@asn1.sequence
class _EncryptedKey:
    algorithm: _Algorithm
    data: bytes


def write_key_file(path: Path, passphrase: bytes | None, draw: Callable[[int], bytes]) -> SigningKey:
    """Draw a key and keep it in a new file, readable by its owner only.

    Args:
        path: must not exist.
        passphrase: what the key is encrypted with; None leaves it readable for whoever can read the file.
        draw: the operating system's generator.

    Raises:
        Refused: `key.exists`, a key is never overwritten; `key.passphrase`, an empty one.
        Unavailable: the disk fails.
    """
    key = SigningKey.from_seed(draw(SEED_BYTES))
    data = (
        key.secret.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())
        if passphrase is None
        else _encrypt(key, passphrase, draw(SALT_BYTES))
    )
    try:
        handle = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o600)
        with os.fdopen(handle, "wb") as file:
            file.write(data)
            file.flush()
            os.fsync(file.fileno())
    except FileExistsError:
        raise Refused(
            "key.exists", f"there is a key in `{path}` already, and keys are not overwritten"
        ) from None
    except OSError as error:
        raise Unavailable(f"the key `{path}` cannot be written: {error.strerror}") from error
    return key


def read_key_file(path: Path, ask: Callable[[], bytes]) -> SigningKey:
    """Read a key.

    Args:
        path: the file.
        ask: asked for the passphrase, if there is one.

    Raises:
        Refused: `key.passphrase`, it is another one; `key.access`, others than its owner can read the file.
        Malformed: `key.file`, there is no Ed25519 key in it.
        Unavailable: the file cannot be read.
    """
    try:
        data = path.read_bytes()
        mode = path.stat().st_mode
    except OSError as error:
        raise Unavailable(f"the key `{path}` cannot be read: {error.strerror}") from error
    if mode & 0o077:
        raise Refused("key.access", f"others than its owner can open `{path}`; `chmod 600` it first")
    passphrase = ask() if is_encrypted(path) else None
    try:
        secret = load_pem_private_key(data, passphrase)
    except ValueError as error:
        if passphrase is not None and "password" in str(error).lower():
            raise Refused("key.passphrase", f"this is not the passphrase of `{path}`") from None
        raise Malformed("key.file", f"`{path}` does not hold a key that can be read") from None
    except TypeError:
        raise Malformed("key.file", f"`{path}` does not hold a key that can be read") from None
    if not isinstance(secret, Ed25519PrivateKey):
        raise Malformed("key.file", f"`{path}` holds a key of another kind than Ed25519")
    return SigningKey(secret)


def is_encrypted(path: Path) -> bool:
    """Say whether a key file asks for a passphrase."""
    try:
        return path.read_bytes().lstrip().startswith(_BEGIN)
    except OSError:
        return False


def _encrypt(key: SigningKey, passphrase: bytes, drawn: bytes) -> bytes:
    if not passphrase:
        raise Refused(
            "key.passphrase", "an empty passphrase protects nothing; say that you want none instead"
        )
    salt, initial = drawn[:16], drawn[16:]
    plain = key.secret.private_bytes(Encoding.DER, PrivateFormat.PKCS8, NoEncryption())
    padder = PKCS7(128).padder()
    stretched = Scrypt(salt=salt, length=_KEY_BYTES, n=_COST, r=_BLOCK, p=1).derive(passphrase)
    encryptor = Cipher(algorithms.AES(stretched), modes.CBC(initial)).encryptor()
    data = encryptor.update(padder.update(plain) + padder.finalize()) + encryptor.finalize()
    stretching = _ScryptParameters(salt=salt, cost=_COST, block=_BLOCK, parallel=1, length=_KEY_BYTES)
    protection = _Protection(
        stretching=_Stretching(algorithm=_SCRYPT, parameters=stretching),
        scheme=_Scheme(algorithm=_AES256_CBC, initial=initial),
    )
    whole = _EncryptedKey(algorithm=_Algorithm(algorithm=_PBES2, parameters=protection), data=data)
    return b"%b\n%b%b\n" % (_BEGIN, encodebytes(asn1.encode_der(whole)), _END)
