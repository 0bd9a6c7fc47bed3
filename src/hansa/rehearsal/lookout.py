"""How a run between houses is watched from one of them, through its node."""

import time
from typing import Final

from hansa.node.intercom import Intercom
from hansa.rehearsal.narration import Narrator

_LOOK_SECONDS: Final = 0.2


def watch_run(node: Intercom, run_id: str, narrator: Narrator) -> None:
    """Tell how a run goes on until it is closed on the record.

    Raises:
        Unavailable: the node is not running any more. The run goes on without whoever watches.
    """
    told: set[str] = set()
    while True:
        progress = node.run(run_id)
        if progress["status"] != "open":
            return
        if not progress["is_final"]:
            narrator.step("waiting for the others to cosign its entry")
        hub = progress["hub"] or {}
        if hub.get("question"):
            narrator.step(f"round {hub.get('round')}: {hub['question']}, only the sum is seen")
        for name, why in (hub.get("gone") or {}).items():
            if name not in told:
                told.add(name)
                narrator.doubt(f"`{name}` {why}; it is out of this attempt")
        if progress["problem"] and "" not in told:
            told.add("")
            narrator.doubt(f"this node refused, and says so to you alone: {progress['problem']}")
        time.sleep(_LOOK_SECONDS)
