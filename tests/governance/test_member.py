import pytest

from hansa.governance import Budget, InvalidDocument, parse_member
from hansa.governance.member import COUNTRIES, MAX_VOTING_WEIGHT


def test_a_member_is_written_and_read_again(make_member):
    member = make_member("north-air", weight=3)
    assert parse_member(member.to_json()) == member


def test_a_member_may_want_less_learned_from_its_data_than_the_charter_allows(make_member):
    member = make_member("north-air").model_copy(update={"budget": Budget(epsilon="2", delta="0.00001")})
    assert member.to_json()["budget"] == {"epsilon": "2", "delta": "0.00001"}
    assert parse_member(member.to_json()) == member


def test_there_are_249_countries_and_norway_is_one():
    assert len(COUNTRIES) == 249
    assert "NO" in COUNTRIES


@pytest.mark.parametrize(
    ("rule", "changes"),
    [
        ("member.slug", {"id": "North Air"}),
        ("member.slug", {"id": ""}),
        ("member.slug", {"member_class": "-"}),
        ("member.value", {"name": ""}),
        ("member.value", {"name": "x" * 201}),
        ("member.text", {"name": "two\nlines"}),
        ("member.text", {"name": "right\u202eto left"}),
        ("member.value", {"name": "half \ud800"}),
        ("member.country", {"country": "no"}),
        ("member.country", {"country": "XX"}),
        ("member.country", {"country": "NOR"}),
        ("member.value", {"voting_weight": 0}),
        ("member.value", {"voting_weight": MAX_VOTING_WEIGHT + 1}),
        ("member.value", {"voting_weight": "1"}),
        ("member.value", {"voting_weight": True}),
        ("member.value", {"voting_weight": None}),
        ("member.key", {"key": "AAAA"}),
        ("member.key", {"key": "A" * 43 + "="}),
        ("member.key", {"key": "not base64"}),
        ("member.field-unknown", {"email": "post@example.org"}),
        ("member.budget", {"budget": {"epsilon": "0", "delta": "0.00001"}}),
        ("member.budget", {"budget": {"epsilon": "0.000001", "delta": "0.00001"}}),
        ("member.field-missing", {"budget": {"epsilon": "2"}}),
        ("member.not-canonical", {"budget": {"epsilon": 2, "delta": "0.00001"}}),
        ("member.not-canonical", {"name": " North Air "}),
        ("member.not-canonical", {"name": 1}),
    ],
)
def test_a_wrong_member_is_refused(make_member, rule, changes):
    with pytest.raises(InvalidDocument) as caught:
        parse_member(make_member("north-air").to_json() | changes)
    assert caught.value.rule == rule


@pytest.mark.parametrize("field", ["id", "name", "member_class", "country", "voting_weight", "key"])
def test_no_field_may_be_missing(make_member, field):
    value = make_member("north-air").to_json()
    del value[field]
    with pytest.raises(InvalidDocument) as caught:
        parse_member(value)
    assert caught.value.rule == "member.field-missing"
    assert f"`{field}` is missing" in caught.value.message


@pytest.mark.parametrize("value", [None, 1, "north-air", [], True])
def test_something_else_than_a_member_is_refused(value):
    with pytest.raises(InvalidDocument) as caught:
        parse_member(value)
    assert caught.value.rule == "member.value"


def test_all_findings_come_at_once(make_member):
    with pytest.raises(InvalidDocument) as caught:
        parse_member(make_member("north-air").to_json() | {"country": "XX", "voting_weight": 0, "id": "?"})
    assert [finding.rule for finding in caught.value.findings] == [
        "member.slug",
        "member.country",
        "member.value",
    ]
