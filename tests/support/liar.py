"""A coordinator that does what a test tells it to, right or wrong, to real members on a stage."""

from hansa.coalition import RunOpen, sharing_for
from hansa.engine import Frame, LocalEngine, parse_frame, write_total
from hansa.entropy import draw
from hansa.errors import Unavailable
from hansa.hub import Coordinator, rounds
from hansa.hub.attendance import Attendance
from hansa.rehearsal.play import open_proposal, vote_all
from hansa.secagg import Aggregator, Kind

DAY = 86_400


def approve(stage, plan, choices=None, lead="ada"):
    """Let one member propose a run, vote, wait; return its number."""
    number = open_proposal(stage, lead, "A run", "", {"effect": "run", "plan": plan.to_json()})
    vote_all(stage, number, choices or {})
    stage.forward(3 * DAY)
    stage.forward(DAY)
    return number


def open_attempt(stage, number):
    """Open the next attempt on the record and return it."""
    proposal = stage.state.proposal(number)
    body = RunOpen(
        proposal=proposal.id,
        plan=proposal.plan.digest,
        recipe=proposal.plan.recipe.digest,
        attempt=len(stage.state.attempts(proposal.id)) + 1,
        cohort=sorted(stage.actors),
        threshold=sharing_for(stage.state, len(stage.actors)).threshold,
    )
    stage.say("ada", body)
    stage.settle()
    return stage.state.attempts(proposal.id)[-1]


class Meddling:
    """An engine run by a lying hub: it changes what is said to members and what they answer."""

    def __init__(self, engine, meddle, overhear=lambda name, answer: answer):
        self.engine = engine
        self.meddle = meddle
        self.overhear = overhear

    def turn(self, messages):
        turn = self.engine.turn({name: self.meddle(name, message) for name, message in messages.items()})
        answers = {name: self.overhear(name, answer) for name, answer in turn.answers.items()}
        return type(turn)(answers, turn.failures)

    def tell(self, messages):
        self.turn(messages)


def conduct_with(stage, number, meddle, overhear=lambda name, answer: answer):
    """Open an attempt and conduct it over a meddling engine; return how it went and who was missed."""
    run = open_attempt(stage, number)
    engine = LocalEngine({name: actor.trainer.receive for name, actor in stage.actors.items()})
    missed = []
    coordinator = Coordinator(
        stage.sequencer,
        Meddling(engine, meddle, overhear),
        miss=lambda number, name, why: missed.append((number, name, why)),
    )
    return coordinator.conduct(run.id), missed


class Liar:
    """A coordinator in the hands of a test, with an attempt open and everybody ready."""

    def __init__(self, stage, number):
        self.stage = stage
        self.run = open_attempt(stage, number)
        engine = LocalEngine({name: actor.trainer.receive for name, actor in stage.actors.items()})
        self.coordinator = Coordinator(stage.sequencer, engine)
        _, proposal, self.plan = self.coordinator._permitted(self.run.id)
        self.derivation = self.derive()
        self.attendance = Attendance(engine, self.run.id, self.run.cohort, 1, lambda name, why: None)
        fields = {
            "proposal": proposal.id,
            "plan": self.plan.digest,
            "recipe": self.plan.recipe.digest,
        }
        assert {self.send(name, "begin", **fields).word for name in self.run.cohort} == {"ready"}
        self.total = b""

    def derive(self, **changes):
        """Return one more walk through the recipe, from its beginning."""
        run = self.run
        if changes:
            run = run._replace(sharing=run.sharing._replace(**changes))
        return self.coordinator._derive(run, self.plan)

    def play_round(self):
        """Take one honest round; return its total and survivors."""
        aggregator = Aggregator(self.derivation.session, draw=draw)
        messages = rounds._write_ask(self.run, self.derivation, self.attendance.present, self.total)
        while messages:
            self.attendance.gather(messages, ("sum",), rounds._take_into(aggregator, self.attendance))
            messages = rounds._write_sums(self.run, self.derivation, aggregator.broadcast())
        self.total, survivors = write_total(aggregator.total), aggregator.survivors
        self.derivation.learn(self.total, survivors)
        return self.total, survivors

    def send(self, name, word, body=b"", /, **fields):
        """Say one thing to one member; return what it answers."""
        message = Frame(word, {"run": self.run.id, **fields}, body).encode()
        return parse_frame(self.stage.actor(name).trainer.receive(message))

    def ask(self, name, derivation=None, total=None, /, **changes):
        """Ask one member the question of a derivation; return what it answers."""
        derivation = derivation or self.derivation
        question = derivation.question
        fields = {
            "round": derivation.round,
            "name": question.name,
            "question": derivation.question_digest.hex(),
        }
        return self.send(name, "ask", self.total if total is None else total, **(fields | changes))


def kind_of(frame):
    """Return the kind of the secure sum's message in a frame, or None."""
    return Kind(frame.body[5]) if frame.word == "sum" else None


def vanish(stage, name, round_number, kind):
    """Let a member vanish for good when a message arrives.

    Args:
        round_number: of the round in which it does; 0 is before everything.
        kind: the kind of the message of the secure sum, or a word of the run.
    """
    trainer = stage.actor(name).trainer
    receive = trainer.receive
    gone = []

    def listen(message):
        frame = parse_frame(message)
        here = frame.fields.get("round", 0) == round_number and kind in {frame.word, kind_of(frame)}
        if gone or here:
            gone.append(name)
            raise Unavailable("the line is dead")
        return receive(message)

    trainer.receive = listen
