import doctest
import json

import pytest

import hansa.hub.folder
from hansa.errors import Malformed, Refused, Unavailable
from hansa.hub import Hub, HubFolder, init_hub


def test_the_example_runs():
    assert doctest.testmod(hansa.hub.folder).failed == 0


def test_a_hub_is_made_and_opened_with_what_was_said(tmp_path):
    made = init_hub(tmp_path / "hub", ["https://hub.example:8443", "https://10.0.0.7"], None)
    opened = HubFolder(tmp_path / "hub")
    assert opened.settings == made.settings
    assert opened.settings.listens_at == ("0.0.0.0", 8443)
    assert opened.settings.authorities == ("hub.example:8443", "10.0.0.7")
    assert opened.settings.hosts == ("hub.example", "10.0.0.7")
    assert (tmp_path / "hub" / "key").stat().st_mode & 0o077 == 0
    assert (tmp_path / "hub" / "authority.pem").read_text() == opened.authority


@pytest.mark.parametrize(
    ("address", "listen"),
    [
        ("https://127.0.0.1:8443", "127.0.0.1:8443"),
        ("https://localhost", "127.0.0.1:443"),
        ("https://[::1]:9000", "[::1]:9000"),
        ("https://hub.example", "0.0.0.0:443"),
        ("http://127.0.0.1:8080", "127.0.0.1:8080"),
    ],
)
def test_where_it_listens_follows_from_its_address(tmp_path, address, listen):
    assert init_hub(tmp_path / "hub", [address], None).settings.listen == listen


@pytest.mark.parametrize(
    "address",
    [
        "hub.example",
        "ftp://hub.example",
        "https://hub.example/",
        "https://hub.example:0",
        "https://hub.example:99999",
        "https://user@hub.example",
        "https://HUB.example",
        "https://",
        "http://hub.example",
        "http://10.0.0.7:8080",
    ],
)
def test_what_is_no_address_or_not_encrypted_is_refused(tmp_path, address):
    with pytest.raises(Malformed) as refused:
        init_hub(tmp_path / "hub", [address], None)
    assert "hub.json" not in str(refused.value)  # which is not there to look into
    assert not (tmp_path / "hub").exists()


def test_without_tls_a_hub_listens_at_loopback_only(tmp_path):
    init_hub(tmp_path / "hub", ["http://127.0.0.1:8080"], None)
    file = tmp_path / "hub" / "hub.json"
    file.write_text(json.dumps(json.loads(file.read_text()) | {"listen": "0.0.0.0:8080"}))
    with pytest.raises(Refused, match=r"hub\.listen"):
        HubFolder(tmp_path / "hub")


def test_a_folder_that_is_used_is_left_alone(tmp_path):
    (tmp_path / "diary.txt").write_text("dear diary")
    with pytest.raises(Refused, match=r"hub\.exists"):
        init_hub(tmp_path, ["https://hub.example"], None)
    with pytest.raises(Unavailable, match="hansa hub init"):
        HubFolder(tmp_path)


def test_settings_that_nobody_knows_are_named_with_their_line(tmp_path):
    init_hub(tmp_path / "hub", ["https://hub.example"], None)
    file = tmp_path / "hub" / "hub.json"
    file.write_text(
        json.dumps(json.loads(file.read_text()) | {"lissten": "x", "limits": {"runs": 0}}, indent=1)
    )
    with pytest.raises(Malformed) as caught:
        HubFolder(tmp_path / "hub")
    assert {finding.rule for finding in caught.value.findings} == {"hub.field-unknown", "hub.value"}


def test_the_certificate_is_kept_until_it_is_half_over(tmp_path):
    folder = init_hub(tmp_path / "hub", ["https://hub.example"], None)
    now = [1_795_431_600.0]
    hub = Hub(folder, lambda: now[0])
    try:
        certificate, key = hub.provide_certificate()
        first = certificate.read_bytes()
        assert key.stat().st_mode & 0o077 == 0
        assert hub.provide_certificate()[0].read_bytes() == first
        now[0] += 31 * 86_400
        assert hub.provide_certificate()[0].read_bytes() != first
        # A crash between key and certificate.
        certificate.unlink()
        assert hub.provide_certificate()[0].exists()
    finally:
        hub.close()


def test_a_certificate_of_somebody_else_is_left_to_them(tmp_path):
    folder = init_hub(tmp_path / "hub", ["https://hub.example"], None)
    file = tmp_path / "hub" / "hub.json"
    other = {"certificate": {"certificate": "/etc/tls/cert.pem", "key": "/etc/tls/key.pem"}}
    file.write_text(json.dumps(json.loads(file.read_text()) | other))
    folder = HubFolder(tmp_path / "hub")
    assert folder.authority == "system"
    hub = Hub(folder, lambda: 1_795_431_600.0)
    try:
        assert [str(path) for path in hub.provide_certificate()] == ["/etc/tls/cert.pem", "/etc/tls/key.pem"]
    finally:
        hub.close()
