import doctest

import hansa.transparency
import hansa.transparency.quoting
import hansa.transparency.tiles


def test_the_examples_run():
    for module in (hansa.transparency, hansa.transparency.quoting, hansa.transparency.tiles):
        result = doctest.testmod(module)
        assert result.attempted
        assert not result.failed


def test_the_front_page_offers_what_it_lists():
    for name in hansa.transparency.__all__:
        assert hasattr(hansa.transparency, name)
