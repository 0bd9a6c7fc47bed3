"""A coalition of frames or files."""

import pytest

from hansa.errors import Refused, Unavailable
from hansa.study import Coalition
from hansa.study.tables import make_workplace


def test_a_frame_is_divided_by_the_column_that_says_whose_each_row_is():
    frame = {"org": ["b", "a", "c", "a"], "x": [1, 2, 3, 4]}
    coalition = Coalition.from_frame(frame, "org")
    assert coalition.organisations == ("a", "b", "c")
    assert coalition.tables["a"] == {"x": ["2", "4"]}


def test_tables_that_are_laid_out_are_read_again_as_they_were(tmp_path, tables):
    folder = Coalition.from_tables(tables).lay_out(tmp_path / "tables")
    assert Coalition.from_tables(str(folder)).organisations == ("north", "south", "west")
    assert Coalition.from_tables(folder).lay_out(tmp_path / "unused") == folder
    assert (folder / "north.csv").read_text().splitlines()[0] == "speed,sky,damage"


def test_two_organisations_are_too_few(tables):
    two = {name: tables[name] for name in ("north", "south")}
    with pytest.raises(Refused, match="2 organisations are too few"):
        Coalition.from_tables(two)


@pytest.mark.parametrize("name", ["../out", "", "a/b", ".hidden"])
def test_a_name_that_no_file_can_have_is_refused(name, tables):
    with pytest.raises(Refused) as refusal:
        Coalition.from_tables({name: {}, "b": {}, "c": {}})
    assert refusal.value.rule == "coalition.name"


def test_what_is_absent_is_named(tmp_path):
    with pytest.raises(Refused, match="no column `org`; there are `x`"):
        Coalition.from_frame({"x": [1]}, "org")
    with pytest.raises(Unavailable):
        Coalition.from_tables(tmp_path / "nothing")


def test_a_folder_with_something_in_it_is_left_alone(tmp_path):
    (tmp_path / "mine").write_text("")
    with pytest.raises(Refused, match="is not empty"):
        make_workplace(tmp_path)
