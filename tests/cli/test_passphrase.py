"""Where passphrases come from, and which new ones are good enough."""

import pytest

from hansa.cli.passphrase import SHORTEST, VARIABLE, ask_passphrase, choose_passphrase
from hansa.errors import Refused, Unavailable


@pytest.fixture(autouse=True)
def nowhere(monkeypatch):
    monkeypatch.delenv(VARIABLE, raising=False)


@pytest.mark.parametrize("said", ["", "candle", "x" * (SHORTEST - 1), "é" * (SHORTEST - 1)])
def test_a_new_passphrase_that_is_soon_guessed_is_refused_wherever_it_comes_from(tmp_path, monkeypatch, said):
    file = tmp_path / "passphrase"
    file.write_text(f"{said}\n{'y' * SHORTEST}\n")
    with pytest.raises(Refused, match=r"key\.passphrase-short.*at least 12 characters"):
        choose_passphrase(file, "the key of `ada`")
    monkeypatch.setenv(VARIABLE, said)
    with pytest.raises(Refused, match=r"key\.passphrase-short"):
        choose_passphrase(None, "the key of `ada`")


def test_one_that_is_long_enough_is_taken_and_an_old_one_of_any_length_is_asked_for(tmp_path):
    file = tmp_path / "passphrase"
    file.write_text("four candles\n")
    assert choose_passphrase(file, "the key of `ada`") == b"four candles"
    file.write_text("old\n")
    assert ask_passphrase(file, "the key of `ada`") == b"old"


def test_without_a_file_a_variable_or_a_terminal_it_says_where_it_could_come_from(monkeypatch):
    monkeypatch.setattr("sys.stdin.isatty", lambda: False, raising=False)
    with pytest.raises(Unavailable, match="--passphrase-file"):
        choose_passphrase(None, "the key of `ada`")
