import pytest

from hansa.errors import Refused
from hansa.governance import parse_plan
from hansa.rehearsal import price_accuracy


@pytest.fixture
def plan(cast):
    document = cast.plan.to_json()
    document["privacy"] = {"noise": "discrete-gaussian", "epsilon": "8", "delta": "0.00001", "unit": "row"}
    document["split"] = {"kind": "rows", "seed": 0, "test": "3/10"}
    document["bars"] = [{"metric": "auc_pooled_together", "at_least": "0.10"}]
    return parse_plan(document)


def test_noise_is_priced_on_everybodys_tables_and_the_price_does_not_change(tables, plan, cast):
    price = price_accuracy(tables, plan, cast.charter)
    assert price == price_accuracy(tables, plan, cast.charter)
    assert price.epsilon == "8"
    assert price.unclipped > 0.7
    assert 0.4 < price.split < 1.0
    assert price.deviation > 0


def test_a_plan_without_noise_has_no_price_in_accuracy(tables, cast):
    with pytest.raises(Refused, match=r"rehearsal\.noise"):
        price_accuracy(tables, cast.plan, cast.charter)


def test_two_tables_are_too_few(tables, plan, cast):
    for path in sorted(tables.iterdir())[2:]:
        path.unlink()
    with pytest.raises(Refused, match=r"rehearsal\.few"):
        price_accuracy(tables, plan, cast.charter)
