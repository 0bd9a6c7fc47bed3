"""The coalition's meeting place: it orders entries and carries rounds, and is trusted to be up, never to be honest.

Any member or a host can run it. It holds no secret that matters: it cannot forge, rewrite or fork the record
unseen, and sees only masked answers. In a run it derives each question as every contributor does.

Typical use::

    sequencer = Sequencer(LogStore.open(path), log_key, clock)
    number = sequencer.submit(envelope)          # refused when the fold refuses it
    conducted = Coordinator(sequencer, engine).conduct(run_id)

and for members on their own machines, behind `hansa.web`::

    hub = Hub(HubFolder(path), time.time)
    numbers = hub.clerk.submit([envelope]).result()
"""

from hansa.hub.authority import write_authority
from hansa.hub.clerk import Clerk
from hansa.hub.folder import HubFolder, HubSettings, init_hub, read_authority_of
from hansa.hub.gate import Caller, Gate, verify_body, verify_role
from hansa.hub.hub import Hub
from hansa.hub.limits import Limiter, TooOften
from hansa.hub.lobby import describe_member, open_lobby
from hansa.hub.restoration import Restoration, restore_log
from hansa.hub.rounds import Conducted, Coordinator
from hansa.hub.sequencer import LATEST, Sequencer
from hansa.hub.standby import StandsBy
from hansa.hub.succession import succeed_hub, take_over

__all__ = [
    "LATEST",
    "Caller",
    "Clerk",
    "Conducted",
    "Coordinator",
    "Gate",
    "Hub",
    "HubFolder",
    "HubSettings",
    "Limiter",
    "Restoration",
    "Sequencer",
    "StandsBy",
    "TooOften",
    "describe_member",
    "init_hub",
    "open_lobby",
    "read_authority_of",
    "restore_log",
    "succeed_hub",
    "take_over",
    "verify_body",
    "verify_role",
    "write_authority",
]
