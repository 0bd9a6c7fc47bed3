from fractions import Fraction

import pytest

from hansa.errors import Refused
from hansa.privacy import Meter, Noise


def noise(rho, part="train"):
    return Noise(1.0, Fraction(rho), part)


def test_questions_may_cost_all_that_the_plan_declares():
    meter = Meter(Fraction(1, 5), 16)
    for _ in range(4):
        meter.charge("step", noise("1/20"))


def test_one_question_more_is_refused():
    meter = Meter(Fraction(1, 5), 16)
    meter.charge("census", noise("1/5"))
    with pytest.raises(Refused, match=r"privacy\.budget: `step 1` would bring what the train rows have paid"):
        meter.charge("step 1", noise("1/1000000000"))


def test_what_is_refused_is_not_charged():
    meter = Meter(Fraction(1, 5))
    with pytest.raises(Refused):
        meter.charge("large", noise("1"))
    meter.charge("small", noise("1/5"))


def test_rows_that_train_and_rows_that_test_each_have_the_whole_budget():
    meter = Meter(Fraction(1, 5))
    meter.charge("fit", noise("1/5"))
    meter.charge("scores", noise("1/5", "test"))
    with pytest.raises(Refused, match="the test rows"):
        meter.charge("again", noise("1/5", "test"))


def test_a_question_without_noise_is_refused_where_the_plan_declares_noise():
    with pytest.raises(
        Refused, match=r"privacy\.noise: the plan declares noise, and `survey` is asked with none"
    ):
        Meter(Fraction(1, 5)).charge("survey", None)


def test_a_plan_without_noise_is_not_metered_and_gets_none():
    Meter().charge("survey", None)
    with pytest.raises(Refused, match="declares no noise"):
        Meter().charge("census", noise("1/5"))
