"""A small coalition that is founded and driven through the command line alone."""

import contextlib
import io
import json
import math
import random
import shutil
from dataclasses import dataclass

import pytest

from hansa.cli import main

CHARTER = """
version: 1
name: Four banks
origin: four.example/banks
purpose: Try things out.
classes: {bank: {votes: true}}
decisions:
  run: {passes: "> 1/2 of cast", quorum: 1/2, period: 3d, timelock: 1d, early: true}
  release: {passes: "> 1/2 of cast", quorum: 1/2, period: 3d, timelock: 1d, early: true}
  admit: {passes: ">= 2/3 of eligible", quorum: 1/2, period: 3d, timelock: 1d, early: true}
  expel: {passes: ">= 2/3 of eligible", quorum: 1/2, period: 3d, timelock: 1d, early: true}
  amend: {passes: ">= 2/3 of cast", quorum: 1/2, period: 3d, timelock: 1d, early: true}
privacy: {minimum_cohort: 3, unnoised_sums: allowed}
"""

PLAN = """
version: 1
name: Who pays late
purpose: Try things out.
recipe: {name: logistic}
label: {name: late, positive: "yes", negative: "no"}
features:
  - {name: amount, type: number, minimum: -10, maximum: 10}
  - {name: sector, type: category, categories: [farm, shop, mill]}
cohort: {members: all, minimum: 3}
split: {kind: stratified, seed: 0, test: 3/10}
privacy: {noise: none}
bars: [{metric: auc_together, at_least: "0.60"}]
leaves: [{what: sums over the cohort, to: members of the cohort}]
"""

MEMBERS = """
- {id: ada, name: Ada Bank, country: NL, data: ada.csv}
- {id: bob, name: Bob Bank, country: DE, data: bob.csv}
- {id: cyd, name: Cyd Bank, country: FR, data: cyd.csv}
- {id: dan, name: Dan Bank, country: NO, data: dan.csv}
"""

NAMES = ("ada", "bob", "cyd", "dan", "eve")


@dataclass(frozen=True)
class Answer:
    """What one command said."""

    code: int
    out: str
    err: str

    @property
    def json(self):
        return json.loads(self.out)

    @property
    def error(self):
        return self.json["error"]


def hansa(*tokens):
    """Run one command in this process."""
    out, err = io.StringIO(), io.StringIO()
    with contextlib.redirect_stdout(out), contextlib.redirect_stderr(err):
        code = main([str(token) for token in tokens])
    return Answer(code, out.getvalue(), err.getvalue())


def write_tables(folder, names=NAMES, rows=60):
    folder.mkdir(parents=True, exist_ok=True)
    for number, name in enumerate(names):
        draw = random.Random(number)
        lines = ["late,amount,sector"]
        for _ in range(rows):
            amount, sector = draw.gauss(0, 1), draw.choice(["farm", "shop", "mill"])
            late = draw.random() < 1 / (1 + math.exp(-(1.5 * amount + (sector == "mill") - 0.5)))
            lines.append(f"{'yes' if late else 'no'},{amount:.3f},{sector}")
        (folder / f"{name}.csv").write_text("\n".join(lines) + "\n")


@pytest.fixture(autouse=True)
def _plain(monkeypatch):
    monkeypatch.delenv("HANSA_FOLDER", raising=False)
    monkeypatch.delenv("HANSA_DEBUG", raising=False)
    monkeypatch.setenv("COLUMNS", "100")


@pytest.fixture
def desk(tmp_path, monkeypatch):
    """A folder with all that people write, in which one stands."""
    write_tables(tmp_path)
    (tmp_path / "charter.yaml").write_text(CHARTER)
    (tmp_path / "plan.yaml").write_text(PLAN)
    (tmp_path / "members.yaml").write_text(MEMBERS)
    (tmp_path / "eve.yaml").write_text("{id: eve, name: Eve Bank, country: SE, data: eve.csv}")
    monkeypatch.chdir(tmp_path)
    return tmp_path


@pytest.fixture(scope="session")
def played(tmp_path_factory):
    """A coalition at four moments, each in a folder of its own to be copied."""
    desk = tmp_path_factory.mktemp("desk")
    write_tables(desk)
    (desk / "charter.yaml").write_text(CHARTER)
    (desk / "plan.yaml").write_text(PLAN)
    (desk / "members.yaml").write_text(MEMBERS)
    moments = {
        "founded": [("coalition", "found", desk / "charter.yaml", "--members", desk / "members.yaml")],
        "proposed": [("proposal", "open", "run", desk / "plan.yaml", "--as", "ada", "--reason", "Why not?")],
        "approved": [("proposal", "vote", 1, "yes", "--as", "all"), ("log", "tick", "--forward", "2d")],
        "ran": [("run", "start", 1, "--as", "ada")],
    }
    before = None
    for moment, commands in moments.items():
        if before is not None:
            shutil.copytree(desk / before, desk / moment)
        for tokens in commands:
            answer = hansa(*tokens, "--folder", desk / moment)
            assert answer.code == 0, answer.err
        before = moment
    return desk


def _copy(moment):
    @pytest.fixture(name=moment)
    def copy(desk, played, monkeypatch):
        shutil.copytree(played / moment, desk / "banks")
        monkeypatch.setenv("HANSA_FOLDER", "banks")
        return desk / "banks"

    return copy


# A coalition of four, named by the environment: just founded; with run 1 proposed; approved and in effect; completed.
founded, proposed, approved, ran = map(_copy, ("founded", "proposed", "approved", "ran"))


@pytest.fixture(name="hansa")
def _hansa():
    return hansa
