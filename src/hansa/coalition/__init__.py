"""The log, folded: who belongs, what was decided, what may run, what was made.

Everybody runs this fold alone over the same entries and reaches the same state; nothing counts that it
does not accept. It never reads a clock, a file or a network, and never trusts the hub: order, signatures,
chains, electorates, deadlines, permits and bars are all recomputed here.

Typical use::

    state = replay(leaves)                    # refuses with the number of the first wrong entry
    verify_run(state, proposal_id, plan_digest=plan.digest, cohort=names)

Formats: `docs/formats/entries.md`.
"""

from hansa.coalition.account import Account, Charge, Subtraction, budget_of, derive_account
from hansa.coalition.audit import Audit, audit_log, cosignatures_needed
from hansa.coalition.delegation import MAY_WRITE, find_key, introduce_key, possession_message
from hansa.coalition.entry import (
    BODIES,
    KINDS,
    ZERO_DIGEST,
    Acknowledge,
    Ballot,
    Body,
    Brake,
    Entry,
    Evidence,
    Found,
    Handover,
    Key,
    Leave,
    LogKey,
    Propose,
    Recuse,
    Role,
    RunClose,
    RunOpen,
    RunSeal,
    SignedStatement,
    Tick,
    Withdraw,
    make_entry,
    name_kind,
    parse_entry,
    write_payload,
)
from hansa.coalition.fork import Comparison, Fork, compare_head, parse_fork, verify_fork
from hansa.coalition.handover import (
    draft_handover,
    list_signers,
    parse_handover,
    read_handover,
    verify_signers,
)
from hansa.coalition.membership import write_acknowledgement
from hansa.coalition.run import (
    STOPPED_FOR_GOOD,
    approved_cohort,
    minimum_cohort,
    result_digest,
    sharing_for,
    verify_plan,
    verify_run,
)
from hansa.coalition.snapshot import (
    Delegate,
    EvidenceRecord,
    MemberRecord,
    ProposalRecord,
    Release,
    RunRecord,
    State,
    Tenure,
)
from hansa.coalition.standing import format_epsilon, spell_standings
from hansa.coalition.state import apply, replay, step, walk

__all__ = [
    "BODIES",
    "KINDS",
    "MAY_WRITE",
    "STOPPED_FOR_GOOD",
    "ZERO_DIGEST",
    "Account",
    "Acknowledge",
    "Audit",
    "Ballot",
    "Body",
    "Brake",
    "Charge",
    "Comparison",
    "Delegate",
    "Entry",
    "Evidence",
    "EvidenceRecord",
    "Fork",
    "Found",
    "Handover",
    "Key",
    "Leave",
    "LogKey",
    "MemberRecord",
    "ProposalRecord",
    "Propose",
    "Recuse",
    "Release",
    "Role",
    "RunClose",
    "RunOpen",
    "RunRecord",
    "RunSeal",
    "SignedStatement",
    "State",
    "Subtraction",
    "Tenure",
    "Tick",
    "Withdraw",
    "apply",
    "approved_cohort",
    "audit_log",
    "budget_of",
    "compare_head",
    "cosignatures_needed",
    "derive_account",
    "draft_handover",
    "find_key",
    "format_epsilon",
    "introduce_key",
    "list_signers",
    "make_entry",
    "minimum_cohort",
    "name_kind",
    "parse_entry",
    "parse_fork",
    "parse_handover",
    "possession_message",
    "read_handover",
    "replay",
    "result_digest",
    "sharing_for",
    "spell_standings",
    "step",
    "verify_fork",
    "verify_plan",
    "verify_run",
    "verify_signers",
    "walk",
    "write_acknowledgement",
    "write_payload",
]
