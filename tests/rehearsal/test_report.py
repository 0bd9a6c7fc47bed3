import functools
import itertools
import math
import re
import sys
from html.parser import HTMLParser
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from hansa.errors import Malformed
from hansa.rehearsal.report import render_report, write_report

sys.path.insert(0, str(Path(__file__).parent))
from sample_result import make_noised_result, make_result

VOID = {"meta", "br", "link", "hr", "img", "input"}


class Page(HTMLParser):
    """Reads a page, insists that every element is closed in its turn, and keeps what tests ask about."""

    def __init__(self, text):
        super().__init__(convert_charrefs=True)
        self.stack, self.tags, self.ids, self.headings, self.links = [], [], [], [], []
        self.tables, self.svgs, self.attributes = [], [], []
        self.feed(text)
        self.close()
        assert self.stack == []

    def handle_starttag(self, tag, attrs):
        self.tags.append(tag)
        self.attributes.extend((tag, name, value) for name, value in attrs)
        self.ids.extend(value for name, value in attrs if name == "id")
        self.links.extend(value for name, value in attrs if name in {"href", "src", "action", "data"})
        if tag == "table":
            self.tables.append({"inside": list(self.stack), "rows": []})
        if tag == "tr":
            self.tables[-1]["rows"].append([])
        if tag in {"td", "th"}:
            self.tables[-1]["rows"][-1].append("")
        if tag == "svg":
            self.svgs.append({"attributes": dict(attrs), "title": "", "desc": ""})
        if re.fullmatch(r"h\d", tag):
            self.headings.append(int(tag[1]))
        if tag not in VOID:
            self.stack.append(tag)

    def handle_endtag(self, tag):
        assert self.stack.pop() == tag

    def handle_data(self, data):
        if self.stack and {"td", "th"} & set(self.stack):
            self.tables[-1]["rows"][-1][-1] += data
        if len(self.stack) > 1 and self.stack[-2] == "svg" and self.stack[-1] in {"title", "desc"}:
            self.svgs[-1][self.stack[-1]] += data


def without_figures(result):
    """Take away everything that needs a scored member."""
    for member in result["members"]:
        member.update(scored=False, alone=None, together=None, corrected=None, gain=None)
    result["joint"].update(metrics={"members_scored": 0.0}, roc={}, calibration={}, bars=[])
    return result


def with_members(count):
    result = make_result()
    originals = result["members"]
    result["members"] = [
        {**originals[number % len(originals)], "member": f"m-{number}", "name": f"Member {number}"}
        for number in range(count)
    ]
    return result


def with_names(change):
    result = make_result()
    for number, member in enumerate(result["members"]):
        member["name"] = change(number, member["name"])
    return result


def with_accounts_that_differ():
    result = make_noised_result()
    result["privacy"]["accounts"][0]["budget"] = {"epsilon": "8", "delta": "0.00001"}
    result["privacy"]["accounts"][1].update(budget=None, spent={"epsilon": None}, left={"epsilon": None})
    return result


VARIANTS = {
    "the sample": make_result,
    "with noise": make_noised_result,
    "accounts that differ": with_accounts_that_differ,
    "a real run with noise": lambda: {
        **make_noised_result(),
        "rehearsal": False,
        "members": make_result()["members"][:1],
    },
    "three members": lambda: with_members(3),
    "a hundred members": lambda: with_members(100),
    "nobody scored": lambda: without_figures(make_result()),
    "no members": lambda: {**without_figures(make_result()), "members": []},
    "no decisions": lambda: {**make_result(), "decisions": [], "entries": []},
    "a real run": lambda: {**make_result(), "rehearsal": False, "members": make_result()["members"][:1]},
    "long names": lambda: with_names(
        lambda number, name: f"{name} " + "of the Isle of Long Names " * 20 + str(number)
    ),
    "one endless word": lambda: with_names(lambda number, name: "Aeronautica" * 40 + str(number)),
    "wide characters": lambda: with_names(lambda number, name: f"日本航空株式会社全日本空輸{number}" * 3),
}


@functools.cache
def render(variant):
    return render_report(VARIANTS[variant]())


@functools.cache
def read(variant):
    return Page(render(variant))


@pytest.mark.parametrize("variant", VARIANTS)
def test_every_page_is_well_formed_and_its_ids_are_unique(variant):
    page = read(variant)
    assert len(page.ids) == len(set(page.ids))


@pytest.mark.parametrize("variant", VARIANTS)
def test_a_page_refers_to_nothing_outside_itself(variant):
    text = render(variant)
    for outside in ("http://", "https://", "src=", "@import", "url(", "<script", "<link", "<iframe", "<base"):
        assert outside not in text
    page = read(variant)
    assert all(link.startswith("#") and link[1:] in page.ids for link in page.links)
    assert not [name for _, name, _ in page.attributes if name.startswith("on") or name == "style"]
    assert "default-src 'none'" in text


@pytest.mark.parametrize("variant", VARIANTS)
def test_no_drawing_holds_anything_but_finite_numbers(variant):
    page = read(variant)
    drawn = {
        "x",
        "y",
        "x1",
        "x2",
        "y1",
        "y2",
        "cx",
        "cy",
        "r",
        "width",
        "height",
        "points",
        "viewbox",
        "transform",
    }
    values = [value for tag, name, value in page.attributes if name in drawn and tag != "meta"]
    for number in re.findall(r"[^\s,()]+", " ".join(values).replace("rotate", " ")):
        assert math.isfinite(float(number))


@pytest.mark.parametrize("variant", VARIANTS)
def test_every_figure_says_what_it_is_and_what_it_shows(variant):
    page = read(variant)
    for svg in page.svgs:
        assert svg["attributes"]["role"] == "img"
        assert set(svg["attributes"]["aria-labelledby"].split()) <= set(page.ids)
        assert len(svg["title"]) > 3
        assert len(svg["desc"]) > 20


@pytest.mark.parametrize("variant", VARIANTS)
def test_headings_go_down_one_level_at_a_time(variant):
    headings = read(variant).headings
    assert headings[0] == 1
    assert headings.count(1) == 1
    assert all(after <= before + 1 for before, after in itertools.pairwise(headings))


@pytest.mark.parametrize(
    "variant", ["the sample", "three members", "a hundred members", "nobody scored", "long names"]
)
def test_every_member_is_named_once_in_each_table_of_members(variant):
    result = VARIANTS[variant]()
    page = read(variant)
    tables = [table for table in page.tables if table["rows"][0][0] == "member"]
    assert len(tables) == 2
    for table in tables:
        named = [row[0] for row in table["rows"][1:]]
        assert sorted(named) == sorted(member["name"].strip() for member in result["members"])
        assert all(sum(cell == row[0] for cell in row) == 1 for row in table["rows"][1:])


def test_the_tables_behind_the_figures_are_folded_away_and_have_headed_columns():
    page = read("the sample")
    assert [table["rows"][0][0] for table in page.tables if "details" not in table["inside"]] == ["bar"]
    for table in page.tables:
        assert {len(row) for row in table["rows"]} == {len(table["rows"][0])}


def test_all_five_figures_are_drawn_those_with_many_rows_for_wide_and_for_narrow():
    page = read("the sample")
    drawn = sorted(svg["attributes"]["aria-labelledby"].split("-title")[0] for svg in page.svgs)
    by_member = [
        f"{name}-{variant}" for name in ("decisions", "gains", "traffic") for variant in ("narrow", "wide")
    ]
    assert drawn == sorted(["roc", "calibration", *by_member])


def test_the_page_says_the_result_who_does_not_gain_and_how_to_check():
    result = make_result()
    text = render("the sample")
    assert "33 airlines learnt together;" in text
    assert "21\u00a0of\u00a025 that can be scored do better together than alone." in text
    assert "4 do not gain" in text
    assert "8 cannot be scored" in text
    assert text.count("no formal guarantee") >= 2
    assert "hansa verify PATH" in text
    assert result["coalition"]["id"] in text
    assert result["coalition"]["root"] in text
    assert "this is a rehearsal that plays all members" in text
    assert "one way to hold rows out (stratified, 3/10 held out, seed 0)" in text


def test_a_page_of_a_real_run_does_not_say_that_nobody_could_be_scored():
    text = render("a real run")
    assert "Each member sees its own gain only" in text
    assert "No member can be scored" not in text
    assert "this is a rehearsal" not in text


def test_a_page_of_a_run_with_noise_has_its_privacy_account():
    text = render("with noise")
    assert "no formal guarantee" not in text
    assert "could nearly as well have left them if any one row had been empty" in text
    assert "the hub and up to 11 of the 33 members that may help it" in text
    assert "each of the 33 data sets has spent ε = 3 of 3.5, and one more run may ask up to 1.58" in text
    assert "Delta Air Lines proposed to ask the same data once more, at ε = 2" in text
    assert "The account of every data set" not in text
    assert "0.837 ± 0.071" in text
    assert "± is what noise and bins leave open" in text
    assert (
        "± is how far noise (two standard deviations) and the binning of scores may have moved a figure"
        in text
    )
    assert text.count("epsilons do not simply add: what adds up is rho") == 1
    assert "read on straight lines between the bins of noised counts" in text
    assert "mean ROC-AUC, alone → together" in text
    assert "rewards knowing whose row it is" not in text
    headings = [table["rows"][0] for table in read("with noise").tables]
    assert ["measure", "together"] in headings
    assert ["false alarms", "found, together"] in headings


def test_accounts_that_differ_stand_in_a_table():
    text = render("accounts that differ")
    assert (
        "the 32 data sets have spent ε = 3 of 3.5 to 8, and one more run over all of them may ask up to 1.58"
        in text
    )
    assert "1 data set has no budget" in text
    (rows,) = [t["rows"] for t in read("accounts that differ").tables if t["rows"][0][0] == "data of"]
    assert len(rows) == 34
    assert rows[1][1:] == ["8", "3", "1.58", "0", "run 1, attempt 1"]
    assert rows[2][1:4] == ["none", "–", "–"]


def test_a_page_of_a_run_without_noise_says_so_in_its_privacy_account():
    text = render("the sample")
    assert "The sums were masked and carried no noise." in text
    assert "not bounded by any number" in text


def test_a_page_of_a_real_run_with_noise_claims_nothing_of_other_members():
    text = render("a real run with noise")
    assert "over all test rows at once the joint model reaches ROC-AUC 0.837 ± 0.071." in text.replace(
        "\u00a0", " "
    )
    assert "→" not in text.split('class="figures"')[1].split("</dl>")[0]
    assert "Whether learning together pays for a member, its own private report says" in text


@pytest.mark.parametrize("epsilon", ["three", "1e9", "<b>", "-1"])
def test_a_budget_that_is_no_decimal_is_refused(epsilon):
    result = make_noised_result()
    result["privacy"]["epsilon"] = epsilon
    with pytest.raises(Malformed, match=r"`privacy\.epsilon`"):
        render_report(result)


def test_what_the_model_does_not_use_and_bars_that_could_not_be_computed_are_shown():
    result = without_figures(make_result())
    result["joint"]["bars"] = [{"metric": "auc_together", "at_least": "0.70", "value": "", "met": False}]
    result["plan"]["features"] = [{"name": "speed", "type": "number"}, {"name": "sky", "type": "category"}]
    result["joint"]["dropped"] = [
        {"column": "speed", "reason": "narrow the bounds"},
        {"column": "sky: Overcast", "reason": "no training row has it"},
    ]
    result["lost"] = {"Cyd <b>Bank": 3, "Dan": 9}
    page = render_report(result)
    Page(page)
    assert "2 members vanished while the run went on" in page
    assert "<bdi>Cyd &lt;b&gt;Bank</bdi> is not in the totals from round 3 on; <bdi>Dan</bdi>" in page
    assert "could not be computed: no member can be scored" in page
    assert "1 column of the plan is not used" in page
    assert "<bdi>speed</bdi>: narrow the bounds." in page
    assert "What the model does not use (2)" in page
    assert "No training row has it." in page


def test_what_alone_means_over_all_rows_is_said_beside_the_curves_and_the_table():
    assert render_report(make_result()).count("rewards knowing whose row it is") == 2


def test_no_group_of_fewer_than_five_rows_is_in_the_tables():
    result = make_result()
    result["joint"]["calibration"] = {
        "together": [
            {"predicted": 0.1, "observed": 0.0, "rows": 20},
            {"predicted": 0.9, "observed": 1.0, "rows": 1},
        ]
    }
    (rows,) = [
        table["rows"]
        for table in Page(render_report(result)).tables
        if table["rows"][0][:2] == ["model", "predicted"]
    ]
    assert [row[-1] for row in rows[1:]] == ["21"]


def test_figures_that_are_missing_are_shown_as_missing():
    result = make_result()
    for member in result["members"]:
        if member["scored"]:
            member["gain"] = None
            for way in ("alone", "together", "corrected"):
                member[way] |= {"low": None, "high": None}
    text = render_report(result)
    Page(text)
    assert "None" not in text
    assert "clear gain" not in text.lower()
    assert "21\u00a0of\u00a025" in text


def test_figures_that_are_not_numbers_are_shown_as_missing():
    result = make_result()
    scored = [member for member in result["members"] if member["scored"]]
    scored[0]["gain"] = {"value": math.nan, "low": math.nan, "high": math.inf}
    scored[1] |= {"alone": {"auc": math.nan, "low": math.nan, "high": math.nan}, "gain": None}
    result["joint"]["metrics"]["brier_together"] = math.nan
    result["joint"]["roc"]["together"][3] = [math.nan, 0.5]
    result["joint"]["calibration"]["together"][2] = {"predicted": math.nan, "observed": 0.1, "rows": 9}
    result["joint"]["coefficients"].append({"name": "lost", "value": math.inf})
    text = render_report(result)
    Page(text)
    assert not re.search(r"\bnan\b|\binf\b|Infinity", text, re.IGNORECASE)


HOSTILE = [
    "<script>alert(1)</script>",
    "</title></svg><img src=x onerror=alert(1)>",
    '" onload="alert(1)',
    "{{ 7 * 7 }}{% raw %}",
    "a\x00b\x1b[31mc",
    "safe\u202egnp.exe",
    "half a pair \ud800",
    "]]><!--",
    "&lt;b&gt;",
]


@pytest.mark.parametrize("hostile", HOSTILE)
def test_hostile_texts_stay_texts_wherever_they_stand(hostile, tmp_path):
    def plant(value):
        if isinstance(value, dict):
            return {key: plant(inner) for key, inner in value.items()}
        if isinstance(value, list):
            return [plant(inner) for inner in value]
        return (
            f"{value}{hostile}"
            if isinstance(value, str) and not re.match(r"\d{4}-\d\d-\d\dT", value)
            else value
        )

    harmless = read("the sample")
    write_report(plant(make_result()), tmp_path / "report.html")
    text = (tmp_path / "report.html").read_text(encoding="utf-8")
    page = Page(text)
    assert "script" not in page.tags
    assert set(page.tags) == set(harmless.tags)
    assert {name for _, name, _ in page.attributes} == {name for _, name, _ in harmless.attributes}
    assert not re.search(r"[\x00-\x08\x0b\x0c\x0e-\x1f\u202a-\u202e\u2066-\u2069]", text)


@settings(max_examples=15, deadline=None)
@given(st.text(max_size=40), st.text(min_size=1, max_size=40))
def test_no_name_changes_the_page_around_it(name, label):
    result = with_members(3)
    result["members"][0]["name"] = f"x{name}"
    result["plan"]["label"]["name"] = label
    # A name may take more lines of text in a drawing; nothing else may come or go.
    tags = [tag for tag in Page(render_report(result)).tags if tag != "text"]
    assert tags == [tag for tag in read("three members").tags if tag != "text"]


def test_members_that_share_a_name_are_told_apart():
    result = with_names(lambda number, name: "Air" if number < 2 else name)
    text = render_report(result)
    assert f"<bdi>Air ({result['members'][0]['member']})</bdi>" in text
    assert f"<bdi>Air ({result['members'][1]['member']})</bdi>" in text


def test_a_result_of_another_form_is_refused_and_every_place_is_named(tmp_path):
    result = make_result()
    del result["coalition"]["root"], result["coalition"]["id"]
    result["members"][2]["rows"] = -1
    path = tmp_path / "report.html"
    path.write_text("the report of before")
    with pytest.raises(Malformed) as excinfo:
        write_report(result, path)
    assert excinfo.value.rule == "result.form"
    assert "`coalition.id`" in excinfo.value.message
    assert "`members.2.rows`" in excinfo.value.message
    assert path.read_text() == "the report of before"
    assert list(tmp_path.iterdir()) == [path]


def test_a_report_replaces_the_one_before_and_leaves_nothing_beside_it(tmp_path):
    path = tmp_path / "report.html"
    path.write_text("the report of before")
    write_report(make_result(), path)
    assert path.read_text(encoding="utf-8").startswith("<!DOCTYPE html>")
    assert list(tmp_path.iterdir()) == [path]


def test_the_same_result_gives_the_same_page():
    assert render_report(make_result()) == render_report(make_result())


def test_who_vanished_is_counted_and_named_wherever_members_are():
    result = make_noised_result()
    (gone,) = result["vanished"]
    rows = sum(member["rows"] for member in result["members"])
    page = render_report(result)
    Page(page)
    assert f"0 of {rows + gone['rows']:,}" in page
    assert f"All {rows + gone['rows']:,} rows stayed" in page
    assert f"{gone['name']}: {gone['rows']:,} rows stayed; {gone['numbers_left']:,}" in page
    assert "Vanished.</b> Not in the totals from round 6 on, and not scored." in page
    assert "vanished, not in the totals from round 6 on</small>" in page
    assert "every member that had not vanished sent one list" in page
    result.update(vanished=[], lost={})
    page = render_report(result)
    assert f"0 of {rows:,}" in page
    assert "vanished, not in" not in page
    assert "every member sent one list" in page
