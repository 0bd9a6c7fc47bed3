"""Run an AI coalition: agree on a charter, vote, train together on sums, and prove every step.

The command `hansa` and this package share nouns and verbs:

| on the command line | in Python |
| --- | --- |
| `hansa coalition lint` | `lint_charter(load_charter(text, source), members)` |
| `hansa coalition found` | `Stage.found(folder, charter, founders, lead)` |
| `hansa proposal open` | `open_proposal(stage, member, title, reason, effect)` |
| `hansa proposal vote` | `vote_all(stage, number, others)` |
| `hansa run start` | `conduct_run(stage, number, member, narrator)` |
| `hansa rehearse` | `play(folder, cast_folder(tables, read_plan(path), charter), narrator)` |
| `hansa rehearse --init`, then `hansa rehearse` | `JointClassifier(recipe).fit(Coalition.from_tables(folder), label)` |
| `hansa verify` | `audit_log(tree.leaves, tree.note_text)` with `tree = read_tree(path)` |

Found a coalition of three, admit nobody by surprise, and prove it to an outsider:

    >>> import tempfile
    >>> from pathlib import Path
    >>> import hansa
    >>> text = hansa.default_charter_text("Strikes", "strikes.example/wildlife")
    >>> charter = hansa.load_charter(text, "charter.yaml")
    >>> founders = [hansa.Founder(i, i.title(), "member", "NO", 1, None) for i in ("ada", "bob", "cyd")]
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     with hansa.Stage.found(Path(folder, "strikes"), charter, founders, lead="ada") as stage:
    ...         effect = {"effect": "expel", "member": "cyd"}
    ...         number = hansa.open_proposal(stage, "ada", "Go on without Cyd", "", effect)
    ...         hansa.vote_all(stage, number, {"bob": ("no", "Cyd belongs here")})
    ...         stage.forward(8 * 86_400)
    ...     tree = hansa.read_tree(stage.log)
    >>> audit = hansa.audit_log(tree.leaves, tree.note_text, coalition=stage.state.coalition)
    >>> audit.state.proposal(number).outcome, audit.is_final
    ('failed', True)

Names are loaded when they are first used, so that importing the package costs nothing.
"""

from importlib import import_module
from types import MappingProxyType
from typing import TYPE_CHECKING, Any, Final

if TYPE_CHECKING:
    from hansa.coalition import audit_log
    from hansa.governance import default_charter_text, lint_charter, load_charter
    from hansa.rehearsal import Founder, Stage, cast_folder, conduct_run, read_plan
    from hansa.rehearsal.play import open_proposal, play, vote_all
    from hansa.store import read_tree
    from hansa.study import Coalition, JointClassifier, load_model

__version__ = "0.1.0"

__all__ = [
    "Coalition",
    "Founder",
    "JointClassifier",
    "Stage",
    "audit_log",
    "cast_folder",
    "conduct_run",
    "default_charter_text",
    "lint_charter",
    "load_charter",
    "load_model",
    "open_proposal",
    "play",
    "read_plan",
    "read_tree",
    "vote_all",
]

_HOMES: Final = MappingProxyType(
    {
        "Coalition": "hansa.study",
        "Founder": "hansa.rehearsal",
        "JointClassifier": "hansa.study",
        "Stage": "hansa.rehearsal",
        "audit_log": "hansa.coalition",
        "cast_folder": "hansa.rehearsal",
        "conduct_run": "hansa.rehearsal",
        "default_charter_text": "hansa.governance",
        "lint_charter": "hansa.governance",
        "load_charter": "hansa.governance",
        "load_model": "hansa.study",
        "open_proposal": "hansa.rehearsal.play",
        "play": "hansa.rehearsal.play",
        "read_plan": "hansa.rehearsal",
        "read_tree": "hansa.store",
        "vote_all": "hansa.rehearsal.play",
    }
)


def __getattr__(name: str) -> Any:  # noqa: ANN401 - whatever the name stands for
    if name not in _HOMES:
        raise AttributeError(f"module `hansa` has no attribute `{name}`")
    value = getattr(import_module(_HOMES[name]), name)
    globals()[name] = value
    return value


def __dir__() -> list[str]:
    return sorted([*globals(), *__all__])
