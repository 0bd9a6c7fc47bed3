"""What the fold knows after a number of entries: frozen values, and nothing that cannot be recomputed."""

from collections.abc import Mapping
from types import MappingProxyType
from typing import Literal, NamedTuple

from hansa.coalition.archive import Archive
from hansa.coalition.entry import ZERO_DIGEST, Role, StatementKind
from hansa.governance import Charter, Choice, DecisionRule, Effect, Elector, Member, Plan, Sharing
from hansa.transparency import Frontier, PublicKey, canonical, format_instant

Status = Literal["admitted", "active", "left", "expelled"]
Outcome = Literal[
    "open", "passed", "failed", "no_quorum", "vetoed", "withdrawn", "dropped", "in_effect", "void"
]


class Delegate(NamedTuple):
    """A key that a member delegates to, by a name that is never used again."""

    name: str
    role: Role
    key: PublicKey
    is_revoked: bool = False


class MemberRecord(NamedTuple):
    """One member, its standing, the end of its chain of entries, and its keys.

    `key` is the main key, `retired` those before it, `delegates` whatever it ever granted, by name.
    """

    member: Member
    key: PublicKey
    status: Status
    since: int
    next_seq: int = 0
    head: str = ZERO_DIGEST
    retired: tuple[PublicKey, ...] = ()
    delegates: Mapping[str, Delegate] = MappingProxyType({})

    @property
    def is_active(self) -> bool:
        """Whether the member may speak, and counts."""
        return self.status == "active"

    @property
    def belongs(self) -> bool:
        """Whether the member is active, or admitted and yet to acknowledge the state."""
        return self.status in {"admitted", "active"}


class Tenure(NamedTuple):
    """A key of the log, the size of the first tree that it signs, and where its hub said it would be."""

    first: int
    key: PublicKey
    addresses: tuple[str, ...] = ()


class Milestone(NamedTuple):
    """Where the fold stood: the digest of the state after `size` entries."""

    size: int
    state: str


class ProposalRecord(NamedTuple):
    """One proposal with everything that was frozen when it was opened, and what was said since.

    `rules` are the decision rules that must all be satisfied (two for an amendment). `decided_at` and
    `effect_at` are Unix seconds, 0 while unknown.
    """

    number: int
    id: str
    author: str
    title: str
    reason: str
    effect: Effect
    plan: Plan | None
    rules: tuple[DecisionRule, ...]
    electorate: tuple[Elector, ...]
    opened_at: int
    closes_at: int
    timelock_seconds: int
    charter_version: int
    ballots: Mapping[str, Choice] = MappingProxyType({})
    recused: frozenset[str] = frozenset()
    outcome: Outcome = "open"
    decided_at: int = 0
    effect_at: int = 0
    brakes: tuple[tuple[str, int], ...] = ()
    """Who braked, and when, in order."""
    braked_until: int = 0

    @property
    def due_at(self) -> int | None:
        """When something will happen by itself, or None."""
        if self.outcome == "open":
            return self.closes_at
        return self.effect_at if self.outcome == "passed" else None


class RunRecord(NamedTuple):
    """One attempt at a run: who takes part, what its sums bear, who has sealed, how it ended.

    `number` is that of its `run_open` entry, and `keys` are the cohort's main keys at that moment: with them the sums of
    this attempt are signed, whatever is rotated meanwhile. `dropped` maps who vanished to the first round without its numbers.
    """

    id: str
    number: int
    proposal: str
    attempt: int
    coordinator: str
    cohort: tuple[str, ...]
    sharing: Sharing
    opened_at: int
    seals: Mapping[str, tuple[str, str]] = MappingProxyType({})
    """Contributor to (transcript digest, result digest)."""
    status: Literal["open", "completed", "failed"] = "open"
    transcript: str = ZERO_DIGEST
    model: str = ZERO_DIGEST
    report: str = ZERO_DIGEST
    metrics: Mapping[str, str] = MappingProxyType({})
    dropped: Mapping[str, int] = MappingProxyType({})
    keys: Mapping[str, PublicKey] = MappingProxyType({})

    @property
    def threshold(self) -> int:
        """Shares that recover a secret of this attempt's sums."""
        return self.sharing.threshold

    @property
    def survivors(self) -> tuple[str, ...]:
        """The cohort without those that vanished, in order."""
        return tuple(name for name in self.cohort if name not in self.dropped)

    @property
    def totals(self) -> tuple[frozenset[str], ...]:
        """The sets of members that totals were formed over, by the record: the cohort, then who was left after each loss."""
        losses = sorted(set(self.dropped.values()))
        left = (
            frozenset(name for name in self.cohort if self.dropped.get(name, last + 1) > last)
            for last in losses
        )
        return frozenset(self.cohort), *left


class Release(NamedTuple):
    """A released model: which run made it, and under which proposal it was released."""

    proposal: str
    run: str
    model: str
    report: str
    at: int


class EvidenceRecord(NamedTuple):
    """That a member signed two statements of one kind in one secure sum.

    `number` is that of the entry with both statements, `author` who brought it, `run` the id of the attempt that it says
    they are from. `header` is what both begin with, in hexadecimal: kind, sender and session.
    """

    number: int
    at: int
    author: str
    run: str
    member: str
    kind: StatementKind
    header: str

    def is_like(self, other: "EvidenceRecord") -> bool:
        """Whether both are about the same: a kind of statement of a member in one attempt, or in one secure sum."""
        if self.member != other.member:
            return False
        return (self.run, self.kind) == (other.run, other.kind) or self.header == other.header


class State(NamedTuple):
    """A coalition after `size` entries, the newest of them at `at`; `frontier` is that of the tree over them.

    Two parties that folded the same entries have the same `digest`, and nobody else has.
    """

    coalition: str
    size: int
    at: int
    charter: Charter
    tenures: tuple[Tenure, ...]
    """The log's keys, in order: that of the founding, then one for each handover."""
    members: Mapping[str, MemberRecord]
    pending: Mapping[str, ProposalRecord] = MappingProxyType({})
    """Proposals that are open or wait for their timelock. Apart, because a ballot copies only these."""
    settled: Archive[ProposalRecord] = Archive()
    """All others."""
    runs: Mapping[str, RunRecord] = MappingProxyType({})
    releases: tuple[Release, ...] = ()
    evidence: tuple[EvidenceRecord, ...] = ()
    frontier: Frontier = Frontier()
    newcomers: Mapping[str, Milestone | None] = MappingProxyType({})
    """Who is admitted and has not acknowledged the state, and what it has to: the state after the entry with which the
    admission took effect, None within that entry. No part of the digest, which would be of itself."""

    @property
    def root(self) -> str:
        """The root of the tree over all entries, hexadecimal."""
        return self.frontier.root.hex()

    @property
    def log_key(self) -> PublicKey:
        """The key that signs the log now."""
        return self.tenures[-1].key

    def log_key_at(self, size: int) -> PublicKey:
        """Return the key that signs a checkpoint over the first `size` entries, of which there may be more by now."""
        return next(tenure.key for tenure in reversed(self.tenures) if tenure.first <= max(size, 1))

    @property
    def newest(self) -> int:
        """The number of the newest entry."""
        return self.size - 1

    @property
    def active_members(self) -> tuple[Member, ...]:
        """The members that may speak and that count, in order of id."""
        return tuple(record.member for _, record in sorted(self.members.items()) if record.is_active)

    @property
    def voting_members(self) -> tuple[Member, ...]:
        """The active members whose class has a vote, in order of id."""
        return tuple(m for m in self.active_members if self.charter.classes[m.member_class].votes)

    @property
    def digest(self) -> str:
        """SHA-256 over the canonical form of the whole state."""
        return canonical.digest(_to_json(self))

    @property
    def proposals(self) -> Mapping[str, ProposalRecord]:
        """All proposals by id, in no particular order."""
        return MappingProxyType({**self.pending, **self.settled})

    @property
    def proposals_in_order(self) -> tuple[ProposalRecord, ...]:
        """All proposals by number."""
        return tuple(sorted(self.proposals.values(), key=lambda proposal: proposal.number))

    def find_proposal(self, proposal_id: str) -> ProposalRecord | None:
        """Return the proposal with this id, or None."""
        return self.pending.get(proposal_id) or self.settled.get(proposal_id)

    def proposal(self, number: int) -> ProposalRecord | None:
        """Return the proposal whose entry number is `number`, or None."""
        return next((p for p in self.proposals.values() if p.number == number), None)

    def attempts(self, proposal: str) -> tuple[RunRecord, ...]:
        """Return the attempts at the run approved by the proposal with this id, first to last."""
        return tuple(run for run in self.runs.values() if run.proposal == proposal)

    def with_proposal(self, proposal: ProposalRecord) -> "State":
        """Return this state with `proposal` in the place of the one with its id."""
        if proposal.due_at is not None:
            return self._replace(pending=MappingProxyType({**self.pending, proposal.id: proposal}))
        pending = {name: other for name, other in self.pending.items() if name != proposal.id}
        return self._replace(
            pending=MappingProxyType(pending), settled=self.settled.put(proposal.id, proposal)
        )

    def with_member(self, record: MemberRecord) -> "State":
        """Return this state with `record` in the place of the one with its member's id."""
        return self._replace(members=MappingProxyType({**self.members, record.member.id: record}))

    def with_run(self, run: RunRecord) -> "State":
        """Return this state with `run` in the place of the one with its id."""
        return self._replace(runs=MappingProxyType({**self.runs, run.id: run}))


def _to_json(state: State) -> canonical.Json:
    return {
        "coalition": state.coalition,
        "size": state.size,
        "root": state.root,
        "at": format_instant(state.at),
        "charter": state.charter.to_json(),
        "log": [
            {"first": t.first, "key": t.key.encode(), "addresses": list(t.addresses)} for t in state.tenures
        ],
        "members": {
            name: {
                "member": record.member.to_json(),
                "status": record.status,
                "since": record.since,
                "next_seq": record.next_seq,
                "head": record.head,
                "retired": [key.encode() for key in record.retired],
                "delegates": {
                    d.name: {"role": d.role, "key": d.key.encode(), "revoked": d.is_revoked}
                    for d in record.delegates.values()
                },
            }
            for name, record in state.members.items()
        },
        "proposals": [
            {
                "number": p.number,
                "id": p.id,
                "outcome": p.outcome,
                "ballots": dict(p.ballots),
                "recused": [*sorted(p.recused)],
                "electorate": [*(e.member for e in p.electorate)],
                "closes_at": p.closes_at,
                "decided_at": p.decided_at,
                "effect_at": p.effect_at,
                "brakes": [{"member": name, "at": at} for name, at in p.brakes],
                "braked_until": p.braked_until,
            }
            for p in state.proposals_in_order
        ],
        "runs": [
            {
                "id": run.id,
                "attempt": run.attempt,
                "status": run.status,
                "cohort": list(run.cohort),
                "keys": {name: key.encode() for name, key in run.keys.items()},
                "opened_at": run.opened_at,
                "sharing": run.sharing._asdict(),
                "seals": {name: list(seal) for name, seal in run.seals.items()},
                "transcript": run.transcript,
                "model": run.model,
                "report": run.report,
                "metrics": dict(run.metrics),
                "dropped": dict(run.dropped),
            }
            for run in state.runs.values()
        ],
        "releases": [
            {"proposal": r.proposal, "model": r.model, "report": r.report, "at": r.at} for r in state.releases
        ],
        "evidence": [evidence._asdict() for evidence in state.evidence],
    }
