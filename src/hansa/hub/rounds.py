"""The coordinator of a run: it carries the rounds, and is trusted with nothing.

It derives questions from totals exactly as every contributor does, so it cannot choose what is asked but by
announcing a false total (`docs/formats/run.md` says what of that is caught); it sees masked answers only; and
it starts, and goes on, only while its own fold permits the run.
"""

from base64 import b64encode
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from os import cpu_count
from typing import Final, Protocol

from hansa.coalition import (
    Evidence,
    ProposalRecord,
    RunRecord,
    RunSeal,
    SignedStatement,
    State,
    minimum_cohort,
    parse_entry,
    result_digest,
    verify_run,
)
from hansa.engine import Derivation, Engine, Frame, Minutes, Settled, derive_graph, parse_frame, write_total
from hansa.entropy import draw
from hansa.errors import HansaError, Malformed, Refused
from hansa.governance import Plan
from hansa.hub.attendance import Attendance
from hansa.learning import Result, build_recipe, write_metrics, write_report
from hansa.privacy import Meter
from hansa.secagg import Aggregator, Conflict, Party
from hansa.transparency import Envelope, canonical, parse_envelope

_TRIES: Final = 3
"""How often a contributor that agreed is asked for its seal; it gives the same one each time."""


@dataclass(frozen=True, slots=True)
class Conducted:
    """How a run went.

    Args:
        result: what the recipe gave, as derived here.
        metrics: the closed list of metrics, decimal strings.
        model: the model document, canonical bytes.
        report: the coalition's report, canonical bytes.
        transcript: hex digest over all questions, totals and survivors.
        dropped: by member that vanished, the first round whose total is without its numbers; one more than
            there were rounds for a member that gave all of them and vanished before the end.
        seals: the signed `run_seal` entry of everybody else.
    """

    result: Result
    metrics: Mapping[str, str]
    model: bytes
    report: bytes
    transcript: str
    dropped: Mapping[str, int]
    seals: tuple[Envelope, ...]


class Record(Protocol):
    """The hub's own log and fold, as they are now."""

    @property
    def state(self) -> State:
        """The fold."""

    def root_at(self, size: int) -> bytes:
        """Return the root hash over the first `size` entries."""


class Coordinator:
    """Conducts one attempt at a run.

    Args:
        record: the hub's own log and fold.
        engine: carries the bytes.
        report: told the round's number, the question's name and how many numbers it asks for, before each round.
        miss: told the round's number, the member and why, whenever one is out of the run.
        minutes: keep what is settled, and have what an earlier coordinator of this run settled; none are kept unless told.
    """

    def __init__(
        self,
        record: Record,
        engine: Engine,
        report: Callable[[int, str, int], None] = lambda _round, _name, _length: None,
        miss: Callable[[int, str, str], None] = lambda _round, _member, _why: None,
        minutes: Minutes | None = None,
    ) -> None:
        self._record = record
        self._engine = engine
        self._report = report
        self._miss = miss
        self._minutes = Minutes() if minutes is None else minutes
        self._evidence: dict[tuple[str, str], Evidence] = {}

    @property
    def evidence(self) -> tuple[Evidence, ...]:
        """What members signed twice in the sums that were conducted, ready for the record, however they ended."""
        return tuple(self._evidence.values())

    def conduct(self, run_id: str) -> Conducted:
        """Take the recipe from its first question, or from where an earlier coordinator was stopped, to its result.

        Args:
            run_id: the id of the `run_open` entry.

        Raises:
            Refused: `permit.*`; `run.contributor`, too few are left, with everybody who is not and why; or
                what the recipe says of a total.
            Malformed: `secagg.share`, what is left of a secure sum cannot be put together.
        Guarantees:
            Fails closed: with fewer members than the record requires no further total is formed.
        """
        run, proposal, plan = self._permitted(run_id)
        derivation = self._derive(run, plan)
        minutes = self._minutes
        total: bytes | memoryview = b""
        derivation.attempt = minutes.take_up()
        for total, survivors in minutes.rounds():
            derivation.learn(total, survivors)
        attendance = Attendance(
            self._engine,
            run.id,
            derivation.cohort,
            self._count_required(run, plan),
            lambda name, why: self._miss(derivation.round, name, why),
            confirm=minutes.verify,
        )
        begin = Frame(
            "begin",
            {"run": run.id, "proposal": proposal.id, "plan": plan.digest, "recipe": plan.recipe.digest},
        )
        try:
            if derivation.round == 1:
                attendance.ask_all(begin, "ready")
            while derivation.attempt:
                answers = attendance.ask_all(_write_again(run, derivation), "ready", "ahead")
                ahead = {name: frame for name, frame in answers.items() if frame.word == "ahead"}
                if not ahead:
                    break
                total = _learn_of(ahead, derivation, attendance, minutes) or total
                derivation.attempt = minutes.take_up()
            while (question := derivation.question) is not None:
                self._permitted(run_id)
                attendance.require()
                self._report(derivation.round, question.name, question.length)
                aggregator = Aggregator(derivation.session, draw=draw, threads=cpu_count() or 1)
                try:
                    messages = _write_ask(run, derivation, attendance.present, total)
                    total = b""  # it may be large, and is in the messages
                    while messages:
                        attendance.gather(messages, ("sum",), _take_into(aggregator, attendance))
                        attendance.require()
                        messages = _write_sums(run, derivation, aggregator.broadcast())
                finally:
                    self._keep(run.id, aggregator.conflicts)
                total, survivors = write_total(aggregator.total), aggregator.survivors
                del aggregator
                # INVARIANT: a total is kept before anybody hears of it, so no member is ahead of these minutes, or of a whole copy.
                minutes.settle_round(derivation.round, total, survivors)
                derivation.learn(total, survivors)
            return _finish(run, derivation, attendance, total, minutes)
        except HansaError as error:
            attendance.end(str(error))
            raise

    def _keep(self, run_id: str, conflicts: tuple[Conflict, ...]) -> None:
        for conflict in conflicts:
            first, second = (
                SignedStatement(
                    content=b64encode(statement.content).decode(),
                    signature=b64encode(statement.signature).decode(),
                )
                for statement in (conflict.first, conflict.second)
            )
            found = Evidence(
                run=run_id, member=conflict.member, kind=conflict.kind, first=first, second=second
            )
            self._evidence.setdefault((conflict.member, conflict.kind), found)

    def _permitted(self, run_id: str) -> tuple[RunRecord, ProposalRecord, Plan]:
        state = self._record.state
        run = state.runs.get(run_id)
        if run is None or run.status != "open":
            raise Refused("run.unknown", f"no open attempt has the id `{run_id}`")
        proposal = state.proposals[run.proposal]
        plan = proposal.plan
        assert plan is not None  # a `run_open` is only accepted for a run
        verify_run(state, run.proposal, plan_digest=plan.digest, cohort=run.cohort)
        return run, proposal, plan

    def _count_required(self, run: RunRecord, plan: Plan) -> int:
        return max(run.sharing.required, minimum_cohort(self._record.state, plan))

    def _derive(self, run: RunRecord, plan: Plan) -> Derivation:
        state = self._record.state
        required = self._count_required(run, plan)
        honest = run.sharing.count_honest(required)
        return Derivation(
            build_recipe(plan.to_json(), run.cohort, honest),
            run=run.id,
            coalition=state.coalition,
            cohort=tuple(Party(name, run.keys[name].raw) for name in run.cohort),
            threshold=run.sharing.threshold,
            degree=run.sharing.degree,
            minimum_cohort=required,
            graph=derive_graph(run.id, self._record.root_at(run.number)),
            meter=Meter(plan.privacy.rho, honest),
        )


def _write_again(run: RunRecord, derivation: Derivation) -> Frame:
    fields: dict[str, canonical.Json] = {
        "run": run.id,
        "round": derivation.round,
        "attempt": derivation.attempt,
    }
    return Frame("again", fields)


def _learn_of(
    ahead: Mapping[str, Frame], derivation: Derivation, attendance: Attendance, minutes: Minutes
) -> bytes | None:
    """Take in the total of this round that most of those say who have learned it, and return it, or None when it does not follow.

    Whom a false one contradicts refuses it, as any false total of a coordinator; who says what does not follow is out.
    """
    said: dict[Settled, list[str]] = {}
    for name, frame in ahead.items():
        survivors = frame.fields.get("survivors")
        names = tuple(map(str, survivors)) if isinstance(survivors, list) else ()
        said.setdefault(Settled(bytes(frame.body), names), []).append(name)
    settled, witnesses = max(said.items(), key=lambda each: len(each[1]))
    number = derivation.round
    problem = "the run has no such round"
    if derivation.question is not None:
        try:
            derivation.learn(*settled)
        except (Malformed, Refused) as error:
            problem = error.rule
    if derivation.round == number:
        for name in witnesses:
            attendance.drop(name, f"said a total that does not follow ({problem})")
        return None
    # INVARIANT: a total is kept before anybody else hears of it.
    minutes.settle_round(number, *settled)
    return settled.total


def _write_ask(
    run: RunRecord, derivation: Derivation, members: Sequence[str], last_total: bytes | memoryview
) -> Mapping[str, bytes]:
    """Return what begins one round: the total of the round before, and the question."""
    question = derivation.question
    assert question is not None  # the caller has looked
    fields: dict[str, canonical.Json] = {
        "run": run.id,
        "round": derivation.round,
        "name": question.name,
        "question": derivation.question_digest.hex(),
    }
    return dict.fromkeys(members, Frame("ask", fields, last_total).encode())


def _write_sums(run: RunRecord, derivation: Derivation, messages: Mapping[str, bytes]) -> Mapping[str, bytes]:
    fields: dict[str, canonical.Json] = {"run": run.id, "round": derivation.round}
    written = {id(body): Frame("sum", fields, body).encode() for body in messages.values()}
    return {member: written[id(body)] for member, body in messages.items()}


def _take_into(aggregator: Aggregator, attendance: Attendance) -> Callable[[str, Frame], None]:
    def take(member: str, answer: Frame) -> None:
        try:
            aggregator.receive(member, answer.body)
        except (Malformed, Refused) as error:
            attendance.drop(member, f"sent a wrong message of the secure sum ({error.rule})")

    return take


def _finish(
    run: RunRecord,
    derivation: Derivation,
    attendance: Attendance,
    total: bytes | memoryview,
    minutes: Minutes,
) -> Conducted:
    """Let everybody check the result, then let everybody who agreed seal it and who was lost."""
    result = derivation.result
    assert result is not None  # the caller's loop ends with a result
    # Members agree to one announcement, in the same bytes, and seal one list, whichever coordinator asks.
    end = parse_frame(minutes.settle_end(_announce(run, derivation, result, total).encode()))
    attendance.ask_all(end, "agreed")
    attendance.require()
    # INVARIANT: from here on the list of the lost is settled. Who signs twice forks its own chain of entries,
    # so nobody is asked to seal a second list; a member that is lost now ends the attempt.
    lost = {**dict.fromkeys(attendance.gone, derivation.round), **derivation.lost}
    dropped = minutes.settle_dropped({name: lost[name] for name in sorted(lost)})
    sealing = [name for name in run.cohort if name not in dropped]
    metrics, model, report = (end.fields[name] for name in ("metrics", "model", "report"))
    assert isinstance(metrics, dict)  # as it was announced
    spelt = {name: str(value) for name, value in metrics.items()}
    outcome = result_digest(canonical.digest(model), canonical.digest(report), spelt, dropped)
    vouched = RunSeal(run=run.id, transcript=derivation.transcript.hex(), result=outcome)
    seal = Frame("seal", {"run": run.id, "dropped": {**dropped}})
    answers = attendance.ask_all(seal, "sealed", tries=_TRIES)
    if missing := [name for name in sealing if name not in answers]:
        why = [f"`{name}` agreed to the result, and then {attendance.gone[name]}" for name in missing]
        raise Refused("run.contributor", why)
    return Conducted(
        result,
        spelt,
        canonical.encode(model),
        canonical.encode(report),
        derivation.transcript.hex(),
        dropped,
        tuple(_read_seal(name, vouched, answers[name].body) for name in sealing),
    )


def _announce(run: RunRecord, derivation: Derivation, result: Result, total: bytes | memoryview) -> Frame:
    fields: dict[str, canonical.Json] = {
        "run": run.id,
        "round": derivation.round,
        "metrics": dict(write_metrics(result)),
        "model": result.document,
        "report": write_report(result),
    }
    return Frame("end", fields, total)


def _read_seal(name: str, vouched: RunSeal, body: bytes | memoryview) -> Envelope:
    """Read a contributor's seal.

    Raises:
        Malformed: `run.seal`, it is not this member's `run_seal` of this result.
    """
    try:
        envelope = parse_envelope(canonical.parse(bytes(body)))
        entry = parse_entry(envelope)
    except Malformed as error:
        raise Malformed("run.seal", f"`{name}` sent no entry ({error.rule})") from None
    if entry.author != name or entry.body != vouched:
        raise Malformed("run.seal", f"`{name}` sent another entry than its seal of this result")
    return envelope
