"""A coordinator whose process dies at a certain turn."""

from hansa.engine import LocalEngine, parse_frame
from hansa.engine.minutes import Minutes
from hansa.hub import Coordinator
from hansa.secagg import Kind
from hansa.store import FolderPapers


class Killed(BaseException):
    """What nobody catches: the coordinator's process is gone."""


class Dying:
    """An engine whose process dies at a certain turn: before the messages leave, or with the answers in its hands."""

    def __init__(self, stage, turn=None, *, after=False, names=None):
        self.engine = LocalEngine({name: stage.actor(name).trainer.receive for name in names or stage.actors})
        self.turns, self.dies_at, self.after = [], turn, after

    def tell(self, messages):
        self.engine.tell(messages)

    def turn(self, messages):
        self.turns.append(_name(next(iter(messages.values()))))
        dies = len(self.turns) - 1 == self.dies_at
        if dies and not self.after:
            raise Killed
        answers = self.engine.turn(messages)
        if dies:
            raise Killed
        return answers


def _name(message):
    frame = parse_frame(message)
    return f"{frame.word} {Kind(frame.body[5]).name.lower()}" if frame.word == "sum" else frame.word


def conduct(stage, run, folder, turn=None, **when):
    engine = Dying(stage, turn, **when)
    try:
        conducted = Coordinator(stage.sequencer, engine, minutes=Minutes(FolderPapers(folder))).conduct(
            run.id
        )
    except Killed:
        return None, engine.turns
    return conducted, engine.turns
