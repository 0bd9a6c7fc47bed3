import json

import pytest

from hansa.entropy import draw
from hansa.errors import Refused, Unavailable
from hansa.governance import InvalidDocument
from hansa.node.house import House, NodeSettings, is_house, make_house

SETTINGS = NodeSettings(member="ada", hub=("https://hub.example:8443",), authority="system")


def make(folder, **changes):
    return make_house(
        folder, SETTINGS, **{"invitation": b"{}", "passphrase": None, "data": None, "draw": draw} | changes
    )[0]


def test_a_house_is_made_for_its_owner_alone(tmp_path):
    house = make(tmp_path / "house")
    assert house.folder.stat().st_mode & 0o777 == 0o700
    assert house.key.stat().st_mode & 0o777 == 0o600
    assert is_house(house.folder)
    assert House(house.folder).settings == SETTINGS


def test_its_data_lie_in_it_or_where_its_settings_say(tmp_path):
    (tmp_path / "rows.csv.gz").write_bytes(b"rows")
    house = make(tmp_path / "house", data=tmp_path / "rows.csv.gz")
    assert house.data.read_bytes() == b"rows"
    assert house.data.name == "data.csv.gz"
    house.change(data="../elsewhere.csv")
    assert House(house.folder).data == house.folder / "../elsewhere.csv"
    assert make(tmp_path / "voter").data is None


def test_a_folder_with_something_in_it_is_left_alone(tmp_path):
    (tmp_path / "thesis.txt").write_text("mine")
    with pytest.raises(Refused, match="not empty"):
        make(tmp_path)


def test_a_house_that_cannot_be_made_leaves_nothing(tmp_path):
    with pytest.raises(Refused, match="passphrase"):
        make(tmp_path / "house", passphrase=b"")
    assert not (tmp_path / "house").exists()
    make(tmp_path / "house")


def test_what_is_no_house_says_how_to_make_one(tmp_path):
    with pytest.raises(Unavailable, match="coalition join"):
        House(tmp_path)


@pytest.mark.parametrize(
    ("field", "value", "says"),
    [
        ("hub", [], "hub"),
        ("hub", ["http://hub.example:80"], "https"),
        ("proxy", "socks5://proxy.example:1080", "`http` proxy"),
        ("hub", ["https://hub.example/path"], "https"),
        ("hub", ["https://user@hub.example"], "https"),
        ("member", "Ada!", "member"),
        ("coalition", "12", "64"),
        ("extra", 1, "extra"),
    ],
)
def test_settings_that_make_no_sense_are_named(tmp_path, field, value, says):
    house = make(tmp_path / "house")
    path = house.folder / "node.json"
    path.write_text(json.dumps(json.loads(path.read_text()) | {field: value}))
    with pytest.raises(InvalidDocument, match=says):
        House(house.folder)


def test_without_encryption_only_this_machine_is_a_hub(tmp_path):
    house = make(tmp_path / "house")
    path = house.folder / "node.json"
    path.write_text(json.dumps(json.loads(path.read_text()) | {"hub": ["http://127.0.0.1:8443"]}))
    assert House(house.folder).settings.hub == ("http://127.0.0.1:8443",)
