"""Who is whose neighbour, and how few may be left in a row."""

from collections import Counter

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hansa.secagg.graph import Graph, as_bits, draw_order

SEED = b"s" * 32


@st.composite
def graphs(draw):
    size = draw(st.integers(4, 60))
    degree = 2 * draw(st.integers(1, (size - 2) // 2))
    return Graph(size, degree, draw(st.binary(min_size=32, max_size=32)))


@given(graphs())
def test_being_neighbours_is_mutual_and_everybody_has_as_many(graph):
    near = [graph.list_neighbours(position) for position in range(graph.size)]
    for position, neighbours in enumerate(near):
        assert len(set(neighbours)) == graph.degree
        assert list(neighbours) == sorted(neighbours)
        assert position not in neighbours
        assert all(position in near[other] for other in neighbours)
        assert graph.neighbourhoods[position] == as_bits({position, *neighbours})


def test_in_the_complete_graph_all_are_neighbours_of_all():
    graph = Graph(5, 0, SEED)
    assert graph.list_neighbours(2) == (0, 1, 3, 4)
    assert graph.neighbourhoods == (0b11111,) * 5
    assert graph.count_thinnest({0, 3}) == 2


@given(st.integers(1, 200), st.binary(min_size=32, max_size=32))
def test_an_order_holds_everybody_once_and_depends_on_the_seed_alone(size, seed):
    order = draw_order(seed, size)
    assert sorted(order) == list(range(size))
    assert order == draw_order(seed, size)


def test_another_seed_gives_another_circle():
    seeds = [bytes([number]) * 32 for number in range(50)]
    assert len({draw_order(seed, 20) for seed in seeds}) == 50


def test_everybody_sits_everywhere_equally_often():
    """4,000 fixed seeds: each of 25 counts is within 4.5 sigma of 800."""
    counts = Counter()
    for number in range(4_000):
        counts.update(enumerate(draw_order(number.to_bytes(32, "little"), 5)))
    assert len(counts) == 25
    assert all(abs(count - 800) < 4.5 * (4_000 * 0.2 * 0.8) ** 0.5 for count in counts.values())


@given(graphs(), st.data())
def test_the_thinnest_window_is_the_least_of_all_windows(graph, data):
    members = data.draw(st.sets(st.integers(0, graph.size - 1)))
    windows = [
        [graph.circle[(place + step) % graph.size] for step in range(graph.degree // 2)]
        for place in range(graph.size)
    ]
    assert graph.count_thinnest(members) == min(len(members.intersection(window)) for window in windows)


@given(graphs(), st.data())
def test_with_somebody_honest_in_every_window_all_the_honest_hang_together(graph, data):
    """What the argument of the document rests on; and one window without them does not cut the circle."""
    honest = data.draw(st.sets(st.integers(0, graph.size - 1), min_size=1))
    empty = sum(
        not honest.intersection(
            graph.circle[(place + step) % graph.size] for step in range(graph.degree // 2)
        )
        and graph.circle[(place - 1) % graph.size] in honest
        for place in range(graph.size)
    )
    reached, waiting = set(), {min(honest)}
    while waiting:
        member = waiting.pop()
        reached.add(member)
        waiting |= honest.intersection(graph.list_neighbours(member)) - reached
    if empty <= 1:
        assert reached == honest


@pytest.mark.parametrize("positions", [set(), {0}, {1, 5, 1023}])
def test_a_set_of_positions_is_a_set_of_bits(positions):
    bits = as_bits(positions)
    assert {position for position in range(1024) if bits >> position & 1} == positions
