"""The hub's own certificate authority: its key is the log's key, so the record says whom to trust.

The authority follows from the key and the log's name alone, byte for byte; nothing of it must be kept. It signs
short-lived certificates for the addresses of the hub, each with a key of its own.

Source: RFC 5280 sections 4.1.2.5 and 4.2.1; RFC 8410.
"""

import ipaddress
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from typing import Final, NamedTuple

from cryptography import x509
from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID

from hansa.transparency import PublicKey, SigningKey

LIFETIME: Final = timedelta(days=60)
"""How long a certificate of the hub is valid; it is renewed when half of that is over."""

_BEGIN: Final = datetime(2020, 1, 1, tzinfo=UTC)
_NEVER: Final = datetime(9999, 12, 31, 23, 59, 59, tzinfo=UTC)
_NAME: Final = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "hansa log key")])
_LEAF_NAME: Final = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "hansa hub")])
_EARLY: Final = timedelta(days=1)
"""Clocks differ."""


class Certificate(NamedTuple):
    """A certificate with its key, both PEM; the key is secret."""

    certificate: bytes
    key: bytes


def write_authority(key: SigningKey) -> str:
    """Return the authority of a log key: a self-signed certificate, PEM."""
    public = key.secret.public_key()
    builder = (
        x509.CertificateBuilder()
        .subject_name(_NAME)
        .issuer_name(_NAME)
        .public_key(public)
        .serial_number(_serial(key.public))
        .not_valid_before(_BEGIN)
        .not_valid_after(_NEVER)
        .add_extension(x509.BasicConstraints(ca=True, path_length=0), critical=True)
        .add_extension(_usage(certificates=True), critical=True)
        .add_extension(x509.SubjectKeyIdentifier.from_public_key(public), critical=False)
    )
    return builder.sign(key.secret, None).public_bytes(serialization.Encoding.PEM).decode("ascii")


def issue_certificate(key: SigningKey, hosts: Sequence[str], now: datetime, serial: int) -> Certificate:
    """Sign a fresh certificate for the hub.

    Args:
        key: the log's key.
        hosts: names and IP addresses that people reach the hub under.
        now: the time, UTC.
        serial: a random number from 1, below 2^159.
    """
    secret = ec.generate_private_key(ec.SECP256R1())
    authority = x509.SubjectKeyIdentifier.from_public_key(key.secret.public_key())
    builder = (
        x509.CertificateBuilder()
        .subject_name(_LEAF_NAME)
        .issuer_name(_NAME)
        .public_key(secret.public_key())
        .serial_number(serial)
        .not_valid_before(now - _EARLY)
        .not_valid_after(now + LIFETIME)
        .add_extension(x509.BasicConstraints(ca=False, path_length=None), critical=True)
        .add_extension(_usage(certificates=False), critical=True)
        .add_extension(x509.ExtendedKeyUsage([ExtendedKeyUsageOID.SERVER_AUTH]), critical=False)
        .add_extension(x509.SubjectAlternativeName([_name_host(host) for host in hosts]), critical=False)
        .add_extension(
            x509.AuthorityKeyIdentifier.from_issuer_subject_key_identifier(authority), critical=False
        )
        .add_extension(x509.SubjectKeyIdentifier.from_public_key(secret.public_key()), critical=False)
    )
    return Certificate(
        builder.sign(key.secret, None).public_bytes(serialization.Encoding.PEM),
        secret.private_bytes(
            serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
        ),
    )


def needs_renewal(certificate: bytes, key: SigningKey, hosts: Sequence[str], now: datetime) -> bool:
    """Say whether a certificate is half over, of another log key, or not for exactly these hosts.

    Args:
        certificate: PEM, as it was kept.
        key: the log's key.
        hosts: names and IP addresses.
        now: the time, UTC.
    """
    try:
        kept = x509.load_pem_x509_certificate(certificate)
        # First, so that what is read below was written here.
        kept.verify_directly_issued_by(x509.load_pem_x509_certificate(write_authority(key).encode("ascii")))
        names = kept.extensions.get_extension_for_class(x509.SubjectAlternativeName).value
    except (ValueError, x509.InvalidVersion, InvalidSignature, x509.ExtensionNotFound):
        return True
    if list(names) != [_name_host(host) for host in hosts]:
        return True
    return not kept.not_valid_before_utc <= now <= kept.not_valid_after_utc - LIFETIME / 2


def _name_host(host: str) -> x509.GeneralName:
    try:
        return x509.IPAddress(ipaddress.ip_address(host))
    except ValueError:
        return x509.DNSName(host)


def _usage(*, certificates: bool) -> x509.KeyUsage:
    return x509.KeyUsage(
        digital_signature=not certificates,
        content_commitment=False,
        key_encipherment=False,
        data_encipherment=False,
        key_agreement=False,
        key_cert_sign=certificates,
        crl_sign=False,
        encipher_only=False,
        decipher_only=False,
    )


def _serial(key: PublicKey) -> int:
    """Return a serial number that follows from the key: positive, at most 20 bytes."""
    digest = hashes.Hash(hashes.SHA256())
    digest.update(b"hansa/v1/authority\n" + key.raw)
    return int.from_bytes(digest.finalize()[:19], "big") or 1
