"""The recipe: what averaging in one place gives, through fixed-point integers, by every method, and no total that cannot be."""

import math
import sys
from dataclasses import replace

import numpy as np
import pytest

from hansa.errors import Refused, Unavailable
from hansa.learning import Networks, Schema, run_in_clear
from hansa.learning.networks import parse_network, parse_network_parameters
from hansa.learning.networks.drawing import draw_order
from hansa.learning.networks.judging import NetworkJudge
from hansa.learning.networks.network import draw_parameters, encode_inputs
from hansa.learning.networks.rounds import answer_round
from hansa.learning.networks.training import load_torch
from hansa.learning.recipe import Result
from hansa.secagg import Quantiser

torch = pytest.importorskip("torch", reason="PyTorch is not installed: NO NETWORK IS TRAINED IN THESE TESTS")
nn = torch.nn

FLAT = [{"kind": "linear", "size": 8}, {"kind": "layer_norm"}, {"kind": "tanh"}]
CONVOLVED = [
    {"kind": "conv2d", "channels": 8, "kernel": 3, "padding": 1},
    {"kind": "group_norm", "groups": 2},
    {"kind": "relu"},
    {"kind": "max_pool", "size": 2},
    {"kind": "linear", "size": 32},
    {"kind": "relu"},
]


def make(schema, members, layers=FLAT, **parameters):
    settings = parse_network_parameters({"layers": layers, **parameters})
    return Networks(schema, settings, tuple(rows.member for rows in members))


def see(*, method="fedavg", rounds=8, **parameters):
    pace = {"server_rate": "0.02"} if method in {"fedadam", "fedyogi"} else {}
    image = {"channels": 1, "height": 8, "width": 8}
    return {
        "layers": CONVOLVED,
        "image": image,
        "scaling": "bounds",
        "rounds": rounds,
        "method": method,
        **pace,
        **parameters,
    }


def add_quantised(question, answers):
    """What the door does: integers of as many bits as the question has."""
    quantiser = Quantiser(question.bounds, len(answers), question.number_bits)
    return quantiser.decode(np.sum([quantiser.encode(answer) for answer in answers], axis=0))


def average_by_hand(network, members, *, method, rounds, rate, batch, decay, proximal):
    """McMahan's loop as one writes it who has all rows: PyTorch's own optimiser, modules and means."""
    sizes = [tensor.size for tensor in network.tensors]
    inputs = len(network.design.names) - 1
    module = nn.Sequential(nn.Linear(inputs, 8), nn.LayerNorm(8), nn.Tanh(), nn.Linear(8, 1))
    data = [
        (
            torch.from_numpy(encode_inputs(network.design, rows.train)),
            torch.from_numpy(rows.train.labels.astype(np.float32)),
        )
        for rows in members
    ]
    labels = np.concatenate([rows.train.labels for rows in members])
    centre = round(math.log(labels.sum() / (len(labels) - labels.sum())) * 1024) / 1024
    joint = torch.tensor(draw_parameters(network.tensors, 7, centre))
    assert sum(sizes) == len(joint)
    controls, mean = [torch.zeros(len(joint))] * len(members), torch.zeros(len(joint))
    loss = nn.BCEWithLogitsLoss()
    for turn in range(1, rounds + 1):
        ends, gradients = [], []
        for k, (rows, (x, y)) in enumerate(zip(members, data, strict=True)):
            nn.utils.vector_to_parameters(joint.float(), module.parameters())
            begun = [parameter.detach().clone() for parameter in module.parameters()]
            module.zero_grad()
            loss(module(x).squeeze(1), y).backward()
            gradients.append(torch.cat([parameter.grad.flatten() for parameter in module.parameters()]))
            steps = torch.optim.SGD(module.parameters(), lr=rate, weight_decay=decay)
            for part in torch.from_numpy(
                draw_order(f"order\n7\n{rows.member}\nround {turn}\n0", len(y))
            ).split(batch):
                steps.zero_grad()
                found = loss(module(x[part]).squeeze(1), y[part])
                if method == "fedprox":
                    found = found + proximal / 2 * sum(
                        ((now - then) ** 2).sum()
                        for now, then in zip(module.parameters(), begun, strict=True)
                    )
                found.backward()
                if method == "scaffold":
                    for parameter, shift in zip(
                        module.parameters(), (mean - controls[k]).split(sizes), strict=True
                    ):
                        parameter.grad += shift.view_as(parameter)
                steps.step()
            ends.append(nn.utils.parameters_to_vector(module.parameters()).detach().double())
        weights = [len(rows.train) / len(labels) for rows in members]
        joint = sum(weight * end for weight, end in zip(weights, ends, strict=True))
        controls, mean = gradients, sum(weight * own for weight, own in zip(weights, gradients, strict=True))
    return joint.numpy()


@pytest.mark.parametrize("method", ["fedavg", "fedprox", "scaffold"])
def test_the_parameters_are_those_of_a_plain_loop_over_all_rows(schema, draw, method):
    members = draw(3, (160, 90, 120))
    terms = {"method": method, "rounds": 3, "batch": 16, "proximal": "0.5", "decay": "0.001"}
    recipe = make(schema, members, seed=7, learning_rate="0.2", **terms)
    network = parse_network(run_in_clear(recipe, members, add_quantised).document)
    plain = average_by_hand(
        network, members, method=method, rounds=3, rate=0.2, batch=16, decay=0.001, proximal=0.5
    )
    np.testing.assert_allclose(network.parameters, plain, rtol=0, atol=1e-5)


def collect(recipe, members):
    """Run a recipe and keep its questions and totals."""
    names, state, kept = tuple(rows.member for rows in members), recipe.begin(), []
    while not isinstance(question := recipe.ask(state), Result):
        total = add_quantised(question, [recipe.answer(question, rows) for rows in members])
        kept.append((state, question, total))
        state = recipe.learn(state, total, names)
    return kept, question


@pytest.mark.parametrize("method", ["fedadam", "fedyogi"])
def test_adaptive_methods_step_as_their_paper_says(schema, draw, method):
    members = draw(3, (160, 90, 120))
    kept, result = collect(make(schema, members, method=method, rounds=3, server_rate="0.05"), members)
    rounds = [(question, total) for _, question, total in kept if question.name.startswith("round")]
    x = rounds[0][0].network.parameters
    m, v = np.zeros(len(x)), np.full(len(x), 0.001**2)
    for _, total in rounds:
        d = total[: len(x)]
        m = 0.9 * m + 0.1 * d
        v = 0.99 * v + 0.01 * d**2 if method == "fedadam" else v - 0.01 * d**2 * np.sign(v - d**2)
        x = x + 0.05 * m / (np.sqrt(v) + 0.001)
    np.testing.assert_allclose(parse_network(result.document).parameters, x, rtol=1e-6, atol=1e-6)


@pytest.mark.slow
@pytest.mark.parametrize("method", ["fedavg", "fedprox", "fedadam", "fedyogi", "scaffold"])
def test_images_of_digits_are_learned_though_every_member_has_others(digits, method):
    recipe = make(digits[0].train.schema, digits, **see(method=method))
    result = run_in_clear(recipe, digits, add_quantised)
    assert result.metrics["auc_pooled_together"] > 0.97
    assert result.losses[-1] < result.losses[0] / 2


@pytest.mark.slow
def test_a_head_of_every_members_own_stays_there(digits):
    recipe = make(digits[0].train.schema, digits, **see(own=["head"], own_epochs=3))
    kept, result = collect(recipe, digits)
    question = kept[1][1]
    network = parse_network(result.document)
    head = sum(tensor.size for tensor in network.tensors if tensor.part == "head")
    assert question.length == len(network.parameters) - head + 3
    np.testing.assert_array_equal(network.parameters[-head:], np.float32(question.network.parameters[-head:]))
    assert result.metrics["auc_together"] > 0.95


def test_whoever_hears_the_totals_again_is_where_it_was_without_pytorch(schema, draw, monkeypatch):
    members = draw(3, (160, 90, 120))
    kept, result = collect(make(schema, members, method="scaffold", rounds=2), members)
    monkeypatch.setitem(sys.modules, "torch", None)
    load_torch.cache_clear()
    again = make(schema, members, method="scaffold", rounds=2)
    state = again.begin()
    for _, question, total in kept:
        assert again.ask(state).digest == question.digest
        state = again.learn(state, total, again.members)
    assert again.ask(state).document == result.document
    with pytest.raises(Unavailable, match="extra `networks`"):
        again.answer(again.ask(again.begin()), members[0])
    load_torch.cache_clear()


def test_an_update_is_shrunk_to_the_clip_norm(schema, draw):
    members = draw(3, (160, 90, 120))
    recipe = make(schema, members, clip="0.01", rounds=1)
    (_, question, _), *_ = [entry for entry in collect(recipe, members)[0] if entry[1].name == "round 1"]
    for rows in members:
        update = recipe.answer(question, rows)[:-3] / (len(rows.train) / question.rows)
        assert np.linalg.norm(update) == pytest.approx(0.01)


@pytest.mark.parametrize(
    ("place", "change"),
    [(-3, 0.5), (-3, 1e6), (-2, 1.0), (-1, -40.0), (-1, 40.0), (0, 20.0), (-3, -400.0)],
)
def test_a_total_of_a_round_that_cannot_be_is_refused(schema, draw, place, change):
    members = draw(3, (160, 90, 120))
    recipe = make(schema, members, rounds=1)
    state, _, total = collect(recipe, members)[0][1]
    false = total.copy()
    false[place] += change
    with pytest.raises(Refused, match=r"recipe\.total"):
        recipe.learn(state, false, recipe.members)


def test_a_member_sees_that_its_own_rows_are_not_in_a_total(schema, draw):
    members = draw(3, (160, 90, 120))
    recipe = make(schema, members, rounds=1)
    _, question, total = collect(recipe, members)[0][1]
    own = recipe.answer(question, members[0])
    recipe.verify_total(question, own, total, 3)
    with pytest.raises(Refused, match=r"recipe\.total"):
        recipe.verify_total(question, own, recipe.answer(question, members[1]), 3)


def test_a_member_without_training_rows_answers_nothing(schema, draw):
    members = draw(3, (160, 90, 120))
    recipe = make(schema, members, rounds=1)
    _, question, _ = collect(recipe, members)[0][1]
    empty = replace(members[0], train=members[0].train.take(np.zeros(0, dtype=np.intp)))
    assert not recipe.answer(question, empty).any()


def test_layers_that_do_not_fit_are_refused_after_the_survey(schema, draw):
    members = draw(3, (160, 90, 120))
    for layers in ([{"kind": "max_pool", "size": 2}], [{"kind": "group_norm", "groups": 2}]):
        with pytest.raises(Refused, match=r"recipe\.layers"):
            run_in_clear(make(schema, members, layers), members)
    with pytest.raises(Refused, match=r"recipe\.layers.*64 numbers"):
        run_in_clear(make(schema, members, image={"channels": 1, "height": 8, "width": 8}), members)


LARGE = {"kind": "conv2d", "channels": 512, "kernel": 8, "padding": 7}


@pytest.mark.parametrize(
    ("layers", "image", "reason"),
    [
        ([{"kind": "linear", "size": 4096}] * 3, None, "parameters"),
        (
            [{"kind": "conv2d", "channels": 512, "kernel": 2, "padding": 1}, *[{"kind": "tanh"}] * 25],
            9,
            "between layers",
        ),
        ([{"kind": "conv2d", "channels": 300, "kernel": 7, "padding": 6}] * 2, 8, "multiplications"),
        ([LARGE] * 50, 8, "parameters"),
    ],
)
def test_layers_that_ask_too_much_of_a_machine_are_refused_before_anything_is_made(layers, image, reason):
    sides = None if image is None else {"channels": 1, "height": image, "width": image}
    settings = parse_network_parameters({"layers": layers, "image": sides})
    with pytest.raises(Refused, match=rf"recipe\.layers.*{reason}"):
        settings.architecture.list_tensors(64 if image is None else image * image)


def test_many_rows_at_once_are_gone_through_in_slices_with_the_same_outcome(schema, draw, monkeypatch):
    members = draw(3, (160, 90, 120))
    recipe = make(schema, members, rounds=1, batch=100, method="scaffold")
    _, question, _ = collect(recipe, members)[0][1]
    whole = answer_round(question, members[0])
    monkeypatch.setattr("hansa.learning.networks.training._HELD", 10 * question.network.activations)
    np.testing.assert_allclose(answer_round(question, members[0]), whole, rtol=0, atol=1e-6)


def test_a_member_whose_rows_are_all_alike_is_scored_alone_by_its_rate(schema, draw):
    members = draw(3, (160, 90, 120))
    recipe = make(schema, members, rounds=1)
    _, question, _ = collect(recipe, members)[0][1]
    train = members[0].train
    alike = replace(members[0], train=_repeat(train))
    scores = NetworkJudge(question.network, recipe.settings).score(alike)
    assert len({*scores.alone.tolist()}) == 1
    with pytest.raises(Refused, match=r"recipe\.layers.*no column"):
        recipe.settings.architecture.list_tensors(0)


def _repeat(table):
    """Rows that are the first row again, with the labels they had."""
    again = table.take(np.zeros(len(table), dtype=np.intp))
    return replace(again, labels=table.labels)


def test_steps_that_run_off_are_refused_in_a_round_and_leave_a_members_own_networks_where_they_began(
    schema, draw
):
    members = draw(3, (160, 90, 120))
    wild = {"learning_rate": "100", "decay": "1", "rounds": 1}
    _, question, _ = collect(make(schema, members, rounds=1), members)[0][1]
    settings = parse_network_parameters({"layers": [{"kind": "linear", "size": 8}] * 3, **wild, "batch": 1})
    network = replace(question.network, architecture=settings.architecture)
    tensors = network.tensors
    network = replace(network, parameters=draw_parameters(tensors, 0, 0.0))
    asked = replace(question, network=network, settings=settings)
    with pytest.raises(Refused, match=r"recipe\.diverged.*learning_rate"):
        answer_round(asked, members[0])
    scores = NetworkJudge(network, settings).score(members[0])
    np.testing.assert_array_equal(scores.corrected, scores.together)
    assert np.isfinite(scores.alone).all()


def test_members_of_one_class_are_told_so(schema, draw, draw_one):
    rows = draw(3, (160,))[0]
    one = replace(rows, train=draw_one(np.random.default_rng(1), 50, positive=1))
    with pytest.raises(Refused, match=r"recipe\.one-class"):
        run_in_clear(make(Schema(schema.features), [one]), [one])


@pytest.mark.parametrize(
    "wrong",
    [
        {"layers": [{"kind": "code"}]},
        {"layers": [{"kind": "linear"}]},
        {"layers": [{"kind": "linear", "size": 4, "entry": "x"}]},
        {"layers": [{"kind": "dropout", "share": "1"}]},
        {"rounds": 0},
        {"method": "magic"},
        {"own": ["norms", "head"]},
        {"image": {"height": 8}},
        {"clip": "nan"},
        {"colour": 1},
    ],
)
def test_parameters_that_no_plan_has_are_refused(wrong):
    with pytest.raises(Refused, match=r"recipe\.parameter"):
        parse_network_parameters({"layers": [], **wrong})
