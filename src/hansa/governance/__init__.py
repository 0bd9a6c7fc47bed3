r"""The agreement and its votes: charters, members, proposals, tallies, plans and permits.

A charter says how a coalition decides; a proposal asks for one effect; a tally counts the ballots; a plan fixes a run
before it starts; a permit is the list of what must hold for the run to start and to go on. Everything that decides is
exact: whole numbers and fractions, no floats. `docs/formats/` specifies charter, plan and tally.

This room must never: read a clock, a file or a log, draw randomness, know how anything is learned, or accept a charter,
a plan or an effect in a second spelling.

Example: read a charter, ask what follows from it, and count a vote.

    >>> from hansa.governance import *
    >>> charter = load_charter(default_charter_text("Strikes", "strikes.example/wildlife"), "charter.yaml")
    >>> charter.decisions["amend"].majorities[0].passes.encode()
    '>= 2/3 of cast'
    >>> parse_charter(charter.to_json()) == charter
    True
    >>> electorate = [Elector(name, "member", 1) for name in ("ada", "bob", "cyd", "dan")]
    >>> ballots = {"ada": "yes", "bob": "yes", "cyd": "no"}
    >>> tally(charter.decisions["amend"], electorate, ballots, recused=["dan"], closed=True).outcome
    'passed'
    >>> tally(charter.decisions["run"], electorate, ballots, recused=[], closed=False).outcome
    'open'

What people write is judged as a whole, with the line and the remedy of every finding:

    >>> try:
    ...     load_charter("version: 1\nname: Strikes\nclases: {}", "charter.yaml")
    ... except InvalidDocument as error:
    ...     print(error.findings[0])
    charter.yaml:1: `classes` is missing; add it, for example `classes: {member: {votes: true}}`
"""

from hansa.governance.bar import METRIC_PLACES, METRICS, BarVerdict, MetricText, is_metric
from hansa.governance.charter import Charter, EffectName, load_charter, parse_charter
from hansa.governance.decision import DecisionRule, Majority, Passes, parse_passes
from hansa.governance.feature import CategoryFeature, NumberFeature
from hansa.governance.finding import Finding, InvalidDocument
from hansa.governance.lint import lint_charter
from hansa.governance.member import Member, parse_member
from hansa.governance.permit import (
    Earlier,
    RunFacts,
    Standing,
    find_overdrafts,
    find_subtractions,
    format_rho,
    verify_permit,
)
from hansa.governance.plan import MINIMUM_COHORT, Plan, judge_bars, load_plan, parse_plan
from hansa.governance.privacy import BareSums, Budget, NoisedSums, choose_stricter
from hansa.governance.proposal import (
    Admit,
    Amend,
    Effect,
    Expel,
    Release,
    Run,
    consent_message,
    decision_rule_for,
    parse_effect,
    verify_consent,
)
from hansa.governance.sharing import Sharing, derive_sharing
from hansa.governance.spelling import LongReasonText, MemberId, ReasonText, TitleText
from hansa.governance.split import (
    Division,
    GroupSplit,
    RowSplit,
    StratifiedSplit,
    TimeSplit,
    is_divided_otherwise,
)
from hansa.governance.tally import BasisCount, Choice, Elector, Outcome, Tally, tally
from hansa.governance.template import DEFAULT_CLASS, default_charter_text

__all__ = [
    "DEFAULT_CLASS",
    "METRICS",
    "METRIC_PLACES",
    "MINIMUM_COHORT",
    "Admit",
    "Amend",
    "BarVerdict",
    "BareSums",
    "BasisCount",
    "Budget",
    "CategoryFeature",
    "Charter",
    "Choice",
    "DecisionRule",
    "Division",
    "Earlier",
    "Effect",
    "EffectName",
    "Elector",
    "Expel",
    "Finding",
    "GroupSplit",
    "InvalidDocument",
    "LongReasonText",
    "Majority",
    "Member",
    "MemberId",
    "MetricText",
    "NoisedSums",
    "NumberFeature",
    "Outcome",
    "Passes",
    "Plan",
    "ReasonText",
    "Release",
    "RowSplit",
    "Run",
    "RunFacts",
    "Sharing",
    "Standing",
    "StratifiedSplit",
    "Tally",
    "TimeSplit",
    "TitleText",
    "choose_stricter",
    "consent_message",
    "decision_rule_for",
    "default_charter_text",
    "derive_sharing",
    "find_overdrafts",
    "find_subtractions",
    "format_rho",
    "is_divided_otherwise",
    "is_metric",
    "judge_bars",
    "lint_charter",
    "load_charter",
    "load_plan",
    "parse_charter",
    "parse_effect",
    "parse_member",
    "parse_passes",
    "parse_plan",
    "tally",
    "verify_consent",
    "verify_permit",
]
