from base64 import b64encode
from datetime import UTC, datetime, timedelta

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

from hansa.errors import Malformed, Refused
from hansa.hub.authority import write_authority
from hansa.node.trust import SYSTEM, open_trust, read_authority, verify_authority
from hansa.transparency import SigningKey

LOG, OTHER = (SigningKey.from_seed(bytes([number]) * 32) for number in (1, 2))


def issue(subject, issuer, algorithm=None):
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "a log")])
    return (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(subject.public_key())
        .serial_number(1)
        .not_valid_before(datetime(2026, 1, 1, tzinfo=UTC))
        .not_valid_after(datetime(2026, 1, 1, tzinfo=UTC) + timedelta(days=999))
        .sign(issuer, algorithm)
        .public_bytes(serialization.Encoding.PEM)
        .decode()
    )


def write_pem(der):
    return f"-----BEGIN CERTIFICATE-----\n{b64encode(der).decode()}\n-----END CERTIFICATE-----\n"


def refused(rule, call, *arguments):
    with pytest.raises((Refused, Malformed)) as caught:
        call(*arguments)
    assert caught.value.rule == rule


def test_the_authority_that_a_hub_writes_has_the_key_of_its_log():
    verify_authority(write_authority(LOG), LOG.public)
    assert read_authority(write_authority(LOG)) == LOG.public


def test_another_hub_is_not_believed_whatever_its_certificate_says():
    refused("authority.key", verify_authority, write_authority(OTHER), LOG.public)


def test_a_certificate_with_the_right_key_that_others_signed_is_not_believed():
    refused("authority.signature", read_authority, issue(LOG.secret, OTHER.secret))


def test_only_one_certificate_of_a_log_key_is_an_authority():
    refused("authority.form", read_authority, "")
    refused(
        "authority.form", read_authority, "-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n"
    )
    refused("authority.form", read_authority, write_authority(LOG) * 2)
    refused("authority.form", read_authority, "größer")
    elliptic = ec.generate_private_key(ec.SECP256R1())
    refused("authority.form", read_authority, issue(elliptic, elliptic, hashes.SHA256()))


def test_an_authority_with_one_wrong_bit_is_refused_wherever_it_is():
    der = x509.load_pem_x509_certificate(write_authority(LOG).encode()).public_bytes(
        serialization.Encoding.DER
    )
    for place in range(len(der)):
        damaged = der[:place] + bytes([der[place] ^ 8]) + der[place + 1 :]
        with pytest.raises(Malformed, match="authority"):
            read_authority(write_pem(damaged))


@pytest.mark.parametrize("kind", ["06032b6577", "06032b656e"], ids=["nobody knows", "does not sign"])
def test_a_key_of_a_kind_that_a_log_has_not_is_no_authority(kind):
    der = x509.load_pem_x509_certificate(write_authority(LOG).encode()).public_bytes(
        serialization.Encoding.DER
    )
    unknown = der.replace(bytes.fromhex("06032b6570"), bytes.fromhex(kind))
    refused("authority.form", read_authority, write_pem(unknown))


def test_a_private_hub_is_believed_by_its_authority_alone():
    assert len(open_trust(write_authority(LOG)).get_ca_certs()) == 1
    assert open_trust(SYSTEM).verify_mode.name == "CERT_REQUIRED"
