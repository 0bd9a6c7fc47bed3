import json
import os
import re
import subprocess
import sys
from base64 import b64encode
from hashlib import sha256
from pathlib import Path

import pytest
from hubhouse import CHARTER, NAMES, SRC, key_of, make_hub

from hansa.cli import main
from hansa.coalition import parse_entry
from hansa.hub import HubFolder
from hansa.node.trust import read_authority
from hansa.transparency import ENTRY_TYPE, Envelope, pae, parse_base64


@pytest.fixture
def invited(tmp_path, capsys):
    """A running hub that has invited three founders, and their invitations."""
    hub = make_hub(tmp_path)
    (tmp_path / "charter.yaml").write_text(CHARTER)
    (tmp_path / "members.yaml").write_text(
        "\n".join(f"- {{id: {name}, name: {name.title()}, country: NL}}" for name in NAMES)
    )
    code = main(
        [
            "coalition",
            "found",
            str(tmp_path / "charter.yaml"),
            "--members",
            str(tmp_path / "members.yaml"),
            "--hub",
            str(hub.path),
            "--invitations",
            str(tmp_path / "invitations"),
        ]
    )
    assert code == 0, capsys.readouterr()
    invitations = {
        name: json.loads((tmp_path / "invitations" / f"{name}.json").read_text()) for name in NAMES
    }
    hub.start()
    yield hub, invitations
    hub.stop()


def ask(hub, invitation, method="GET", path="/v1/founding", **body):
    data = json.dumps(body, separators=(",", ":"), sort_keys=True).encode() if body else b""
    bearer = {"Authorization": f"Bearer {invitation['token']}"}
    return hub.ask(method, path, data, headers=bearer)


def bring_key(hub, invitation, name=None, key=None, proof=None):
    name = name or invitation["member"]["id"]
    key = key or key_of(name)
    digest = sha256(parse_base64(invitation["token"])).digest()
    signed = proof or key.sign(b"hansa/v1/invitation\n" + digest + name.encode())
    return ask(
        hub,
        invitation,
        "PUT",
        f"/v1/founding/{name}/key",
        key=key.public.encode(),
        proof=b64encode(signed).decode(),
    )


def bring_signature(hub, invitation, payload, key=None):
    name = invitation["member"]["id"]
    signed = (key or key_of(name)).sign(pae(ENTRY_TYPE, payload))
    return ask(hub, invitation, "PUT", f"/v1/founding/{name}/signature", signature=b64encode(signed).decode())


def test_founders_on_their_own_machines_found_a_coalition(invited):
    hub, invitations = invited
    for invitation in invitations.values():
        assert read_authority(invitation["authority"]).encode() == invitation["log_key"]
        assert bring_key(hub, invitation).status == 200
    said = ask(hub, invitations["ada"]).json()
    assert (said["stage"], said["missing"]) == ("signatures", list(NAMES))
    payload = parse_base64(said["payload"])
    body = parse_entry(Envelope(ENTRY_TYPE, payload, ())).body
    assert body.charter == invitations["ada"]["charter"]
    assert body.log.key == invitations["ada"]["log_key"]
    assert [{k: v for k, v in m.items() if k != "key"} for m in body.members] == invitations["ada"]["members"]
    # The hub may be restarted at any moment.
    hub.stop()
    hub.start()
    for name, invitation in invitations.items():
        said = bring_signature(hub, invitation, payload).json()
        assert said["stage"] == ("founded" if name == NAMES[-1] else "signatures")
    assert ask(hub, invitations["bob"]).json()["coalition"] == said["coalition"]
    assert hub.ask("GET", "/checkpoint", member="ada").status == 200
    assert bring_signature(hub, invitations["cyd"], payload).json() == said  # again is the same


def test_a_hub_that_was_killed_before_the_first_entry_writes_it_later(invited):
    hub, invitations = invited
    for invitation in invitations.values():
        said = bring_key(hub, invitation).json()
    payload = parse_base64(said["payload"])
    for name in ("ada", "bob"):
        bring_signature(hub, invitations[name], payload)
    hub.stop()
    # As if the last signature had been kept, and the hub killed right then.
    kept = json.loads((hub.path / "founding.json").read_text())
    kept["signatures"]["cyd"] = b64encode(key_of("cyd").sign(pae(ENTRY_TYPE, payload))).decode()
    (hub.path / "founding.json").write_text(json.dumps(kept))
    hub.start()
    assert ask(hub, invitations["ada"]).json()["stage"] == "founded"


def test_the_page_about_invitations_shows_one(invited):
    hub, invitations = invited
    page = (Path(__file__).parents[2] / "docs" / "formats" / "invitation.md").read_text()
    shown, answer = (json.loads(each) for each in re.findall(r"```json\n(.+?)```", page, re.DOTALL))
    assert shown.keys() == invitations["ada"].keys()
    assert shown["member"].keys() == invitations["ada"]["member"].keys()
    assert answer.keys() == ask(hub, invitations["ada"]).json().keys()


def test_only_who_was_invited_is_heard(invited):
    hub, invitations = invited
    answer = hub.ask("GET", "/v1/founding")
    assert (answer.status, answer.rule) == (401, "founding.token")
    stranger = {**invitations["ada"], "token": b64encode(bytes(32)).decode()}
    assert ask(hub, stranger).rule == "founding.token"
    assert bring_key(hub, invitations["ada"], "bob").rule == "founding.token"
    assert invitations["ada"]["token"] not in (hub.path / "founding.json").read_text()
    assert invitations["ada"]["token"] not in hub.journal()


def test_a_founder_brings_one_key_of_its_own_and_proves_that_it_has_it(invited):
    hub, invitations = invited
    assert bring_key(hub, invitations["ada"], proof=bytes(64)).rule == "signature.invalid"
    assert bring_key(hub, invitations["ada"]).status == 200
    assert bring_key(hub, invitations["ada"]).status == 200
    other = bring_key(hub, invitations["ada"], key=key_of("eve"))
    assert (other.status, other.rule) == (409, "founding.key")
    assert bring_key(hub, invitations["bob"], key=key_of("ada")).rule == "founding.key"
    assert bring_key(hub, invitations["bob"], key=HubFolder(hub.path).key).rule == "founding.key"


def test_nothing_is_signed_before_all_keys_are_there_and_nothing_else_is_a_signature(invited):
    hub, invitations = invited
    bring_key(hub, invitations["ada"])
    early = bring_signature(hub, invitations["ada"], b"{}")
    assert (early.status, early.rule) == (409, "founding.keys")
    for invitation in invitations.values():
        said = bring_key(hub, invitation).json()
    payload = parse_base64(said["payload"])
    assert bring_signature(hub, invitations["ada"], payload + b" ").rule == "signature.invalid"
    assert bring_signature(hub, invitations["ada"], payload, key=key_of("bob")).rule == "signature.invalid"


def test_what_the_fold_would_refuse_invites_nobody(tmp_path, capsys):
    hub = make_hub(tmp_path)
    (tmp_path / "charter.yaml").write_text(CHARTER.replace("period: 1h", "period: 1s"))
    (tmp_path / "members.yaml").write_text(
        "\n".join(f"- {{id: {name}, name: {name.title()}, country: NL}}" for name in NAMES)
    )
    found = [
        "coalition",
        "found",
        str(tmp_path / "charter.yaml"),
        "--members",
        str(tmp_path / "members.yaml"),
    ]
    there = ["--hub", str(hub.path), "--invitations", str(tmp_path / "invitations")]
    assert main([*found, *there, "--json"]) == 4
    assert json.loads(capsys.readouterr().out)["error"]["rule"] == "found.charter"
    assert not (hub.path / "founding.json").exists()
    (tmp_path / "charter.yaml").write_text(CHARTER)
    assert main([*found, *there, "--json"]) == 0
    assert (tmp_path / "invitations" / "ada.json").stat().st_mode & 0o077 == 0
    capsys.readouterr()
    assert main([*found, "--hub", str(hub.path), "--invitations", str(tmp_path / "more"), "--json"]) == 4
    assert json.loads(capsys.readouterr().out)["error"]["rule"] == "founding.begun"
    assert main([*found, "--json"]) == 2
    assert main([*found, "--hub", str(hub.path), "--json"]) == 2


def test_the_status_of_a_hub_is_told_and_that_there_is_none(tmp_path, capsys):
    hub = make_hub(tmp_path)
    assert main(["hub", "status", str(hub.path)]) == 5
    assert "hansa hub up" in capsys.readouterr().err
    hub.start()
    try:
        assert main(["hub", "status", str(hub.path), "--json"]) == 0
        assert json.loads(capsys.readouterr().out)["status"] == "waits for its founders"
    finally:
        hub.stop()


def test_a_hub_that_cannot_listen_says_why(tmp_path):
    hub = make_hub(tmp_path)
    hub.start()
    try:
        second = subprocess.run(
            [sys.executable, "-m", "hansa", "hub", "up", str(hub.path)],
            env={**os.environ, "PYTHONPATH": str(SRC)},
            capture_output=True,
            text=True,
            timeout=60,
            check=False,
        )
    finally:
        hub.stop()
    assert second.returncode == 5
    assert "is being written by process" in second.stderr
