"""How vectors lie on the disk: `<topic>/<case>-valid.json` or `<topic>/<case>-bad-<rule>.json`.

Each file is an object with `what` (one sentence) and `source` (who published it, or `hansa`); the other
fields belong to the topic. Bytes are hexadecimal or base64, as the field's name says.
"""

import json
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

from hansa.errors import Malformed

VECTORS = Path(__file__).parent

Case = tuple[str, dict[str, object]]


def valid(name: str, what: str, source: str = "hansa", **fields: object) -> Case:
    return f"{name}-valid.json", {"what": what, "source": source, **fields}


def bad(rule: str, name: str, what: str, source: str = "hansa", **fields: object) -> Case:
    return f"{name}-bad-{rule}.json", {"what": what, "source": source, **fields}


def spell(case: dict[str, object]) -> str:
    return json.dumps(case, indent=1, ensure_ascii=True) + "\n"


def write(topic: str, cases: Iterator[Case]) -> None:
    folder = VECTORS / topic
    folder.mkdir(exist_ok=True)
    for old in folder.glob("*.json"):
        old.unlink()
    for name, case in cases:
        path = folder / name
        if path.exists():
            raise SystemExit(f"two cases are called {name}")
        path.write_text(spell(case), encoding="ascii")
    print(f"{topic}: {len(list(folder.iterdir()))} vectors")


def read(topic: str) -> dict[str, tuple[str | None, dict[str, object]]]:
    """Return the vectors of a topic: file name -> (the rule that must refuse it, or None; its content)."""
    vectors = {}
    for path in sorted((VECTORS / topic).glob("*.json")):
        _, bad_marker, rule = path.stem.rpartition("-bad-")
        if not bad_marker and not path.stem.endswith("-valid"):
            raise ValueError(f"{path.name} states no verdict")
        vectors[path.name] = (rule if bad_marker else None, json.loads(path.read_text(encoding="ascii")))
    if not vectors:
        raise ValueError(f"there are no vectors for {topic}")
    return vectors


def judge(function: Callable[..., Any], *arguments: object) -> tuple[str | None, Any]:
    """Return the rule that refuses the arguments, or None and the result."""
    try:
        return None, function(*arguments)
    except Malformed as error:
        return error.rule, None
