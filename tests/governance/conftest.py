"""Members and documents that several tests of this room use."""

from hashlib import sha256

import pytest

from hansa.governance import Member, load_charter, load_plan
from hansa.transparency import SigningKey

CHARTER = """\
version: 1
name: Wildlife Strike Coalition
origin: strikes.example/wildlife
purpose: Learn together which wildlife strikes affect a flight, without sharing reports.
sdg: [9]
classes: {airline: {votes: true}, observer: {votes: false}}
decisions:
  run:     {passes: "> 1/2 of cast", by: head, quorum: 1/2, period: 3d, timelock: 1d, early: true}
  release: {passes: "> 1/2 of cast", quorum: 1/2, period: 3d, timelock: 3d}
  admit:   {passes: ">= 2/3 of eligible", veto: 1/3, quorum: 1/2, period: 14d, timelock: 1d}
  expel:   {passes: ">= 3/4 of eligible", quorum: 1/2, period: 14d, timelock: 7d}
  amend:
    majorities: [{by: head, passes: ">= 2/3 of cast"}, {by: weight, passes: ">= 2/3 of cast"}]
    weight_cap: 1/4
    quorum: 1/2
    period: 21d
    timelock: 14d
privacy: {minimum_cohort: 5, unnoised_sums: allowed}
brake: {hours: 72}
clock: {tolerance: 5m}
witnesses: {cosignatures: default}
exit: {notice: 30d, models_already_released: keep}
"""

PLAN = """\
version: 1
name: Which strikes affect the flight
purpose: Know at once which strikes need an inspection.
recipe: {name: logistic, digest: DIGEST}
label: {name: damage, positive: "1", negative: "0"}
features:
  - {name: mass, type: number, unit: class, minimum: 1, maximum: 5, missing: allowed}
  - {name: sky, type: category, categories: [No Cloud, Some Cloud, Overcast], missing: allowed}
  - {name: species, type: category, categories: counted}
cohort: {members: all, minimum: 5}
split: {kind: stratified, seed: 0, test: 3/10}
privacy: {noise: none}
bars:
  - {metric: auc_together, at_least: 0.80}
  - {metric: members_gain, at_least: 2/3}
leaves: [{what: sums over the cohort, to: members of the cohort}]
""".replace("DIGEST", "ab" * 32)


def key_of(name):
    return SigningKey.from_seed(sha256(name.encode()).digest())


def member_of(name, member_class="airline", weight=1):
    return Member(
        id=name,
        name=name.title(),
        member_class=member_class,
        country="NO",
        voting_weight=weight,
        key=key_of(name).public.encode(),
    )


@pytest.fixture
def charter_text():
    return CHARTER


@pytest.fixture
def plan_text():
    return PLAN


@pytest.fixture
def charter():
    return load_charter(CHARTER, "charter.yaml")


@pytest.fixture
def plan():
    return load_plan(PLAN, "plan.yaml")


@pytest.fixture
def make_member():
    return member_of


@pytest.fixture
def make_key():
    return key_of
