"""Engines carry bytes between a run's coordinator and its contributors.

An engine decides nothing: who is asked, what an answer means and whether to go on is the coordinator's
business. It never changes or reads what it carries. `LocalEngine` has everybody in one process, one object
per member that shares nothing with the others but bytes; `Mailbox` keeps messages until members on machines of
their own fetch them, and their answers until the coordinator reads them. Beside them stands what both ends of a run need to understand each other: the frame of a
message, the transcript, and the derivation of the next question from totals alone.

    >>> from hansa.engine import LocalEngine
    >>> engine = LocalEngine({"alder": bytes.upper, "birch": bytes.title})
    >>> dict(engine.turn({"alder": b"good", "birch": b"morning"}).answers)
    {'alder': b'GOOD', 'birch': b'Morning'}
    >>> engine.traffic["birch"]
    Traffic(bytes_down=7, bytes_up=7)

Format: `docs/formats/run.md`.
"""

from hansa.engine.derivation import Derivation, read_total, write_total
from hansa.engine.frame import Frame, parse_frame
from hansa.engine.local import LocalEngine
from hansa.engine.mailbox import Letter, Mailbox
from hansa.engine.minutes import Minutes, Papers, Settled, copy_minutes
from hansa.engine.transcript import derive_graph
from hansa.engine.turn import Engine, Traffic, Turn

__all__ = [
    "Derivation",
    "Engine",
    "Frame",
    "Letter",
    "LocalEngine",
    "Mailbox",
    "Minutes",
    "Papers",
    "Settled",
    "Traffic",
    "Turn",
    "copy_minutes",
    "derive_graph",
    "parse_frame",
    "read_total",
    "write_total",
]
