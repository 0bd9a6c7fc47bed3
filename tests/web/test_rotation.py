"""A member changes its main key, and delegated keys speak, in houses of their own, at a real hub."""

from pathlib import Path

import pytest
from hubhouse import CHARTER
from nodehouse import found_machines

from hansa.cli import main
from hansa.cli.record import read_state
from hansa.coalition import Tick, introduce_key
from hansa.errors import Refused, Unavailable
from hansa.node.intercom import Intercom
from hansa.node.keyfile import is_encrypted, read_key_file
from hansa.transparency import SigningKey

DYING = str(Path(__file__).parents[1] / "support" / "dyingnode.py")
PASSPHRASE = b"four candles"


@pytest.fixture(name="fragile")
def _fragile(tmp_path, monkeypatch):
    """A hub and the houses of three members with passphrases; a test starts and stops whom it likes."""
    monkeypatch.setenv("HANSA_PASSPHRASE", PASSPHRASE.decode())
    hub, nodes = found_machines(tmp_path, started=(), passphrase=PASSPHRASE)
    yield hub, nodes
    for node in nodes.values():
        node.stop()
    hub.stop()


def key_on_record(node):
    return read_state(node.path)[1].members["ada"].key


def key_in_house(node):
    assert is_encrypted(node.house.key)
    return read_key_file(node.house.key, lambda: PASSPHRASE).public


def wait_for_all(nodes, size):
    for node in nodes.values():
        node.wait_until(lambda found: found["final"] >= size)


def test_a_member_goes_on_with_its_new_key_and_its_node_is_not_stopped(fragile, capsys):
    _, nodes = fragile
    for node in nodes.values():
        node.start()
    ada = nodes["ada"]
    before = key_in_house(ada)
    assert main(["member", "key", "rotate", "--folder", str(ada.path)]) == 0, capsys.readouterr().err
    assert key_on_record(ada) == key_in_house(ada) != before
    assert not ada.path.joinpath("key.next").exists()
    # All three must cosign: entries, requests and cosignatures have the new key.
    assert main(["log", "tick", "--folder", str(ada.path)]) == 0
    wait_for_all(nodes, 3)
    # A passphrase that is not the key's changes nothing.
    with pytest.raises(Refused, match=r"key\.passphrase"):
        Intercom(ada.house).rotate_key(b"fork handles")
    with pytest.raises(Refused, match=r"key\.passphrase"):
        Intercom(ada.house).rotate_key(None)
    assert not ada.path.joinpath("key.next").exists()
    # Nor may a key be put on the record that does not lie here.
    other = introduce_key(ada.house.settings.coalition, "ada", SigningKey.from_seed(b"k" * 32))
    with pytest.raises(Refused, match=r"key\.elsewhere"):
        Intercom(ada.house).say([other])
    ada.stop()
    assert main(["member", "key", "rotate", "--folder", str(ada.path)]) == 5  # nobody is there to say it
    ada.start()
    assert main(["log", "tick", "--folder", str(ada.path)]) == 0


@pytest.mark.parametrize(
    "moment",
    [pytest.param(moment, marks=pytest.mark.slow) for moment in ("drawn", "signed", "folded", "seen")]
    + ["sent"],
)
def test_a_node_that_is_killed_while_its_key_changes_finds_its_way(fragile, moment):
    _, nodes = fragile
    for node in nodes.values():
        node.begin()
    ada = nodes["ada"]
    for node in nodes.values():
        node.start()
    wait_for_all(nodes, 1)
    before = key_in_house(ada)
    ada.stop()
    ada.program = (DYING, moment)
    ada.start()
    with pytest.raises(Unavailable):
        Intercom(ada.house).rotate_key(PASSPHRASE)
    ada.process.wait(20)  # it kills itself
    ada.stop()
    ada.program = ("-m", "hansa")
    ada.start()
    if moment == "drawn":  # nothing was said; said again, it is the key that was drawn
        (drawn,) = ada.path.glob("key.next")
        expected = read_key_file(drawn, lambda: PASSPHRASE).public
        Intercom(ada.house).rotate_key(PASSPHRASE)
        assert key_in_house(ada) == expected
    wait_for_all(nodes, 2)
    assert key_on_record(ada) == key_in_house(ada) != before
    assert not ada.path.joinpath("key.next").exists()
    assert main(["log", "tick", "--folder", str(ada.path)]) == 0
    wait_for_all(nodes, 3)


def test_a_representative_votes_through_the_node_with_its_own_key(fragile, capsys):
    _, nodes = fragile
    for node in nodes.values():
        node.start()
    folder = ("--folder", str(nodes["ada"].path))
    assert main(["member", "key", "grant", "clara", "representative", *folder]) == 0, capsys.readouterr().err
    amended = nodes["ada"].path.parent / "charter.yaml"
    amended.write_text(CHARTER.replace("version: 1", "version: 2"))
    assert main(["proposal", "open", "amend", str(amended), "--as", "ada/clara", *folder]) == 0
    assert main(["proposal", "vote", "2", "no", "--as", "ada/clara", *folder]) == 0, capsys.readouterr().err
    (proposal,) = read_state(nodes["ada"].path)[1].proposals_in_order
    assert proposal.ballots["ada"] == "no"
    assert main(["member", "leave", "--as", "ada/clara", *folder]) == 4
    assert "key.role" in capsys.readouterr().err
    for stranger in ("dora", "../key"):
        with pytest.raises(Refused, match=r"key\.unknown"):
            Intercom(nodes["ada"].house).say([Tick()], stranger)
    nodes["ada"].path.joinpath("keys", "clara").unlink()
    assert main(["proposal", "recuse", "2", "--as", "ada/clara", *folder]) == 4
    assert main(["proposal", "vote", "2", "no", "--as", "bob/clara", *folder]) == 4
