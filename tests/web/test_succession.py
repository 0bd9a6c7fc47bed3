"""A hub that goes on and lies is replaced by its members: real processes, over TLS."""

import contextlib
import io
import json

import pytest
from hubhouse import HubProcess, found_hub, free_port
from hubreader import state_of
from nodehouse import make_member

from hansa.cli import main
from hansa.cli.record import read_record
from hansa.coalition import Tick, parse_entry
from hansa.node.intercom import Intercom
from hansa.transparency import canonical, parse_leaf

NAMES = ("ada", "bob", "cyd", "dan")


def hansa(*tokens):
    """Run one command here, and return what it says as JSON."""
    out = io.StringIO()
    with contextlib.redirect_stdout(out):
        code = main([*(str(token) for token in tokens), "--json"])
    return code, json.loads(out.getvalue())


def entries_of(node):
    leaves = read_record(node.path).leaves
    return [parse_entry(parse_leaf(leaf).envelope).kind for leaf in leaves]


@pytest.fixture
def running():
    """What is stopped at the end, however the test ends."""
    processes = []
    yield processes
    for process in processes:
        process.stop()


def remember_final(node):
    """Let a node that is stopped remember all that it followed as final; return the file's content."""
    memory = json.loads((node.path / "witness.json").read_bytes())
    memory["final"] = {"root": memory["root"], "size": memory["size"]}
    (node.path / "witness.json").write_bytes(canonical.encode(memory))
    return memory


def test_a_lying_hub_is_replaced_and_what_only_it_showed_is_dropped(tmp_path, running):
    hub = found_hub(tmp_path, names=NAMES).start()
    running.append(hub)
    coalition = state_of(hub).coalition
    nodes = {name: make_member(tmp_path / name, hub, name, coalition) for name in NAMES}
    for node in nodes.values():
        running.append(node.start())
    for node in nodes.values():
        node.wait_until(lambda found: found["final"] >= 1)

    # Three of four sign that another hub goes on; dan knows nothing of it.
    address = f"https://127.0.0.1:{(port := free_port())}"
    second, handover = tmp_path / "second", tmp_path / "handover.json"
    draft = ("hub", "handover", "draft", "--hub", second, "--address", address, "--output", handover)
    code, said = hansa(*draft, "--folder", nodes["ada"].path)
    assert code == 0, said
    assert said["signed_by"] == ["ada"]
    code, said = hansa("hub", "handover", "take", handover, "--folder", nodes["dan"].path)
    assert (code, said["error"]["rule"]) == (4, "handover.signers"), said
    for name in ("bob", "cyd"):
        code, said = hansa("hub", "handover", "sign", handover, "--folder", nodes[name].path)
        assert code == 0, said
    assert said["signed_by"] == ["ada", "bob", "cyd"]
    size = said["size"]

    # The old hub goes on, and dan with it. Nothing of that becomes final.
    numbers = Intercom(nodes["dan"].house).say([Tick()])
    nodes["bob"].wait_until(lambda found: found["entries"] > numbers[0])
    assert nodes["bob"].wait_until(lambda found: found["final"] == size)["entries"] == size + 1

    # Cyd's mirror becomes the new hub.
    code, said = hansa(
        "hub", "init", second, "--address", address, "--from", nodes["cyd"].path, "--handover", handover
    )
    assert code == 0, said
    assert said["entries"] == size + 1
    running.append(HubProcess(second, port).start())
    for name, node in nodes.items():
        node.stop()
        drop = ()
        if name == "dan":  # as if the old hub had shown it cosignatures that it showed nobody else
            memory = remember_final(node)
            code, said = hansa("hub", "handover", "take", handover, "--folder", node.path)
            assert (code, said["error"]["rule"]) == (4, "handover.final"), said
            drop = ("--drop",)
        code, said = hansa("hub", "handover", "take", handover, *drop, "--folder", node.path)
        assert (code, said) == (0, {"addresses": [address]}), name
        assert (node.path / f"witness.before-{size}.json").exists() == (name == "dan")
        node.start()
    for node in nodes.values():
        node.wait_until(lambda found: found["final"] >= size + 1)
        assert entries_of(node)[size] == "handover"

    kept = json.loads((nodes["dan"].path / f"witness.before-{size}.json").read_bytes())
    assert kept == memory
    assert kept["final"]["size"] > size

    # It goes on, and everybody can verify it; the old hub is nobody's any more.
    (number,) = Intercom(nodes["dan"].house).say([Tick()])
    for node in nodes.values():
        node.wait_until(lambda found: found["final"] > number)
    code, said = hansa("verify", nodes["bob"].path / "log", "--coalition", coalition)
    assert (code, said["final"]) == (0, True)
    code, said = hansa(
        "log", "compare", tmp_path / "dan" / f"log.before-{size}", "--folder", nodes["ada"].path
    )
    assert (code, said.get("verdict")) == (0, "superseded"), said
