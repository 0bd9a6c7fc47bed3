"""What `docs/node.md` shows is what the program reads."""

import json
import re
from pathlib import Path

from hansa.governance.document import parse_document
from hansa.governance.validation import load_model
from hansa.node.house import NodeSettings, make_house

PAGE = (Path(__file__).parents[2] / "docs" / "node.md").read_text()


def test_the_settings_on_the_page_are_read_and_are_all_there_are():
    (block,) = re.findall(r"```json\n(.*?)```", PAGE, re.DOTALL)
    settings = load_model(NodeSettings, parse_document(block, "node.json"), "node")
    assert settings.member == "north-air"
    assert json.loads(block).keys() == NodeSettings.model_fields.keys()
    for name in ("hub", "authority", "data", "ray", "proxy"):
        assert f"- `{name}`:" in PAGE


def test_what_a_house_holds_is_on_the_page(tmp_path):
    settings = NodeSettings(member="ada", hub=("https://hub.example",), authority="system")
    make_house(tmp_path / "house", settings, invitation=b"{}", passphrase=None, data=None, draw=bytes)
    for path in (tmp_path / "house").iterdir():
        assert f"`{path.name}{'/' * path.is_dir()}`" in PAGE
