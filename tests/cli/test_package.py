import subprocess
import sys
import tomllib
from pathlib import Path

import pytest

import hansa


def test_the_package_offers_about_ten_names_and_each_is_there():
    assert 8 <= len(hansa.__all__) <= 16
    for name in hansa.__all__:
        assert getattr(hansa, name).__doc__
        assert name in dir(hansa)


def test_a_name_that_is_not_offered_is_an_attribute_error():
    with pytest.raises(AttributeError, match="`hansa` has no attribute `nothing`"):
        hansa.nothing  # noqa: B018 - asking is the test


def test_its_version_is_that_of_the_project():
    project = tomllib.loads((Path(__file__).parents[2] / "pyproject.toml").read_text())
    assert hansa.__version__ == project["project"]["version"]


def test_importing_the_package_costs_nothing():
    code = "import hansa, sys; sys.exit('numpy' in sys.modules or 'pydantic' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0
