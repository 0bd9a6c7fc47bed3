import ssl
from base64 import encodebytes
from datetime import UTC, datetime, timedelta

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import serialization
from hubhouse import key_of

from hansa.hub import write_authority
from hansa.hub.authority import LIFETIME, issue_certificate, needs_renewal

NOW = datetime(2026, 11, 23, 12, tzinfo=UTC)
BEGIN, END = b"-----BEGIN CERTIFICATE-----\n", b"\n-----END CERTIFICATE-----\n"
HOSTS = ("hub.example", "127.0.0.1", "::1")


def write_pem(data):
    return BEGIN + encodebytes(data).rstrip() + END


def test_the_authority_follows_from_the_key_and_is_the_key():
    text = write_authority(key_of("log"))
    assert text == write_authority(key_of("log"))
    certificate = x509.load_pem_x509_certificate(text.encode())
    assert certificate.public_key().public_bytes_raw() == key_of("log").public.raw
    assert write_authority(key_of("other")) != text


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


@pytest.mark.parametrize(
    "kept",
    [b"", BEGIN + b"AAAA" + END, BEGIN + b"!" + END, write_authority(key_of("log")).encode()],
    ids=["nothing", "no certificate", "no base64", "the authority itself"],
)
def test_what_is_no_certificate_of_the_hub_is_renewed(kept):
    assert needs_renewal(kept, key_of("log"), HOSTS, NOW)


def test_a_certificate_that_was_damaged_is_renewed():
    issued = issue_certificate(key_of("log"), HOSTS, NOW, 7).certificate
    whole = x509.load_pem_x509_certificate(issued).public_bytes(serialization.Encoding.DER)
    for place in range(len(whole)):
        damaged = whole[:place] + bytes([whole[place] ^ 8]) + whole[place + 1 :]
        assert needs_renewal(write_pem(damaged), key_of("log"), HOSTS, NOW), place
