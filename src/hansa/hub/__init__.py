"""The coalition's meeting place: it orders entries and carries rounds, and is trusted to be up, never to be honest.

Any member or a host can run it. It holds no secret that matters: it cannot forge, rewrite or fork the record
unseen, and sees only masked answers. In a run it derives each question as every contributor does.

Typical use::

    sequencer = Sequencer(LogStore.open(path), log_key, clock)
    number = sequencer.submit(envelope)          # refused when the fold refuses it
    conducted = Coordinator(sequencer, engine).conduct(run_id)
"""

from hansa.hub.restoration import Restoration, restore_log
from hansa.hub.rounds import Conducted, Coordinator
from hansa.hub.sequencer import LATEST, Sequencer

__all__ = ["LATEST", "Conducted", "Coordinator", "Restoration", "Sequencer", "restore_log"]
