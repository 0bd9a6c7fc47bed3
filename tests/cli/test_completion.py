import pytest


@pytest.mark.parametrize("shell", ["bash", "zsh", "fish"])
def test_a_script_is_written_for_each_shell(desk, hansa, shell):
    answer = hansa("--install-completion", "--shell", shell, "--output", "script", "--json")
    assert (answer.code, answer.json["shell"]) == (0, shell)
    text = (desk / "script").read_text()
    for word in ("proposal", "verify", "--folder"):
        assert word.lstrip("-") in text


def test_a_shell_that_cannot_be_told_is_said_to_be_so(desk, hansa, monkeypatch):
    from cyclopts.completion.detect import ShellDetectionError

    def fail():
        raise ShellDetectionError

    monkeypatch.setattr("cyclopts.completion.detect.detect_shell", fail)
    answer = hansa("--install-completion")
    assert answer.code == 5
    assert "--shell bash" in answer.err
