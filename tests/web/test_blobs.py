import os
from hashlib import sha256


def put(hub, data, **how):
    return hub.ask("PUT", f"/v1/blobs/{sha256(data).hexdigest()}", data, member="ada", **how)


def test_a_blob_comes_back_whole_in_ranges_and_its_length_alone(running_hub):
    data = os.urandom(1_000_003)
    path = f"/v1/blobs/{sha256(data).hexdigest()}"
    assert running_hub.ask("GET", path, member="bob").status == 404
    assert put(running_hub, data).status == 204
    assert put(running_hub, data).status == 204
    whole = running_hub.ask("GET", path, member="bob")
    assert (whole.status, whole.body) == (200, data)
    head = running_hub.ask("HEAD", path, member="bob")
    assert (head.status, head.headers["content-length"], head.body) == (200, "1000003", b"")
    part = running_hub.ask("GET", path, member="bob", headers={"Range": "bytes=999999-"})
    assert (part.status, part.body) == (206, data[999_999:])
    assert part.headers["content-range"] == "bytes 999999-1000002/1000003"
    part = running_hub.ask("GET", path, member="bob", headers={"Range": "bytes=10-19"})
    assert part.body == data[10:20]
    beyond = running_hub.ask("GET", path, member="bob", headers={"Range": "bytes=1000003-"})
    assert (beyond.status, beyond.rule) == (416, "range.beyond")
    assert not list((running_hub.path / "spool").iterdir())


def test_a_blob_is_for_members(running_hub):
    data = b"for members"
    assert put(running_hub, data).status == 204
    path = f"/v1/blobs/{sha256(data).hexdigest()}"
    assert running_hub.ask("GET", path).rule == "request.unsigned"
    assert running_hub.ask("PUT", path, data).rule == "request.unsigned"


def test_a_blob_larger_than_the_hub_takes_is_refused(hubs):
    hub = hubs(limits={"blob_mebibytes": 1})
    data = bytes(1024 * 1024 + 1)
    path = f"/v1/blobs/{sha256(data).hexdigest()}"
    raw = hub.connect()
    raw.putrequest("PUT", path)
    from hubhouse import sign

    for name, value in (
        sign("PUT", hub.authority, path, data, "ada") | {"Content-Length": len(data)}
    ).items():
        raw.putheader(name, str(value))
    raw.endheaders()
    assert raw.getresponse().status == 413
    assert put(hub, data[1:]).status == 204


def test_a_disk_that_is_nearly_full_is_left_to_the_log(hubs):
    hub = hubs(limits={"reserve_mebibytes": 1_048_576})
    answer = put(hub, b"too much")
    assert (answer.status, answer.headers["retry-after"]) == (503, "1")
    assert not list((hub.path / "spool").iterdir())
