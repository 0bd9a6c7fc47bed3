import pytest

from hansa.cli.memberfile import draw_members, read_founders, read_newcomer
from hansa.governance import InvalidDocument, load_charter

TWO_CLASSES = """
version: 1
name: Banks
origin: banks.example
purpose: Try.
classes: {bank: {votes: true}, observer: {votes: false}}
decisions: {run: {passes: "> 1/2 of cast", quorum: 1/2, period: 3d, timelock: 1d}}
"""


@pytest.fixture
def charter(desk):
    return load_charter((desk / "charter.yaml").read_text(), "charter.yaml")


def refuse(path, charter):
    with pytest.raises(InvalidDocument) as caught:
        read_founders(path, charter)
    return [(finding.rule, finding.place) for finding in caught.value.findings]


def test_paths_are_seen_from_the_file_that_names_them(desk, charter):
    founders = read_founders(desk / "members.yaml", charter)
    assert [founder.id for founder in founders] == ["ada", "bob", "cyd", "dan"]
    assert founders[0].data == desk / "ada.csv"
    assert (founders[0].member_class, founders[0].voting_weight) == ("bank", 1)


def test_members_without_keys_can_be_judged(desk, charter):
    first, second = (draw_members(read_founders(desk / "members.yaml", charter)) for _ in range(2))
    assert [member.id for member in first] == [member.id for member in second]
    assert first[0].key != second[0].key


def test_every_fault_of_a_list_is_found_at_once_with_its_line(desk, charter):
    (desk / "members.yaml").write_text(
        "- {id: ada, name: Ada, country: NL}\n"
        "- {id: ada, name: Ada again, country: NL}\n"
        "- {id: bob, name: Bob, country: NL, data: gone.csv}\n"
        "- {id: cyd, name: Cyd, country: NL, class: king}\n"
        "- {id: dan, name: Dan, country: NL, data: plan.yaml}\n"
    )
    assert refuse(desk / "members.yaml", charter) == [
        ("members.twice", "members.yaml:2"),
        ("members.data", "members.yaml:3"),
        ("members.class", "members.yaml:4"),
        ("members.data", "members.yaml:5"),
    ]


def test_every_fault_of_form_is_found_at_once(desk, charter):
    (desk / "members.yaml").write_text(
        "- {id: all, name: Ada, country: NL}\n"
        "- {id: bob, country: England}\n"
        "- {id: cyd, name: Cyd, country: NO, wight: 3}\n"
        "- {id: dan, name: Dan, country: NO, weight: 0}\n"
    )
    places = [place for _, place in refuse(desk / "members.yaml", charter)]
    assert places == [f"members.yaml:{line}" for line in (1, 2, 2, 3, 4)]


@pytest.mark.parametrize("text", ["{id: ada, name: Ada, country: NL}", "ada", "[]"])
def test_what_is_no_list_of_members_is_refused(desk, charter, text):
    (desk / "members.yaml").write_text(text)
    assert refuse(desk / "members.yaml", charter)


def test_a_class_is_needed_where_the_charter_has_several(desk):
    charter = load_charter(TWO_CLASSES, "charter.yaml")
    (desk / "members.yaml").write_text("- {id: ada, name: Ada, country: NL}\n")
    assert refuse(desk / "members.yaml", charter) == [("members.class", "members.yaml:1")]
    (desk / "members.yaml").write_text("- {id: ada, name: Ada, country: NL, class: observer}\n")
    assert read_founders(desk / "members.yaml", charter)[0].member_class == "observer"


def test_norway_is_a_country(desk, charter):
    (desk / "new.yaml").write_text("id: eve\nname: Eve\ncountry: NO\n")
    assert read_newcomer(desk / "new.yaml", charter).country == "NO"


def test_a_newcomer_is_one_member(desk, charter):
    (desk / "new.yaml").write_text("id: eve\nname: Eve\ncountry: NO\nclass: king\n")
    with pytest.raises(InvalidDocument) as caught:
        read_newcomer(desk / "new.yaml", charter)
    assert caught.value.rule == "member.class"
