"""What a gate tells the runner of GitHub."""

from gauntlet.campaigns.gate.outcome import Verdict
from gauntlet.campaigns.gate.outputs import github

from ..example import gate
from . import hostile
from .example import FAILED


def test_an_annotation_is_one_line_without_commands_of_a_system():
    (found,) = github.annotations(gate(verdict=Verdict("fail", 1, (hostile.COMMAND,))))
    line = found.command()
    assert "\n" not in line
    assert "\r" not in line
    assert line.count("::error") == 2  # the second one is text of the message
    assert line.startswith("::error title=Gate smoke%3A fail::a%250A")


def test_there_are_at_most_ten_annotations_of_a_kind():
    reasons = tuple(f"reason {at}" for at in range(30))
    found = github.annotations(gate(verdict=Verdict("fail", 1, reasons)))
    assert len(found) == 10
    assert found[-1].message == "and 21 more; see the summary of the job"
    assert (
        github.annotations(gate(verdict=Verdict("fail", 1, reasons[:10])))[-1].message == "reason 9"
    )


def test_the_runner_gets_a_summary_and_outputs_and_others_nothing(tmp_path, capsys):
    files = {name: tmp_path / name for name in ("GITHUB_STEP_SUMMARY", "GITHUB_OUTPUT")}
    environment = {name: str(file) for name, file in files.items()}
    github.report(gate(verdict=FAILED), tmp_path, environment)
    assert capsys.readouterr().out == ""
    assert list(tmp_path.iterdir()) == []
    github.report(gate(verdict=FAILED), tmp_path, {**environment, "GITHUB_ACTIONS": "true"})
    assert capsys.readouterr().out.startswith("::error title=")
    assert "❌ FAIL" in files["GITHUB_STEP_SUMMARY"].read_text()
    assert files["GITHUB_OUTPUT"].read_text().splitlines() == [
        f"directory={tmp_path}",
        f"page={tmp_path / 'gate.html'}",
        "status=fail",
        "exit-code=1",
    ]


def test_inconclusive_is_a_warning_and_a_pass_is_silent():
    found = github.annotations(gate(verdict=Verdict("inconclusive", 5, ("too noisy",))))
    assert [each.kind for each in found] == ["warning"]
    assert github.annotations(gate()) == []
