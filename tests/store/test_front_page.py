import doctest

import hansa.store


def test_the_example_runs():
    result = doctest.testmod(hansa.store)
    assert result.attempted
    assert not result.failed
