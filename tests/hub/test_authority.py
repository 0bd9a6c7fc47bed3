import ssl
from datetime import UTC, datetime, timedelta

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import ec
from hubhouse import key_of

from hansa.errors import Malformed
from hansa.hub import read_authority, write_authority
from hansa.hub.authority import LIFETIME, issue_certificate, needs_renewal

NOW = datetime(2026, 11, 23, 12, tzinfo=UTC)
HOSTS = ("hub.example", "127.0.0.1", "::1")


def test_the_authority_follows_from_the_key_and_is_the_key():
    text = write_authority(key_of("log"))
    assert text == write_authority(key_of("log"))
    assert read_authority(text) == key_of("log").public
    assert read_authority(write_authority(key_of("other"))) != key_of("log").public


def test_a_certificate_is_issued_for_its_hosts_by_the_authority():
    issued = issue_certificate(key_of("log"), HOSTS, NOW, 7)
    certificate = x509.load_pem_x509_certificate(issued.certificate)
    authority = x509.load_pem_x509_certificate(write_authority(key_of("log")).encode())
    certificate.verify_directly_issued_by(authority)
    names = certificate.extensions.get_extension_for_class(x509.SubjectAlternativeName).value
    assert names.get_values_for_type(x509.DNSName) == ["hub.example"]
    assert [str(ip) for ip in names.get_values_for_type(x509.IPAddress)] == ["127.0.0.1", "::1"]
    # The openssl library takes it for what it is.
    ssl.create_default_context(cadata=write_authority(key_of("log")))


def test_a_certificate_is_renewed_when_it_is_half_over_or_fits_no_longer():
    issued = issue_certificate(key_of("log"), HOSTS, NOW, 7).certificate
    key = key_of("log")
    assert not needs_renewal(issued, key, HOSTS, NOW)
    assert not needs_renewal(issued, key, HOSTS, NOW + LIFETIME / 2)
    assert needs_renewal(issued, key, HOSTS, NOW + LIFETIME / 2 + timedelta(seconds=1))
    assert needs_renewal(issued, key, HOSTS, NOW - timedelta(days=2))
    assert needs_renewal(issued, key, HOSTS[:2], NOW)
    assert needs_renewal(issued, key_of("other"), HOSTS, NOW)
    assert needs_renewal(b"", key, HOSTS, NOW)


def forge(rule):
    """Return something that calls itself an authority."""
    if rule == "authority.form":
        return "-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n"
    if rule == "authority.signature":
        return issue_certificate_as_authority()
    secret = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([])
    builder = x509.CertificateBuilder(name, name, secret.public_key(), 1, NOW, NOW + LIFETIME)
    from cryptography.hazmat.primitives import hashes

    certificate = builder.sign(secret, hashes.SHA256())
    return certificate.public_bytes(serialization.Encoding.PEM).decode()


def issue_certificate_as_authority():
    name = x509.Name([])
    builder = x509.CertificateBuilder(name, name, key_of("log").secret.public_key(), 1, NOW, NOW + LIFETIME)
    certificate = builder.sign(key_of("thief").secret, None)
    return certificate.public_bytes(serialization.Encoding.PEM).decode()


@pytest.mark.parametrize("rule", ["authority.form", "authority.key", "authority.signature"])
def test_nothing_else_is_an_authority(rule):
    with pytest.raises(Malformed) as caught:
        read_authority(forge(rule))
    assert caught.value.rule == rule


def test_two_certificates_are_not_one():
    with pytest.raises(Malformed, match=r"authority\.form"):
        read_authority(write_authority(key_of("log")) * 2)
