import io
import sys
from pathlib import Path

import pytest
from rich.cells import cell_len
from rich.console import Console

from hansa.errors import Malformed
from hansa.rehearsal.summary import print_summary

sys.path.insert(0, str(Path(__file__).parent))
from sample_result import make_noised_result, make_result


def summarise(result, width):
    console = Console(record=True, width=width, file=io.StringIO(), color_system=None)
    print_summary(result, console)
    return console.export_text()


@pytest.mark.parametrize("width", [80, 120])
def test_the_summary_fits_the_terminal_and_names_every_member_once(width):
    result = make_result()
    text = summarise(result, width)
    assert all(cell_len(line) <= width for line in text.splitlines())
    for member in result["members"]:
        assert text.count(f"\n {member['name'][:24]}") == 1
    assert text.count("not scored") == 8
    assert text.count("clear gain") == 2
    assert text.count("gain, not certain") == 19
    assert text.count("no gain") == 4


@pytest.mark.parametrize("width", [80, 120])
def test_the_summary_says_the_result_the_bars_the_votes_and_how_to_check(width):
    result = make_result()
    text = " ".join(summarise(result, width).split())
    assert "33 airlines learnt together; 21 of 25 that can be scored do better together than alone." in text
    assert "mean gain of 25: +0.115, 95% interval +0.054 to +0.176" in text
    assert "no formal guarantee" in text
    assert "✓ met scored members that gain, together: 84.0%, at least 2/3 asked" in text
    assert "entry 1: run the plan, passed (29 yes · 1 no · 1 abstained · 1 recused · 1 absent)" in text
    assert "0 of 12,644 rows; 118,734 masked numbers (955 kB) from the median member in 11 rounds" in text
    assert result["coalition"]["id"] in text
    assert result["coalition"]["root"] in text
    assert "hansa verify PATH" in text


@pytest.mark.parametrize("width", [80, 120])
def test_the_summary_of_a_run_with_noise_says_who_sees_what_and_what_is_spent(width):
    text = summarise(make_noised_result(), width)
    assert all(cell_len(line) <= width for line in text.splitlines())
    text = " ".join(text.split())
    assert "33 airlines learnt together; 20 of 24 that can be scored" in text
    assert "the mean ROC-AUC goes from" in text
    assert "under noise each member alone sees its own, in its private report" in text
    assert "the joint model reaches ROC-AUC 0.837 ± 0.071." in text
    assert "(ε = 3, δ = 0.00001) for each row" in text
    assert "each of the 33 data sets has spent ε = 3 of 3.5, and one more run may ask up to 1.58" in text
    assert "– Delta Air Lines proposed to ask the same data once more" in text
    assert "✓ met ROC-AUC over all test rows, together: 0.837 ± 0.071, at least 0.750 asked" in text
    assert (
        "± is how far noise (two standard deviations) and the binning of scores may have moved a figure"
        in text
    )
    assert "118,734 masked, noised numbers" in text
    assert "no formal guarantee" not in text


def test_what_stands_after_plus_or_minus_is_explained_only_where_a_bar_has_it():
    assert "±" not in summarise(make_result(), 80)
    result = make_noised_result()
    result["joint"]["bars"] = [{"metric": "members_scored", "at_least": "3", "value": "24", "met": True}]
    assert "± is" not in summarise(result, 80)


def test_only_a_wide_terminal_shows_the_correction_and_the_intervals():
    narrow, wide = summarise(make_result(), 80), summarise(make_result(), 120)
    assert "corrected" not in narrow
    assert "corrected" in wide
    assert "+0.045 to +1.056" in wide


def test_numbers_are_never_cut_only_names():
    result = make_result()
    result["members"][0].update(name="Very " * 40 + "Long Air", rows=12_345_678)
    text = summarise(result, 80)
    assert "12,345,678" in text
    assert "Very Very" in text
    assert "…" in text
    assert all(cell_len(line) <= 80 for line in text.splitlines())


@pytest.mark.parametrize("hostile", ["[bold red]x[/bold red]", "[/]", "[link=file:///x]y[/link]", ":boom:"])
def test_texts_of_the_result_are_never_read_as_markup(hostile):
    result = make_result()
    result["members"][5]["name"] = hostile
    result["timings"][0]["part"] = hostile
    assert summarise(result, 120).count(hostile) == 2


def test_terminal_commands_in_a_name_are_defused():
    result = make_result()
    result["members"][5]["name"] = "\x1b[2J\x07Air"
    assert "\ufffd[2J\ufffdAir" in summarise(result, 120)


def test_the_path_of_the_log_is_ready_to_paste():
    assert "hansa verify 'my demo/log'" in summarise({**make_result(), "log": "my demo/log"}, 80)


def test_a_missed_bar_is_said_to_be_missed():
    result = make_result()
    result["joint"]["bars"][0].update(at_least="0.90", met=False)
    assert "✗ not met mean ROC-AUC of the scored members, together: 0.829, at least 0.900 asked" in summarise(
        result, 120
    )


def test_a_bar_that_could_not_be_computed_and_a_column_that_is_not_used_are_said():
    result = make_result()
    for member in result["members"]:
        member.update(scored=False, alone=None, together=None, corrected=None, gain=None)
    result["joint"]["bars"][0].update(value="", met=False)
    result["plan"]["features"] = [{"name": "speed", "type": "number"}]
    result["joint"]["dropped"] = [{"column": "speed", "reason": "narrow the bounds"}]
    result["lost"] = {"Cyd Bank": 3}
    text = summarise(result, 160)
    assert "together: could not be computed: no member can be scored; at least" in text
    assert "! speed: narrow the bounds" in text
    assert "! Cyd Bank: not in the totals from round 3 on" in text


def test_nobody_scored_nobody_there_and_nothing_decided_are_summarised_too():
    result = make_result()
    for member in result["members"]:
        member.update(scored=False, alone=None, together=None, corrected=None, gain=None)
    assert summarise(result, 80).count("not scored") == 33
    result.update(members=[], decisions=[], entries=[], timings=[])
    text = summarise(result, 80)
    assert "decisions" not in text
    assert "hansa verify PATH" in text


def test_a_result_of_another_form_is_refused():
    with pytest.raises(Malformed) as excinfo:
        print_summary({"coalition": {}}, Console(file=io.StringIO()))
    assert excinfo.value.rule == "result.form"


def test_who_vanished_has_a_line_and_its_rows_are_counted():
    result = make_noised_result()
    (gone,) = result["vanished"]
    rows = sum(member["rows"] for member in result["members"])
    text = summarise(result, 120)
    (line,) = (line for line in text.splitlines() if line.strip().startswith(gone["name"]))
    assert line.split()[-1] == "vanished"
    assert f"{gone['rows']:,}" in line
    assert f"0 of {rows + gone['rows']:,} rows" in text
