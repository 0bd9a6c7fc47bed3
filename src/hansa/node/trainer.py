"""The trainer: a member's side of a run, beside its data.

It answers only what its own fold permits, only the question that it derived itself from the totals, and
only through the secure sum. What it learns about its own rows stays in its house.
"""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from hansa.coalition import RunRecord, RunSeal, State, result_digest, verify_run
from hansa.engine import Derivation, Frame, parse_frame
from hansa.errors import Malformed, Refused
from hansa.governance import Plan
from hansa.learning import (
    MemberReport,
    Recipe,
    Rows,
    build_recipe,
    recipe_digest,
    write_metrics,
    write_report,
)
from hansa.node.voter import Voter
from hansa.secagg import Contributor, Party
from hansa.transparency import SigningKey, canonical, digest

METRIC_TOLERANCE = 2e-6
"""How far the coordinator's metrics may be from those recomputed here: twice their last decimal place."""

MODEL_TOLERANCE = 1e-9
"""The same for the model's numbers, relative to the larger of 1 and their size."""


class Trainer:
    """One member's contributor to one run after another.

    Args:
        member: this member's id.
        key: its identity key; it signs the secure sum's keys and survivors, and the seal.
        state: returns this member's own fold, as it is now.
        load_rows: reads and checks this member's data against a plan; raises what is wrong with them.
        draw: the operating system's generator.
    """

    def __init__(
        self,
        member: str,
        key: SigningKey,
        state: Callable[[], State],
        load_rows: Callable[[Plan], Rows],
        draw: Callable[[int], bytes],
    ) -> None:
        self._member = member
        self._key = key
        self._state = state
        self._load_rows = load_rows
        self._draw = draw
        self._job: _Job | None = None

    @property
    def private_report(self) -> MemberReport | None:
        """What the last finished run means for this member; for its own people only."""
        return None if self._job is None else self._job.report

    def receive(self, message: bytes) -> bytes:
        """Answer one message of the coordinator.

        Raises:
            Malformed, Refused: nothing is answered, and this run is over for this member.
        """
        frame = parse_frame(message)
        try:
            return self._answer(frame).encode()
        except (Malformed, Refused):
            self._job = None
            raise

    def _answer(self, frame: Frame) -> Frame:
        if frame.word == "begin":
            return self._begin(frame)
        if frame.word == "stop":
            self._job = None
            return Frame("stopped")
        job = self._job
        if job is None or frame.fields.get("run") != job.run:
            raise Malformed("run.word", f"`{frame.word}` of a run that is not under way here")
        match frame.word:
            case "ask":
                return self._ask(frame, job)
            case "sum":
                return self._sum(frame, job)
            case "end":
                return self._end(frame, job)
            case _:
                raise Malformed("run.word", f"`{frame.word}` is not a word of this protocol")

    def _begin(self, frame: Frame) -> Frame:
        run_id = _text(frame, "run")
        run, plan = self._permitted(run_id, _text(frame, "plan"))
        if (installed := recipe_digest()) != plan.recipe.digest:
            raise Refused(
                "run.recipe",
                f"the coalition approved the recipe `{plan.recipe.digest}`, and `{installed}` is "
                "installed here; install the version that was voted on, or propose the new one",
            )
        rows = self._load_rows(plan)
        state = self._state()
        recipe = build_recipe(plan.to_json(), run.cohort)
        derivation = Derivation(
            recipe,
            run=run.id,
            coalition=state.coalition,
            cohort=tuple(Party(name, state.members[name].key.raw) for name in run.cohort),
            threshold=run.threshold,
            minimum_cohort=max(plan.cohort.minimum, state.charter.privacy.minimum_cohort),
        )
        self._job = _Job(run.id, plan, recipe, rows, derivation)
        return Frame("ready")

    def _ask(self, frame: Frame, job: "_Job") -> Frame:
        self._permitted(job.run, job.plan.digest)
        derivation = job.derivation
        if job.asked:
            derivation.learn(frame.body)
        elif frame.body:
            raise Malformed("run.total", "the first round has no total before it")
        if frame.fields.get("round") != derivation.round:
            raise Refused(
                "run.round", f"expected round {derivation.round}, got `{frame.fields.get('round')}`"
            )
        question = derivation.question
        if question is None or frame.fields.get("question") != derivation.question_digest.hex():
            raise Refused(
                "run.question",
                f"the coordinator asks `{frame.fields.get('name')}`, which does not follow from the totals",
            )
        vector = derivation.quantiser.encode(job.recipe.answer(question, job.rows))
        job.asked = True
        job.contributor = Contributor(derivation.session, self._member, sign=self._key.sign, draw=self._draw)
        job.contributor.contribute(vector)
        return Frame("sum", {"run": job.run, "round": derivation.round}, job.contributor.start())

    def _sum(self, frame: Frame, job: "_Job") -> Frame:
        if job.contributor is None or frame.fields.get("round") != job.derivation.round:
            raise Refused("run.round", "no secure sum of this round is under way")
        reply = job.contributor.receive(frame.body)
        return Frame("sum", {"run": job.run, "round": job.derivation.round}, reply)

    def _end(self, frame: Frame, job: "_Job") -> Frame:
        self._permitted(job.run, job.plan.digest)
        job.derivation.learn(frame.body)
        result = job.derivation.result
        if result is None:
            raise Refused("run.question", "the coordinator ends the run, and a question is still open")
        metrics, model, report = (frame.fields.get(name) for name in ("metrics", "model", "report"))
        if not isinstance(metrics, dict):
            raise Malformed("run.field", "`end` carries an object `metrics`")
        _verify_close("run.metrics", metrics, dict(write_metrics(result)), METRIC_TOLERANCE)
        _verify_close("run.model", model, result.model_document(), MODEL_TOLERANCE)
        _verify_close("run.report", report, write_report(result), METRIC_TOLERANCE)
        job.report = job.recipe.private_report(result, job.rows)
        body = RunSeal(
            run=job.run,
            transcript=job.derivation.transcript.hex(),
            result=result_digest(
                digest(model), digest(report), {name: str(value) for name, value in metrics.items()}
            ),
        )
        (seal,) = Voter(self._member, self._key).write(self._state(), body)
        return Frame("sealed", body=canonical.encode(seal.to_json()))

    def _permitted(self, run_id: str, plan_digest: str) -> tuple[RunRecord, Plan]:
        """Prove from this member's own fold that the run may go on, with this member in it."""
        state = self._state()
        run = state.runs.get(run_id)
        if run is None:
            raise Refused("run.unknown", f"the log that `{self._member}` follows holds no run `{run_id}`")
        if run.status != "open":
            raise Refused("run.closed", f"attempt {run.attempt} is {run.status}")
        if self._member not in run.cohort:
            raise Refused("run.cohort", f"`{self._member}` is not in the cohort of this attempt")
        proposal = verify_run(state, run.proposal, plan_digest=plan_digest, cohort=run.cohort)
        assert proposal.plan is not None  # `verify_run` refuses what is not a run
        return run, proposal.plan


@dataclass(slots=True)
class _Job:
    """What a trainer keeps while one run goes on."""

    run: str
    plan: Plan
    recipe: Recipe[Any]
    rows: Rows
    derivation: Derivation
    asked: bool = False
    contributor: Contributor | None = None
    report: MemberReport | None = None


def _text(frame: Frame, name: str) -> str:
    value = frame.fields.get(name)
    if not isinstance(value, str):
        raise Malformed("run.field", f"`{frame.word}` carries a text `{name}`")
    return value


def _verify_close(
    rule: str, theirs: canonical.Json, ours: canonical.Json, tolerance: float, *, place: str = ""
) -> None:
    """Refuse two JSON values that differ by more than the last bits of floating-point numbers."""
    if isinstance(theirs, dict) and isinstance(ours, dict) and theirs.keys() == ours.keys():
        for name, value in ours.items():
            _verify_close(rule, theirs[name], value, tolerance, place=f"{place}.{name}")
    elif isinstance(theirs, list) and isinstance(ours, list) and len(theirs) == len(ours):
        for index, value in enumerate(ours):
            _verify_close(rule, theirs[index], value, tolerance, place=f"{place}[{index}]")
    elif theirs != ours and not _is_close(theirs, ours, tolerance):
        raise Refused(rule, f"`{place.lstrip('.')}` is said to be `{theirs}`; recomputed here it is `{ours}`")


def _is_close(theirs: canonical.Json, ours: canonical.Json, tolerance: float) -> bool:
    if not isinstance(theirs, str) or not isinstance(ours, str):
        return False
    try:
        left, right = float(theirs), float(ours)
    except ValueError:
        return False
    return abs(left - right) <= tolerance * max(1.0, abs(right))
