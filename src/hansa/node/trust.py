"""Whom a node believes to be the hub: an authority whose key is the log's key on the record, and nobody else.

So a private hub needs no certificate that anybody sells, and no certificate of a member changes when others come or go.
A hub that has a certificate which the system trusts is believed by that instead.

Source: `docs/formats/wire.md`, "The hub's certificate".
"""

import ssl
from typing import Final

from cryptography import x509
from cryptography.exceptions import InvalidSignature, UnsupportedAlgorithm
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey

from hansa.errors import Malformed, Refused
from hansa.transparency import PublicKey

SYSTEM: Final = "system"
"""Stands for the authorities that this machine trusts."""


def read_authority(text: str) -> PublicKey:
    """Return the key of a hub's authority.

    Args:
        text: one certificate, PEM.

    Raises:
        Malformed: `authority.form`, it is something else; `authority.signature`, it did not sign itself.
    """
    try:
        (certificate,) = x509.load_pem_x509_certificates(text.encode("ascii"))
        key = certificate.public_key()
        certificate.verify_directly_issued_by(certificate)
    except InvalidSignature:
        raise Malformed("authority.signature", "the hub's authority did not sign itself") from None
    except (ValueError, TypeError, x509.InvalidVersion, UnsupportedAlgorithm):
        raise Malformed("authority.form", "the hub's authority is not one self-signed certificate") from None
    if not isinstance(key, Ed25519PublicKey):
        raise Malformed("authority.form", "the hub's authority has a key of another kind than a log")
    return PublicKey(key.public_bytes_raw())


def verify_authority(text: str, log_key: PublicKey) -> None:
    """Check that an authority is the log's own.

    Raises:
        Malformed: as `read_authority`.
        Refused: `authority.key`, its key is not the log's.
    """
    found = read_authority(text)
    if found != log_key:
        raise Refused(
            "authority.key",
            f"the hub's authority has the key `{found.fingerprint[:16]}…`, and the log's key on the record is "
            f"`{log_key.fingerprint[:16]}…`: somebody else answers at the hub's address",
        )


def open_trust(authority: str) -> ssl.SSLContext:
    """Return what a connection to the hub is checked with.

    Args:
        authority: PEM that `verify_authority` has passed, or `SYSTEM`.
    """
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.minimum_version = ssl.TLSVersion.TLSv1_3
    if authority == SYSTEM:
        context.load_default_certs()
    else:
        context.load_verify_locations(cadata=authority)
    return context


def open_blindly() -> ssl.SSLContext:
    """Return what believes anybody, for the one question whose answer is checked by itself: who is your authority?"""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.minimum_version = ssl.TLSVersion.TLSv1_3
    context.check_hostname = False
    context.verify_mode = ssl.CERT_NONE
    return context
