"""How good networks over sums are on real tables that come in organisations, with the splits of published figures.

    python benchmarks/networks.py FOLDER [...] [--repeats 1] [--own head] [--method scaffold]

Folders are those of `quality.py`. Sums are added in the clear, which moves parameters by less than 10⁻⁵.
"""

import argparse
import json
import time
from pathlib import Path

import numpy as np
from sklearn.metrics import roc_auc_score

from hansa.learning import Rows, Schema
from hansa.learning.networks import NetworkParameters, parse_network_parameters
from hansa.learning.networks.fitting import Fit, FitState, Surveying, Training
from hansa.learning.networks.judging import NetworkJudge
from hansa.learning.networks.network import Network
from hansa.learning.networks.rounds import RoundQuestion, answer_round
from hansa.learning.survey import answer_survey
from quality import choose_test, read_folder


def fit(schema: Schema, settings: NetworkParameters, members: list[Rows]) -> Network:
    """Go all rounds."""
    names = tuple(rows.member for rows in members)
    going = Fit(schema, settings, names)
    state: FitState = Surveying()
    while (question := going.ask(state)) is not None:
        if isinstance(question, RoundQuestion):
            answers = [answer_round(question, rows) for rows in members]
        else:
            answers = [answer_survey(schema, rows) for rows in members]
        state = going.learn(state, question, np.sum(answers, axis=0), names)
    assert isinstance(state, Training)  # or there was a question
    return state.network


def compare(folder: Path, settings: NetworkParameters, repeats: int | None) -> None:
    """Print a line of the table; of each member the mean over the repeats counts."""
    meta, rows, table = read_folder(folder)
    published = json.loads((folder / "results.json").read_text())
    organisations = np.array([row["org"] for row in rows])
    figures: dict[str, list[list[float]]] = {}
    took = 0.0
    repeats = min(repeats or published["repeats"], published["repeats"])
    for seed in range(repeats):
        test = choose_test(meta["split"], rows, table.labels, seed)
        members = [
            Rows(
                name,
                table.take((organisations == name) & ~test),
                table.take((organisations == name) & test),
            )
            for name in sorted({*organisations.tolist()})
        ]
        begun = time.perf_counter()
        network = fit(table.schema, settings, members)
        took += time.perf_counter() - begun
        judge = NetworkJudge(network, settings)
        for member in members:
            labels = member.test.labels
            if member.member not in published["by_org"] or min(np.bincount(labels, minlength=2)) < 3:
                continue
            scores = judge.score(member)
            figures.setdefault(member.member, []).append(
                [
                    float(roc_auc_score(labels, kind))
                    for kind in (scores.alone, scores.together, scores.corrected)
                ]
            )
    means = {name: np.mean(listed, axis=0) for name, listed in figures.items()}
    macro = np.mean([*means.values()], axis=0)
    gains = [sum(bool(mean[kind] > mean[0]) for mean in means.values()) for kind in (1, 2)]
    theirs = " ".join(
        f"{published['macro'][kind]['auc']:10.4f}"
        for kind in ("LR alone", "LR pooled", "HGB alone", "HGB pooled")
    )
    print(
        f"{meta['name']:8} {repeats:7}  {macro[0]:7.4f} {macro[1]:9.4f} {macro[2]:10.4f}   {gains[0]:3} {gains[1]:3} of {len(means):2}"
        f"   {took / repeats:7.1f}  {theirs}",
        flush=True,
    )


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("folders", nargs="+", type=Path)
    parser.add_argument("--repeats", type=int)
    parser.add_argument("--method", default="fedavg")
    parser.add_argument("--own", nargs="*", default=[])
    parser.add_argument("--rounds", type=int, default=30)
    parser.add_argument("--batch", type=int, default=64)
    parser.add_argument("--rate", default="0.05")
    arguments = parser.parse_args()
    settings = parse_network_parameters(
        {
            "layers": [{"kind": "linear", "size": 32}, {"kind": "relu"}],
            "method": arguments.method,
            "own": arguments.own,
            "rounds": arguments.rounds,
            "batch": arguments.batch,
            "learning_rate": arguments.rate,
            "server_rate": "0.02" if arguments.method in {"fedadam", "fedyogi"} else "1",
        }
    )
    print("                  macro AUC                       that gain        seconds  published macro AUC")
    print(
        "data     repeats    alone  together  corrected   together, corrected   to fit    LR alone  LR pooled  HGB alone HGB pooled"
    )
    for folder in arguments.folders:
        compare(folder, settings, arguments.repeats)


if __name__ == "__main__":
    main()
