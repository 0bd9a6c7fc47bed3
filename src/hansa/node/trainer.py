"""The trainer: a member's side of a run, beside its data.

It answers only what its own fold permits, only the question that it derived itself from the totals it was
told and the survivors it signed, and only through the secure sum. What it learns about its own rows stays in
its house.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from hashlib import sha256
from os import cpu_count
from pathlib import Path
from types import MappingProxyType
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from hansa.coalition import RunRecord, RunSeal, minimum_cohort, verify_run
from hansa.engine import Derivation, Frame, Minutes, derive_graph, parse_frame
from hansa.errors import HansaError, Malformed, Refused
from hansa.governance import Plan
from hansa.learning import (
    PrivateReport,
    Question,
    Recipe,
    Rows,
    Vector,
    build_recipe,
    recipe_digest,
)
from hansa.node.follower import Follower
from hansa.node.memory import Memory
from hansa.node.outcome import Outcome, verify_lost, verify_outcome
from hansa.node.voter import Voter
from hansa.privacy import SMALLEST_DEVIATION, Meter, Sample, sample_gaussian
from hansa.secagg import Contributor, Party, Step
from hansa.transparency import Envelope, SigningKey, canonical
from hansa.transparency.quoting import quote

FIELDS: Final[Mapping[str, Mapping[str, type]]] = MappingProxyType(
    {
        "begin": {"run": str, "proposal": str, "plan": str, "recipe": str},
        "again": {"run": str, "round": int, "attempt": int},
        "ask": {"run": str, "round": int, "name": str, "question": str},
        "sum": {"run": str, "round": int},
        "end": {"run": str, "round": int, "metrics": dict, "model": dict, "report": dict},
        "seal": {"run": str, "dropped": dict},
        "stop": {"run": str, "reason": str},
    }
)
"""What each word of a coordinator carries; nothing else is listened to."""

Answerer = Callable[[Question], Vector]
"""What answers the questions of one run about one member's rows."""


def answer_here(recipe: Recipe[Any], rows: Rows) -> Answerer:
    """Return what answers in this process."""
    return lambda question: recipe.answer(question, rows)


class Trainer:
    """One member's contributor to one run after another.

    Args:
        member: this member's id.
        key: its identity key; it signs the secure sum's keys and survivors, and the seal.
        follower: this member's own fold; only entries under a final checkpoint count.
        load_rows: reads and checks this member's data against a plan; raises what is wrong with them.
        draw: the operating system's generator.
        folder: where it remembers what it has begun and consented to, across restarts.
        sample: draws this member's share of noise, when a plan asks for it.
        minutes: where what was heard of a run is kept for a coordinator that takes it up; nowhere unless told.
        spread: returns what answers the questions of a recipe about rows; the recipe itself unless told.
        write: signs the seal as this member's next entry; None lets it follow the last one in the fold, which is right
            where nothing else speaks for the member meanwhile.
    """

    def __init__(
        self,
        member: str,
        key: SigningKey,
        follower: Follower,
        load_rows: Callable[[Plan], Rows],
        draw: Callable[[int], bytes],
        *,
        folder: Path,
        sample: Sample = sample_gaussian,
        minutes: Callable[[str], Minutes] = lambda _run: Minutes(),
        spread: Callable[[Recipe[Any], Rows], Answerer] | None = None,
        write: Callable[[RunSeal], Envelope] | None = None,
    ) -> None:
        self._member = member
        self._key = key
        self._follower = follower
        self._load_rows = load_rows
        self._draw = draw
        self._sample = sample
        self._minutes = minutes
        self._spread = spread or answer_here
        self._write = write or self._write_after_fold
        self._memory = Memory(folder)
        self._job: _Job | None = None
        self._problem: HansaError | None = None

    @property
    def private_report(self) -> PrivateReport | None:
        """What the last finished run means for this member; for its own people only."""
        return None if self._job is None else self._job.report

    @property
    def problem(self) -> HansaError | None:
        """Why this member refused last, in full; for its own people only, because it may quote their data."""
        return self._problem

    def receive(self, message: bytes | memoryview) -> bytes:
        """Answer one message of the coordinator.

        Guarantees:
            A refusal leaves the house as the name of a rule and nothing else, and ends this run for this
            member. `problem` keeps the reasons.
        """
        try:
            return self._answer(parse_frame(message)).encode()
        except HansaError as error:
            self._job = None
            self._problem = error
            return Frame(
                "refused", {"rule": error.rule if isinstance(error, Malformed | Refused) else "unavailable"}
            ).encode()

    def _answer(self, frame: Frame) -> Frame:
        expected = FIELDS.get(frame.word)
        if expected is None:
            raise Malformed("run.word", f"{quote(frame.word)} is not a word of this protocol")
        if frame.fields.keys() != expected.keys() or any(
            type(frame.fields[name]) is not kind for name, kind in expected.items()
        ):
            raise Malformed("run.field", f"`{frame.word}` carries {', '.join(expected)}, and nothing else")
        job = self._job
        if frame.word == "begin":
            if job is not None and job.begin == frame.encode():
                return Frame("ready")  # a coordinator that was stopped does not know whom it had told
            return self._begin(frame)
        if frame.word == "stop":
            # A word about another run, late or made up, ends nothing here.
            if job is not None and frame.fields["run"] == job.run:
                self._job = None
            return Frame("stopped")
        if job is None or frame.fields["run"] != job.run:
            raise Malformed("run.word", f"`{frame.word}` of a run that is not under way here")
        match frame.word:
            case "again":
                return self._begin_again(frame, job)
            case "ask":
                return self._ask(frame, job)
            case "sum":
                return self._sum(frame, job)
            case "end":
                return self._end(frame, job)
            case _:
                return self._seal(frame, job)

    def _begin(self, frame: Frame) -> Frame:
        self._problem = None
        run_id = str(frame.fields["run"])
        run, plan = self._permitted(run_id, str(frame.fields["plan"]))
        if frame.fields["proposal"] != run.proposal or frame.fields["recipe"] != plan.recipe.digest:
            raise Refused("run.recipe", "the coordinator names another proposal or recipe than the record")
        if (installed := recipe_digest()) != plan.recipe.digest:
            raise Refused(
                "run.recipe",
                f"the coalition approved the recipe `{plan.recipe.digest}`, and `{installed}` is "
                "installed here; install the version that was voted on, or propose the new one",
            )
        if plan.privacy.rho:
            # Who cannot draw noise says so before it is charged for anything.
            self._sample(SMALLEST_DEVIATION, 1)
        rows = self._load_rows(plan)
        self._memory.begin(run_id)
        state = self._follower.state
        required = max(run.sharing.required, minimum_cohort(state, plan))
        honest = run.sharing.count_honest(required)
        recipe = build_recipe(plan.to_json(), run.cohort, honest)
        derivation = Derivation(
            recipe,
            run=run.id,
            coalition=state.coalition,
            cohort=tuple(Party(name, run.keys[name].raw) for name in run.cohort),
            threshold=run.sharing.threshold,
            degree=run.sharing.degree,
            minimum_cohort=required,
            graph=derive_graph(run.id, self._follower.root_at(run.number)),
            meter=Meter(plan.privacy.rho, honest),
        )
        minutes = self._minutes(run_id)
        minutes.note_attempt(0)
        self._job = _Job(
            run.id, plan, recipe, rows, derivation, minutes, frame.encode(), self._spread(recipe, rows)
        )
        return Frame("ready")

    def _ask(self, frame: Frame, job: "_Job") -> Frame:
        self._permitted(job.run, job.plan.digest)
        derivation = job.derivation
        if job.is_anew and frame.fields["round"] == derivation.round:
            job.contributor = None
        job.is_anew = False
        self._learn(frame, job)
        question = derivation.question
        if question is None or frame.fields["question"] != derivation.question_digest.hex():
            raise Refused("run.question", "what the coordinator asks does not follow from the totals")
        if job.vector is None:
            job.vector = derivation.encode(job.answer(question), self._sample)
        job.contributor = Contributor(
            derivation.session, self._member, sign=self._key.sign, draw=self._draw, threads=cpu_count() or 1
        )
        job.contributor.contribute(job.vector)
        return Frame("sum", {"run": job.run, "round": derivation.round}, job.contributor.start())

    def _begin_again(self, frame: Frame, job: "_Job") -> Frame:
        """Let a coordinator that was stopped, or another one, take up this run: the round under way is summed anew, with the same numbers.

        The answer keeps its noise, for two totals that differ in noise alone would tell more than one; and consent binds across
        attempts, for two totals over different survivors would tell who differs. A coordinator that has not heard a total that this
        member has is told it.
        """
        run, _ = self._permitted(job.run, job.plan.digest)
        derivation, attempt, number = job.derivation, frame.fields["attempt"], frame.fields["round"]
        assert isinstance(attempt, int)  # `_answer` has looked
        assert isinstance(number, int)
        if attempt <= derivation.attempt:
            raise Refused("run.attempt", f"attempt {attempt} at a round was made here before")
        machine = job.contributor
        settled = job.minutes.read_round(number) if 0 < number < derivation.round else None
        is_done = machine is not None and machine.step is Step.DONE
        if (
            settled is None
            and number != derivation.round
            and not (is_done and number == derivation.round + 1)
        ):
            raise Refused("run.round", f"this member is at round {derivation.round}, not at {number}")
        if number == derivation.round and machine is not None:
            if 2 * derivation.session.quorum <= run.sharing.members + run.sharing.colluders:
                # Two groups could each consent to a total of its own.
                raise Refused("run.attempt", "a sum among so many is not made twice; open the run anew")
            job.is_anew = True
        job.minutes.note_attempt(attempt)
        derivation.attempt = attempt
        if settled is None:
            return Frame("ready")
        survivors: list[canonical.Json] = [*settled.survivors]
        return Frame("ahead", {"run": job.run, "round": number, "survivors": survivors}, settled.total)

    def _learn(self, frame: Frame, job: "_Job") -> None:
        """Take in the total of the last round, unless it contradicts what this member knows."""
        derivation, question, machine = job.derivation, job.derivation.question, job.contributor
        total = frame.body
        if frame.fields["round"] != derivation.round + (machine is not None):
            raise Refused("run.round", f"round {frame.fields['round']} is not the next one")
        if machine is None:
            if sha256(total).digest() != job.learned:
                raise Malformed("run.total", "this is not the total that was learned here before this round")
            return
        assert question is not None and job.vector is not None  # an answer was given to it  # noqa: PT018
        # Whose total this is, the machine knows: enough others have signed the same survivors.
        if machine.step is not Step.DONE:
            raise Refused("run.round", "the secure sum of the round before is not finished")
        answer = derivation.quantiser.decode(job.vector)
        job.recipe.verify_total(question, answer, derivation.read(total), len(machine.survivors))
        number = derivation.round
        derivation.learn(total, machine.survivors)
        job.minutes.settle_round(number, total, machine.survivors)
        job.contributor = job.vector = None
        job.consented = ()
        job.learned = sha256(total).digest()

    def _sum(self, frame: Frame, job: "_Job") -> Frame:
        if job.contributor is None or job.is_anew or frame.fields.get("round") != job.derivation.round:
            raise Refused("run.round", "no secure sum of this round is under way")
        is_consent = job.contributor.step is Step.CONSENT
        reply = job.contributor.receive(bytes(frame.body))
        if is_consent:
            self._verify_survivors(job, job.contributor.survivors)
        return Frame("sum", {"run": job.run, "round": job.derivation.round}, reply)

    def _verify_survivors(self, job: "_Job", survivors: tuple[str, ...]) -> None:
        """Refuse a total that would not hide who is in it; its consent is signed, and has not left yet."""
        question, state = job.derivation.question, self._follower.state
        assert question is not None  # a secure sum is under way
        job.derivation.verify_survivors(survivors)
        if survivors != (job.consented or survivors):
            raise Refused("run.survivors", "this member has consented to a total of this round over others")
        job.consented = survivors
        job.recipe.verify_survivors(question, len(survivors))
        if question.noise is None:
            is_refused = state.charter.privacy.differencing == "refused"
            # Noted in any case: a later charter may refuse what this one allows.
            self._memory.join_total(job.run, survivors, minimum_cohort(state, job.plan) if is_refused else 1)

    def _end(self, frame: Frame, job: "_Job") -> Frame:
        """Check the announced result, once; asked again in the same bytes, agree again."""
        self._permitted(job.run, job.plan.digest)
        if job.end is None:
            self._learn(frame, job)
            result = job.derivation.result
            if result is None:
                raise Refused("run.question", "the coordinator ends the run, and a question is still open")
            job.outcome = verify_outcome(frame.fields, result)
            job.end = job.minutes.settle_end(frame.encode())
        if job.end != frame.encode():
            raise Refused("run.round", "this member has agreed to the end of this run in other words")
        return Frame("agreed")

    def _seal(self, frame: Frame, job: "_Job") -> Frame:
        """Vouch for the result and for who was lost, once; asked again, give the same seal again."""
        self._permitted(job.run, job.plan.digest)
        if job.outcome is None:
            raise Refused("run.round", "no result of this run was agreed upon here")
        dropped = frame.fields["dropped"]
        assert isinstance(dropped, dict)  # `_answer` has looked
        lost = verify_lost(dropped, job.derivation, self._member)
        if job.seal is None:
            job.minutes.settle_dropped(lost)
            body = job.outcome.write_seal(job.run, job.derivation.transcript, lost)
            job.seal = _Seal(lost, canonical.encode(self._write(body).to_json()))
            job.report = job.recipe.private_report(job.outcome.result, job.rows)
        if job.seal.lost != lost:
            raise Refused("run.dropped", "this member has sealed another list of who was lost")
        return Frame("sealed", body=job.seal.entry)

    def _write_after_fold(self, body: RunSeal) -> Envelope:
        (seal,) = Voter(self._member, self._key).write(self._follower.state, body)
        return seal

    def _permitted(self, run_id: str, plan_digest: str) -> tuple[RunRecord, Plan]:
        """Prove from this member's own fold that the run may go on, with this member in it."""
        state = self._follower.state
        run = state.runs.get(run_id)
        if run is None:
            raise Refused(
                "run.unknown", f"the log that `{self._member}` follows holds no run {quote(run_id, 64)}"
            )
        if run.number >= self._follower.final_size:
            raise Refused("run.not-final", "too few members have cosigned the entry that opens this run")
        if run.status != "open":
            raise Refused("run.closed", f"attempt {run.attempt} is {run.status}")
        if self._member not in run.cohort:
            raise Refused("run.cohort", f"`{self._member}` is not in the cohort of this attempt")
        if {run.keys[self._member], state.members[self._member].key} != {self._key.public}:
            raise Refused(
                "run.key",
                f"this attempt was opened with another main key of `{self._member}`; it needs another attempt",
            )
        proposal = verify_run(state, run.proposal, plan_digest=plan_digest, cohort=run.cohort)
        assert proposal.plan is not None  # `verify_run` refuses what is not a run
        return run, proposal.plan


@dataclass(frozen=True, slots=True)
class _Seal:
    """A signed `run_seal` entry, canonical, and who it calls lost."""

    lost: Mapping[str, int]
    entry: bytes


@dataclass(slots=True)
class _Job:
    """What a trainer keeps while one run goes on."""

    run: str
    plan: Plan
    recipe: Recipe[Any]
    rows: Rows
    derivation: Derivation
    minutes: Minutes
    begin: bytes
    """The words that began it."""
    answer: Answerer
    contributor: Contributor | None = None
    """The sum whose total is still to come, or None."""
    is_anew: bool = False
    """Whether that sum is given up, unless the next word brings its total: a coordinator has begun again."""
    vector: NDArray[np.int64] | None = None
    """What is sent to it, noise and all: the same in every attempt at a round."""
    consented: tuple[str, ...] = ()
    """The survivors that this member has consented to in this round, in whichever attempt."""
    learned: bytes = sha256(b"").digest()
    """SHA-256 of the total learned last."""
    outcome: Outcome | None = None
    end: bytes | None = None
    """The words that announced the outcome."""
    seal: _Seal | None = None
    report: PrivateReport | None = None
