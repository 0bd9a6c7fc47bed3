"""A realistic result for the tests of the report: 33 airlines, every figure fixed.

The figures by member, the curves and the coefficients come from one stratified split of the wildlife strike
table (FAA Wildlife Strike Database, a US government work), fitted with scikit-learn; the intervals are
DeLong's. The rest (entries, traffic, times) is made up to look like a demo.
"""

import hashlib
from datetime import UTC, datetime
from typing import Any

# name, rows, train rows, test rows, test positives, then if scored: (auc, low, high) alone, together,
# corrected, and (gain, low, high)
_FIGURES: tuple[tuple[Any, ...], ...] = (
    ("Abx Air (Was Airborne Express)", 378, 265, 113, 2),
    ("Air Canada", 76, 53, 23, 1),
    (
        "Alaska Airlines",
        151,
        106,
        45,
        4,
        0.659,
        0.323,
        0.994,
        0.957,
        0.897,
        1.0,
        0.957,
        0.89,
        1.0,
        0.299,
        -0.062,
        0.659,
    ),
    ("Alleghenyairlines", 84, 59, 25, 2),
    (
        "Aloha Airlines",
        229,
        161,
        68,
        3,
        0.897,
        0.813,
        0.982,
        0.8,
        0.577,
        1.0,
        0.805,
        0.591,
        1.0,
        -0.097,
        -0.272,
        0.077,
    ),
    (
        "America West Airlines",
        186,
        130,
        56,
        4,
        0.543,
        0.247,
        0.84,
        0.87,
        0.763,
        0.977,
        0.861,
        0.75,
        0.971,
        0.327,
        -0.015,
        0.669,
    ),
    (
        "American Airlines",
        3139,
        2197,
        942,
        29,
        0.899,
        0.839,
        0.96,
        0.883,
        0.819,
        0.947,
        0.901,
        0.84,
        0.962,
        -0.016,
        -0.045,
        0.013,
    ),
    (
        "American Eagle Airlines",
        337,
        236,
        101,
        18,
        0.772,
        0.638,
        0.907,
        0.786,
        0.659,
        0.914,
        0.784,
        0.653,
        0.916,
        0.014,
        -0.04,
        0.068,
    ),
    (
        "Atlantic Coast Airlines",
        127,
        89,
        38,
        9,
        0.778,
        0.581,
        0.975,
        0.816,
        0.658,
        0.974,
        0.831,
        0.68,
        0.983,
        0.038,
        -0.146,
        0.222,
    ),
    ("Atlantic Southeast", 75, 52, 23, 1),
    (
        "Business Express",
        99,
        69,
        30,
        4,
        0.644,
        0.299,
        0.989,
        0.827,
        0.61,
        1.0,
        0.827,
        0.629,
        1.0,
        0.183,
        -0.221,
        0.586,
    ),
    (
        "Comair Airlines",
        151,
        106,
        45,
        7,
        0.808,
        0.616,
        1.0,
        0.846,
        0.694,
        0.998,
        0.853,
        0.71,
        0.996,
        0.038,
        -0.162,
        0.237,
    ),
    (
        "Continental Airlines",
        336,
        235,
        101,
        10,
        0.869,
        0.712,
        1.0,
        0.879,
        0.788,
        0.971,
        0.884,
        0.79,
        0.977,
        0.01,
        -0.086,
        0.106,
    ),
    (
        "Delta Air Lines",
        976,
        683,
        293,
        33,
        0.85,
        0.781,
        0.918,
        0.894,
        0.853,
        0.935,
        0.898,
        0.855,
        0.941,
        0.045,
        -0.005,
        0.094,
    ),
    (
        "Expressjet (Continental Exprs)",
        202,
        141,
        61,
        8,
        0.736,
        0.547,
        0.925,
        0.83,
        0.705,
        0.955,
        0.83,
        0.706,
        0.954,
        0.094,
        -0.069,
        0.258,
    ),
    (
        "Fedex Express",
        194,
        136,
        58,
        4,
        0.685,
        0.379,
        0.991,
        0.856,
        0.607,
        1.0,
        0.856,
        0.607,
        1.0,
        0.171,
        -0.08,
        0.422,
    ),
    (
        "Hawaiian Air",
        127,
        89,
        38,
        3,
        0.486,
        0.04,
        0.932,
        0.686,
        0.382,
        0.989,
        0.667,
        0.393,
        0.94,
        0.2,
        -0.53,
        0.93,
    ),
    ("Horizon Air", 102, 71, 31, 3, 0.81, 0.578, 1.0, 1.0, 1.0, 1.0, 1.0, 1.0, 1.0, 0.19, -0.041, 0.422),
    (
        "Japan Airlines",
        130,
        91,
        39,
        4,
        0.514,
        0.048,
        0.981,
        0.679,
        0.34,
        1.0,
        0.671,
        0.339,
        1.0,
        0.164,
        -0.482,
        0.811,
    ),
    (
        "Mesa Airlines",
        89,
        63,
        26,
        3,
        0.391,
        0.0,
        0.871,
        0.942,
        0.841,
        1.0,
        0.957,
        0.859,
        1.0,
        0.551,
        0.045,
        1.056,
    ),
    (
        "Mesaba Airlines",
        69,
        49,
        20,
        6,
        0.643,
        0.372,
        0.914,
        0.798,
        0.59,
        1.0,
        0.798,
        0.59,
        1.0,
        0.155,
        -0.009,
        0.318,
    ),
    ("Midway Airlines", 63, 44, 19, 1),
    (
        "Nashville Eagle",
        88,
        62,
        26,
        4,
        0.682,
        0.256,
        1.0,
        0.784,
        0.582,
        0.986,
        0.784,
        0.582,
        0.986,
        0.102,
        -0.266,
        0.47,
    ),
    (
        "Northwest Airlines",
        416,
        292,
        124,
        11,
        0.899,
        0.835,
        0.962,
        0.951,
        0.898,
        1.0,
        0.953,
        0.907,
        0.999,
        0.052,
        -0.016,
        0.121,
    ),
    ("Piedmont Airlines", 93, 65, 28, 2),
    (
        "Pinnacle (Formerly Expsairl 1)",
        67,
        47,
        20,
        4,
        0.594,
        0.157,
        1.0,
        0.797,
        0.432,
        1.0,
        0.781,
        0.387,
        1.0,
        0.203,
        0.019,
        0.387,
    ),
    ("Skywest Airlines", 82, 58, 24, 2),
    (
        "Southwest Airlines",
        1096,
        767,
        329,
        26,
        0.805,
        0.735,
        0.874,
        0.829,
        0.762,
        0.897,
        0.83,
        0.764,
        0.896,
        0.025,
        -0.024,
        0.074,
    ),
    (
        "Trans World Airlines",
        191,
        133,
        58,
        4,
        0.625,
        0.345,
        0.905,
        0.894,
        0.812,
        0.975,
        0.898,
        0.818,
        0.979,
        0.269,
        -0.019,
        0.556,
    ),
    (
        "United Airlines",
        1045,
        732,
        313,
        28,
        0.831,
        0.741,
        0.92,
        0.799,
        0.711,
        0.886,
        0.813,
        0.724,
        0.903,
        -0.032,
        -0.083,
        0.019,
    ),
    ("Ups Airlines", 254, 178, 76, 2),
    (
        "Us Airways",
        1836,
        1286,
        550,
        46,
        0.865,
        0.817,
        0.912,
        0.878,
        0.834,
        0.923,
        0.882,
        0.837,
        0.927,
        0.013,
        -0.01,
        0.037,
    ),
    (
        "Westair Commuter",
        156,
        109,
        47,
        4,
        0.564,
        0.293,
        0.835,
        0.442,
        0.127,
        0.757,
        0.465,
        0.134,
        0.797,
        -0.122,
        -0.345,
        0.101,
    ),
)

# fmt: off
_SHARES = (0, .005, .01, .02, .03, .05, .07, .1, .13, .16, .2, .25, .3, .35, .4, .5, .6, .7, .8, .9, 1)
_FOUND = {
    "alone": (0, .072, .099, .178, .281, .384, .455, .555, .596, .647, .712, .774, .798, .836, .849, .918,
              .942, .969, .983, .993, 1),
    "together": (0, .072, .11, .216, .264, .356, .462, .592, .671, .723, .777, .836, .887, .901, .925, .945,
                 .955, .976, .997, 1, 1),
    "corrected": (0, .079, .147, .199, .284, .404, .507, .627, .695, .729, .801, .86, .89, .918, .942, .952,
                  .959, .976, .993, 1, 1),
}
_CALIBRATION = {
    "together": (
        (.017, .013, 2313), (.071, .061, 506), (.124, .116, 292), (.171, .189, 201), (.224, .299, 157),
        (.271, .213, 94), (.324, .333, 66), (.376, .34, 50), (.427, .469, 32), (.469, .478, 23),
        (.521, .467, 15), (.567, .357, 14), (.618, .333, 6), (.681, .333, 6), (.718, .875, 8),
        (.769, .5, 2), (.818, .667, 3), (.861, 1.0, 2), (0.0, 0.0, 0), (0.0, 0.0, 0),
    ),
    "alone": (
        (.016, .021, 2386), (.072, .07, 501), (.123, .125, 240), (.172, .12, 200), (.223, .223, 112),
        (.273, .263, 99), (.325, .329, 73), (.371, .435, 46), (.424, .405, 42), (.472, .429, 28),
        (.52, .357, 14), (.567, .286, 14), (.623, .538, 13), (.68, .75, 8), (.721, 1.0, 6),
        (.754, 0.0, 1), (.822, .25, 4), (.868, 0.0, 1), (.934, 0.0, 2), (0.0, 0.0, 0),
    ),
}
_COEFFICIENTS = (
    ("intercept", -2.812), ("phase_of_flt = Take-off run", 1.934), ("species = WHITE-TAILED DEER", 1.67),
    ("species = RED-TAILED HAWK", 1.62), ("phase_of_flt = Approach", -1.53), ("species = SPARROWS", -1.415),
    ("species = SWALLOWS", -1.306), ("species = KILLDEER", -1.285), ("phase_of_flt = Descent", -1.215),
    ("birds_struck = 1", -1.148), ("species = UNKNOWN BIRD - SMALL", -1.106), ("log_height", 0.612),
    ("phase_of_flt = Climb", 0.996), ("species = CANADA GOOSE", 0.937), ("time_of_day missing", -0.729),
)
# fmt: on

_FOUNDED = 1_795_430_400  # 23 November 2026, 08:00 UTC
_DAY = 86_400
_LEAVER = "westair-commuter"
_AGAINST, _ABSTAINS, _RECUSED, _ABSENT = "us-airways", "aloha-airlines", "fedex-express", "air-canada"


def make_result() -> dict[str, Any]:
    """Return the sample result: 33 airlines, of which 25 can be scored and 21 gain."""
    members = [_make_member(*row) for row in _FIGURES]
    scored = [member for member in members if member["scored"]]
    gaining = [member for member in scored if member["gain"]["value"] > 0]
    metrics = {
        f"auc_{way}": sum(member[way]["auc"] for member in scored) / len(scored)
        for way in ("alone", "together", "corrected")
    }
    metrics |= {
        "gain_mean": sum(member["gain"]["value"] for member in scored) / len(scored),
        "members_gain": len(gaining) / len(scored),
        "members_scored": float(len(scored)),
        "average_precision_together": 0.361098,
        "recall_at_5_percent_alone": 0.383562,
        "recall_at_5_percent_together": 0.356164,
        "recall_at_5_percent_corrected": 0.404110,
        "members_gain_corrected": 0.88,
        "brier_together": 0.058335,
        "calibration_error_together": 0.011702,
        "auc_pooled_together": 0.862114,
    }
    entries, decisions = _make_log([member["member"] for member in members])
    return {
        "coalition": {
            "name": "Wildlife Strike Coalition",
            "id": _digest("coalition"),
            "origin": "strikes.example/wildlife",
            "purpose": "Learn together which wildlife strikes affect a flight, without sharing reports.",
            "members": len(members) - 1,
            "members_called": "airlines",
            "charter_version": 1,
            "charter_digest": _digest("charter"),
            "log_size": len(entries),
            "root": _digest("root"),
            "cosignatures": len(members) - 1,
            "cosignatures_needed": 22,
        },
        "plan": {
            "version": 1,
            "name": "Which strikes affect the flight",
            "purpose": "Tell from a strike report whether the flight will be affected.",
            "recipe": {"name": "logistic", "digest": _digest("recipe"), "parameters": {"ridge": "1"}},
            "label": {"name": "affected", "positive": "1", "negative": "0"},
            "features": [{"name": "ac_mass", "type": "number"}],
            "split": {"kind": "stratified", "seed": 0, "test": "3/10"},
            "privacy": {"noise": "none"},
            "digest": _digest("plan"),
        },
        "guarantee": "no formal guarantee",
        "joint": {
            "metrics": metrics,
            "roc": {
                way: [[float(x), float(y)] for x, y in zip(_SHARES, found, strict=True)]
                for way, found in _FOUND.items()
            },
            "calibration": {
                way: [{"predicted": p, "observed": o, "rows": n} for p, o, n in bins]
                for way, bins in _CALIBRATION.items()
            },
            "bars": [
                {"metric": "auc_together", "at_least": "0.80", "value": metrics["auc_together"], "met": True},
                {"metric": "members_gain", "at_least": "2/3", "value": metrics["members_gain"], "met": True},
            ],
            "coefficients": [{"name": name, "value": value} for name, value in _COEFFICIENTS],
            "uncertainty": {"auc_pooled_together": 0.000412, "average_precision_together": 0.001303},
            "rounds": 11,
        },
        "members": members,
        "decisions": decisions,
        "entries": entries,
        "timings": [
            {"part": "founding: 33 keys, 33 signatures", "seconds": 0.41},
            {"part": "votes", "seconds": 1.28},
            {"part": "training, in which only sums left", "seconds": 9.73},
            {"part": "evaluation", "seconds": 14.02},
            {"part": "report", "seconds": 0.12},
        ],
        "rehearsal": True,
    }


def make_noised_result() -> dict[str, Any]:
    """Return the sample result as a run with noise gives it: the coalition sees one model's measures, each with a doubt."""
    result = make_result()
    joint = result["joint"]
    seen = {"auc_pooled_together": 0.837, "average_precision_together": 0.351, "brier_together": 0.058}
    joint.update(
        metrics=seen,
        uncertainty={
            "auc_pooled_together": 0.071,
            "average_precision_together": 0.06,
            "brier_together": 0.004,
        },
        roc={"together": joint["roc"]["together"]},
        calibration={"together": joint["calibration"]["together"]},
        bars=[{"metric": "auc_pooled_together", "at_least": "0.75", "value": "0.837000", "met": True}],
    )
    lost = result["members"].pop(10)
    charge = {
        "proposal": 1,
        "attempt": 1,
        "name": result["plan"]["name"],
        "guarantee": "(ε = 3, δ = 0.00001) for each row",
        "status": "completed",
    }
    account = {
        "budget": {"epsilon": "3.5", "delta": "0.00001"},
        "spent": {"epsilon": "3"},
        "left": {"epsilon": "1.58"},
        "charges": [charge],
        "without_bound": 0,
        "subtractions": [],
    }
    everybody = [*result["members"], lost]
    return result | {
        "guarantee": charge["guarantee"],
        "lost": {lost["name"]: 6},
        "vanished": [
            {
                "member": lost["member"],
                "name": lost["name"],
                "rows": lost["rows"],
                "lost_from": 6,
                "numbers_left": lost["numbers_left"] // 2,
                "bytes_up": lost["bytes_up"] // 2,
                "bytes_down": lost["bytes_down"] // 2,
            }
        ],
        "privacy": {
            "noise": "discrete-gaussian",
            "epsilon": "3",
            "delta": "0.00001",
            "unit": "any one row",
            "sharing": {"members": 33, "required": 27, "colluders": 11, "honest": 16, "neighbours": 32},
            "accounts": [{"member": m["member"], "name": m["name"], **account} for m in everybody],
            "refused": [
                {
                    "name": result["plan"]["name"],
                    "proposer": "Delta Air Lines",
                    "epsilon": "2",
                    "delta": "0.00001",
                    "rule": "run.budget",
                    "members": 32,
                    "reasons": ["`a` has spent", "`b` has spent"],
                }
            ],
        },
    }


def _digest(text: str) -> str:
    return hashlib.sha256(text.encode()).hexdigest()


def _make_slug(name: str) -> str:
    words = "".join(character if character.isalnum() else " " for character in name.lower()).split()
    return "-".join(words)


def _make_member(
    name: str, rows: int, train_rows: int, test_rows: int, test_positives: int, *figures: float
) -> dict[str, Any]:
    scored = bool(figures)
    member = {
        "member": _make_slug(name),
        "name": name,
        "rows": rows,
        "train_rows": train_rows,
        "test_rows": test_rows,
        "test_positives": test_positives,
        "scored": scored,
        "alone": None,
        "together": None,
        "corrected": None,
        "gain": None,
        "advice": f"too few positives in your test rows to score you: {test_positives} of at least 3",
        "numbers_left": 118_734,
        "bytes_up": 949_872 + 5_120 + 7 * (test_rows % 11),
        "bytes_down": 1_021_440 + 13 * (rows % 17),
    }
    if scored:
        ways = ("alone", "together", "corrected")
        for number, way in enumerate(ways):
            auc, low, high = figures[3 * number : 3 * number + 3]
            member[way] = {"auc": auc, "low": low, "high": high}
        value, low, high = figures[9:]
        member["gain"] = {"value": value, "low": low, "high": high}
        spelt = f"AUC {value:+.3f} (95% interval {low:+.3f} to {high:+.3f})"
        member["advice"] = f"cannot tell whether joining helps you: {spelt} includes no change"
        if low > 0:
            member["advice"] = f"joining helps you: {spelt} against your own model"
    return member


def _make_log(members: list[str]) -> tuple[list[dict[str, Any]], list[dict[str, Any]]]:
    entries: list[dict[str, Any]] = []
    decisions: list[dict[str, Any]] = []

    def write(at: int, kind: str, author: str, text: str) -> int:
        index = len(entries)
        entries.append({"index": index, "at": _format(at), "kind": kind, "author": author, "text": text})
        return index

    def decide(at: int, effect: str, title: str, proposer: str, timelock: int, *, unanimous: bool) -> int:
        entry = write(at, "propose", proposer, f"proposes to {effect}: {title}")
        counts = dict.fromkeys(("yes", "no", "abstain", "recused", "absent"), 0)
        for number, member in enumerate(members, start=1):
            choice = "yes"
            if not unanimous:
                choice = {_AGAINST: "no", _ABSTAINS: "abstain", _RECUSED: "recused"}.get(member, "yes")
            if member == _ABSENT:
                counts["absent"] += 1
                continue
            counts[choice] += 1
            recused = choice == "recused"
            text = f"is recused from proposal {entry}" if recused else f"votes {choice} on proposal {entry}"
            write(at + 60 * number, "recuse" if recused else "ballot", member, text)
        decided = at + 3 * _DAY
        write(decided, "tick", members[0], "moves the clock")
        decision = {"entry": entry, "effect": effect, "title": title, "proposer": proposer}
        times = {
            "opened_at": at,
            "closes_at": decided,
            "decided_at": decided,
            "effect_at": decided + timelock,
        }
        decisions.append(
            {
                **decision,
                "outcome": "in_effect",
                **counts,
                **{name: _format(when) for name, when in times.items()},
            }
        )
        write(decided + timelock, "tick", members[0], "moves the clock")
        return decided + timelock

    lead = "comair-airlines"
    write(_FOUNDED, "found", lead, "founds `Wildlife Strike Coalition` with 33 members")
    start = decide(_FOUNDED + 3600, "run", "Which strikes affect the flight", lead, _DAY, unanimous=False)
    write(
        start + 60, "run_open", lead, f"opens attempt 1 of proposal {decisions[0]['entry']} with 33 members"
    )
    for member in members:
        write(start + 70, "run_seal", member, "seals its transcript and the result")
    write(start + 95, "run_close", lead, "closes the run: completed")
    title = f"Release the model of run {decisions[0]['entry']}"
    effect = decide(start + 600, "release", title, lead, 3 * _DAY, unanimous=True)
    write(effect + 7200, "leave", _LEAVER, "leaves")
    return entries, decisions


def _format(at: int) -> str:
    return datetime.fromtimestamp(at, UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
