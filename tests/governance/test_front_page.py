import doctest

import hansa.governance


def test_the_example_runs():
    result = doctest.testmod(hansa.governance)
    assert result.attempted
    assert not result.failed


def test_the_front_page_offers_what_it_lists():
    for name in hansa.governance.__all__:
        assert hasattr(hansa.governance, name)
    assert len(set(hansa.governance.__all__)) == len(hansa.governance.__all__)
