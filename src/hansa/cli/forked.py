"""Evidence of a fork, as `hansa verify` checks it: alone, offline, with nothing else at hand."""

from pathlib import Path
from typing import Final

from hansa.cli.printing import make_facts, show
from hansa.coalition import parse_fork, verify_fork
from hansa.errors import Refused, Unavailable
from hansa.transparency import encode_base64, parse_checkpoint

_BEGINNING: Final = b'{"'


def is_fork(path: Path) -> bool:
    """Say whether a file may be evidence of a fork, by its first bytes; a log is a folder or a database."""
    if not path.is_file():
        return False
    with path.open("rb") as file:
        return file.read(len(_BEGINNING)) == _BEGINNING


def verify_evidence(path: Path, *, expected: str | None, as_json: bool) -> int:
    """Check evidence of a fork and say what it shows.

    Raises:
        Unavailable: it cannot be read.
        Malformed, Refused: as `verify_fork`; `audit.coalition`, it is about another coalition than was expected.
    """
    try:
        data = path.read_bytes()
    except OSError as error:
        raise Unavailable(f"`{path}` cannot be read: {error.strerror}") from error
    fork = parse_fork(data)
    state = verify_fork(fork)
    if expected is not None and state.coalition != expected:
        raise Refused(
            "audit.coalition",
            f"expected the coalition `{expected}`, the evidence is about `{state.coalition}`",
        )
    first, second = (parse_checkpoint(head.note.body) for head in (fork.first, fork.second))
    keys = {head.key.public for head in (fork.first, fork.second)}
    by_founding = keys == {state.log_key}
    document = {
        "coalition": state.coalition,
        "name": state.charter.name,
        "origin": state.charter.origin,
        "fork": True,
        "first": {"entries": first.size, "root": first.root.hex(), "key": fork.first.key.encode()},
        "second": {"entries": second.size, "root": second.root.hex(), "key": fork.second.key.encode()},
        "root_in_second": fork.root.hex(),
        "key_of_the_founding": by_founding,
    }
    whose = (
        "that the founders signed"
        if by_founding
        else "of which one is not that of the founding: look for the handover to it in the record"
    )
    facts = make_facts(
        [
            ("✓ founding", f"signed by all {len(state.members)} founders"),
            ("✓ heads", f"both signed with {'the log key' if len(keys) == 1 else 'log keys'} {whose}"),
            ("✓ first", f"{first.size} entries, root {encode_base64(first.root)}"),
            ("✓ second", f"{second.size} entries, root {encode_base64(second.root)}"),
            (
                "✓ fork",
                f"the first {first.size} entries of the second have the root {encode_base64(fork.root)}",
            ),
        ]
    )
    hint = "as expected" if expected is not None else "Compare this id with the one that you were given."
    show(
        document,
        f"{state.charter.name}: this log was forked. Its hub has signed two histories.",
        facts,
        "",
        make_facts([("coalition", state.coalition)]),
        hint,
        as_json=as_json,
    )
    return 0
