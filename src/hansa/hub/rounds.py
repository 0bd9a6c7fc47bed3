"""The coordinator of a run: it carries the rounds, and is trusted with nothing.

It derives questions from totals exactly as every contributor does, so it cannot choose what is asked but by
announcing a false total (`docs/formats/run.md` says what of that is caught); it sees masked answers only; and
it starts, and goes on, only while its own fold permits the run.
"""

import re
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from typing import Final

from hansa.coalition import ProposalRecord, RunRecord, RunSeal, State, parse_entry, verify_run
from hansa.engine import (
    Derivation,
    Frame,
    LocalEngine,
    parse_frame,
    write_total,
)
from hansa.entropy import draw
from hansa.errors import HansaError, Malformed, Refused
from hansa.governance import Plan
from hansa.learning import Result, build_recipe, write_metrics, write_report
from hansa.secagg import Aggregator, Party
from hansa.transparency import Envelope, canonical, parse_envelope

_RULE: Final = re.compile(r"[a-z0-9-]{1,40}(?:\.[a-z0-9-]{1,40})?")


@dataclass(frozen=True, slots=True)
class Conducted:
    """How a run went.

    Args:
        result: what the recipe gave, as derived here.
        metrics: the closed list of metrics, decimal strings.
        model: the model document, canonical bytes.
        report: the coalition's report, canonical bytes.
        transcript: hex digest over all questions and totals.
        seals: each contributor's signed `run_seal` entry.
    """

    result: Result
    metrics: Mapping[str, str]
    model: bytes
    report: bytes
    transcript: str
    seals: tuple[Envelope, ...]


class Coordinator:
    """Conducts one attempt at a run.

    Args:
        state: returns the hub's own fold, as it is now.
        engine: carries the bytes.
        report: told the round's number, the question's name and how many numbers it asks for, before each round.
    """

    def __init__(
        self,
        state: Callable[[], State],
        engine: LocalEngine,
        report: Callable[[int, str, int], None] = lambda _round, _name, _length: None,
    ) -> None:
        self._state = state
        self._engine = engine
        self._report = report

    def conduct(self, run_id: str) -> Conducted:
        """Take the recipe from its first question to its result.

        Args:
            run_id: the id of the `run_open` entry.

        Raises:
            Refused: `permit.*`, or what a contributor refused, with its name.
            Malformed: a contributor sent something that the protocol does not allow.
        Guarantees:
            Fails closed: when a member is missing or refuses, no total of that round is formed.
        """
        run, proposal, plan = self._permitted(run_id)
        derivation = self._derive(run, plan)
        try:
            self._ask_all(
                run,
                Frame(
                    "begin",
                    {
                        "run": run.id,
                        "proposal": proposal.id,
                        "plan": plan.digest,
                        "recipe": plan.recipe.digest,
                    },
                ),
                "ready",
            )
            total = b""
            while (question := derivation.question) is not None:
                self._permitted(run_id)
                self._report(derivation.round, question.name, question.length)
                total = self._sum(run, derivation, question.name, total)
                derivation.learn(total)
            return self._end(run, derivation, total)
        except HansaError as error:
            self._engine.turn(_to_all(run.cohort, Frame("stop", {"run": run.id, "reason": str(error)})))
            raise

    def _permitted(self, run_id: str) -> tuple[RunRecord, ProposalRecord, Plan]:
        state = self._state()
        run = state.runs.get(run_id)
        if run is None or run.status != "open":
            raise Refused("run.unknown", f"no open attempt has the id `{run_id}`")
        proposal = state.proposals[run.proposal]
        plan = proposal.plan
        assert plan is not None  # a `run_open` is only accepted for a run
        verify_run(state, run.proposal, plan_digest=plan.digest, cohort=run.cohort)
        return run, proposal, plan

    def _derive(self, run: RunRecord, plan: Plan) -> Derivation:
        state = self._state()
        return Derivation(
            build_recipe(plan.to_json(), run.cohort),
            run=run.id,
            coalition=state.coalition,
            cohort=tuple(Party(name, state.members[name].key.raw) for name in run.cohort),
            threshold=run.threshold,
            minimum_cohort=max(plan.cohort.minimum, state.charter.privacy.minimum_cohort),
        )

    def _sum(self, run: RunRecord, derivation: Derivation, name: str, last_total: bytes) -> bytes:
        """One round: ask everybody, carry the secure sum to its end, return the total's bytes."""
        aggregator = Aggregator(derivation.session, draw=draw)
        fields: dict[str, canonical.Json] = {"run": run.id, "round": derivation.round}
        ask = Frame("ask", {**fields, "name": name, "question": derivation.question_digest.hex()}, last_total)
        answers = self._ask_all(run, ask, "sum")
        while True:
            for member, answer in answers.items():
                aggregator.receive(member, answer.body)
            messages = aggregator.broadcast()
            if not messages:
                return write_total(aggregator.total)
            frames = {member: Frame("sum", fields, body).encode() for member, body in messages.items()}
            answers = self._exchange(run.cohort, frames, "sum")

    def _end(self, run: RunRecord, derivation: Derivation, total: bytes) -> Conducted:
        result = derivation.result
        assert result is not None  # the loop above ends with a result
        metrics = dict(write_metrics(result))
        model, report = result.model_document(), write_report(result)
        fields: dict[str, canonical.Json] = {
            "run": run.id,
            "round": derivation.round,
            "metrics": dict(metrics),
            "model": model,
            "report": report,
        }
        answers = self._ask_all(run, Frame("end", fields, total), "sealed")
        seals = tuple(_read_seal(name, run.id, answers[name].body) for name in run.cohort)
        return Conducted(
            result,
            metrics,
            canonical.encode(model),
            canonical.encode(report),
            derivation.transcript.hex(),
            seals,
        )

    def _ask_all(self, run: RunRecord, frame: Frame, expected: str) -> Mapping[str, Frame]:
        return self._exchange(run.cohort, _to_all(run.cohort, frame), expected)

    def _exchange(
        self, cohort: Iterable[str], messages: Mapping[str, bytes], expected: str
    ) -> Mapping[str, Frame]:
        """One turn with everybody; whoever fails or vanishes ends the run, by name."""
        turn = self._engine.turn(messages)
        problems = [f"`{name}` did not answer" for name in cohort if name not in turn.answers]
        frames: dict[str, Frame] = {}
        for name, answer in turn.answers.items():
            try:
                frames[name] = parse_frame(answer)
            except Malformed as error:
                problems.append(f"`{name}` sent something else than a frame ({error.rule})")
        problems += [
            f"`{name}` refused: {_read_rule(frame)}"
            for name, frame in frames.items()
            if frame.word == "refused"
        ]
        if problems:
            raise Refused("run.contributor", problems)
        for name, frame in frames.items():
            if frame.word != expected:
                raise Malformed("run.word", f"expected `{expected}` from `{name}`, got `{frame.word}`")
        return frames


def _to_all(cohort: Iterable[str], frame: Frame) -> dict[str, bytes]:
    message = frame.encode()
    return dict.fromkeys(cohort, message)


def _read_rule(frame: Frame) -> str:
    """Return the rule that a contributor names, if it is one; a contributor's own words go no further."""
    rule = frame.fields.get("rule")
    return rule if isinstance(rule, str) and _RULE.fullmatch(rule) else "for a reason it does not name"


def _read_seal(name: str, run_id: str, body: bytes) -> Envelope:
    """Read a contributor's seal.

    Raises:
        Malformed: `run.seal`, it is not this member's `run_seal` for this run.
    """
    try:
        envelope = parse_envelope(canonical.parse(body))
        entry = parse_entry(envelope)
    except Malformed as error:
        raise Malformed("run.seal", f"`{name}` sent no entry ({error.rule})") from None
    if entry.author != name or not isinstance(entry.body, RunSeal) or entry.body.run != run_id:
        raise Malformed("run.seal", f"`{name}` sent another entry than its seal for this run")
    return envelope
