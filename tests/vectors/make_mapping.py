"""Make the vectors of mappings: `yaml` is what people wrote; `canonical` and `digest` are what a data steward consents to.

A bad vector has the `line` of the finding.
"""

import hashlib
import json
from collections.abc import Iterator

from vectorfiles import Case, bad, valid, write


def canonical(*columns: dict[str, object], **changes: object) -> dict[str, object]:
    return {
        "version": 1,
        "database": None,
        "table": None,
        "order": [],
        "where": None,
        "columns": list(columns),
        **changes,
    }


def column(name: str, **changes: object) -> dict[str, object]:
    plain = {"name": name, "from": None, "expression": None, "as": "text", "times": "1", "plus": "0"}
    return {**plain, **changes}


def spell_expression(text: str) -> str:
    """Return a mapping whose one column is derived by an expression."""
    return f"version: 1\ncolumns:\n  - name: a\n    expression: {json.dumps(text)}\n"


SPEED = "{name: speed, from: speed_kmh, as: number, times: 0.539957}"

GOOD = [
    (
        "renamed",
        "one column under another name",
        "version: 1\ncolumns: [{name: sky, from: cloud}]\n",
        canonical(column("sky", **{"from": "cloud"})),
    ),
    (
        "converted",
        "kilometres an hour to knots, and only some rows",
        f"version: 1\nwhere: year >= 2015\ncolumns: [{SPEED}]\n",
        canonical(
            column("speed", **{"from": "speed_kmh", "as": "number", "times": "0.539957"}),
            where="year >= 2015",
        ),
    ),
    (
        "derived",
        "a column by cases",
        spell_expression("case when a.b is null then 1 end").replace("a.b", "b"),
        canonical(column("a", expression="case when b is null then 1 end")),
    ),
    (
        "server",
        "a view of a PostgreSQL server",
        "version: 1\ndatabase: postgresql://reader@db.example/clinic\ntable: public.visits\norder: [id]\ncolumns: [{name: stay, from: days, as: whole}]\n",
        canonical(
            column("stay", **{"from": "days", "as": "whole"}),
            database="postgresql://reader@db.example/clinic",
            table="public.visits",
            order=["id"],
        ),
    ),
]

BAD = [
    ("field-missing", "no-columns", "nothing to read", "version: 1\n", 1),
    ("field-unknown", "code", "code", "version: 1\npython: import os\ncolumns: [{name: a, from: b}]\n", 2),
    ("value", "kind", "a kind that is not known", "version: 1\ncolumns: [{name: a, from: b, as: float}]\n", 2),
    ("source", "both", "a column from two", "version: 1\ncolumns: [{name: a, from: b, expression: b}]\n", 2),
    ("source", "neither", "a column from nothing", "version: 1\ncolumns: [{name: a}]\n", 2),
    ("twice", "twice", "one name for two", "version: 1\ncolumns:\n  - {name: a, from: b}\n  - {name: a, from: c}\n", 4),
    ("unit", "text-times", "a text times two", "version: 1\ncolumns: [{name: a, from: b, times: 2}]\n", 2),
    ("unit", "times-nothing", "times zero", "version: 1\ncolumns: [{name: a, from: b, as: number, times: 0}]\n", 2),
    ("table", "no-table", "a server without a table", "version: 1\ndatabase: postgresql://db/x\ncolumns: [{name: a, from: b}]\n", 1),
    ("table", "table-injected", "a table that is SQL", "version: 1\ntable: 'a\"; drop'\norder: [b]\ncolumns: [{name: a, from: b}]\n", 2),
    ("order", "no-order", "a table without an order", "version: 1\ntable: t\ncolumns: [{name: a, from: b}]\n", 1),
    ("order", "order-of-file", "an order of a file", "version: 1\norder: [a]\ncolumns: [{name: a, from: b}]\n", 2),
    ("database", "password", "a password in the address", "version: 1\ndatabase: postgresql://u:p@db/x\ntable: t\norder: [i]\ncolumns: [{name: a, from: b}]\n", 2),
    ("database", "address", "another kind of address", "version: 1\ndatabase: file:///etc/passwd\ntable: t\norder: [i]\ncolumns: [{name: a, from: b}]\n", 2),
    ("expression", "where", "a filter with a query", "version: 1\nwhere: a in (select 1)\ncolumns: [{name: a, from: b}]\n", 2),
]  # fmt: skip

HOSTILE = {
    "reads-a-file": "(select count(*) from read_csv('/etc/passwd'))",
    "reads-a-table": "(select secret from other)",
    "reads-text": "read_text('/etc/passwd')",
    "asks-the-environment": "getenv('HOME')",
    "asks-a-setting": "current_setting('memory_limit')",
    "attaches": "1; attach '/tmp/x.db'",
    "copies": "1; copy (select 1) to '/tmp/x'",
    "loads": "1; load httpfs",
    "sets": "1; set memory_limit = '1TB'",
    "asks-a-pragma": "1; pragma version",
    "selects-from": "a from read_csv('/etc/passwd')",
    "closes-the-list": "a) from (select 1",
    "hides-the-rest": "a, b -- ",
    "joins-another": "a union select b",
    "filters": "a where true",
    "limits": "a limit 1",
    "samples": "a using sample 1",
    "names-itself": "a as b",
    "calls-itself": "(with recursive t(x) as (select 1 union all select x + 1 from t) select max(x) from t)",
    "adds-rows": "sum(a)",
    "adds-rows-of-others": "sum(a) over ()",
    "takes-all": "*",
    "takes-columns": "columns('.*')",
    "makes-many-rows": "unnest([1, 2])",
    "makes-a-list": "range(1000000000)",
    "makes-a-long-text": "repeat(a, 1000000000)",
    "grows-a-text": "replace(replace(a, 'a', 'aaaaaaaa'), 'a', 'aaaaaaaa')",
    "fills-a-text": "format('{:>1000000000}', a)",
    "draws": "random()",
    "asks-the-time": "now()",
    "asks-a-parameter": "$1",
    "takes-a-place": "#1",
    "maps": "list_transform([a], x -> x)",
    "looks-within": "a.b",
    "casts-to-a-list": "a::int[]",
    "casts-to-json": "a::json",
    "collates": "a collate nocase",
    "is-no-sql": "a +",
    "is-nothing": "-- nothing",
    "is-long": "a" + " + a" * 600,
}


def cases() -> Iterator[Case]:
    for name, what, text, form in GOOD:
        spelling = json.dumps(form, sort_keys=True, separators=(",", ":"), ensure_ascii=False)
        digest = hashlib.sha256(spelling.encode()).hexdigest()
        yield valid(name, what, yaml=text, canonical=form, digest=digest)
    for rule, name, what, text, line in BAD:
        yield bad(f"mapping.{rule}", name, what, yaml=text, line=line)
    for name, text in HOSTILE.items():
        yield bad(
            "mapping.expression",
            name,
            f"an expression that {name.replace('-', ' ')}",
            yaml=spell_expression(text),
            line=4,
        )


if __name__ == "__main__":
    write("mapping", cases())
