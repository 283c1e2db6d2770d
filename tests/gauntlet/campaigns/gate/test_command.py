"""gauntlet gate as a command, with runs that a test decides about."""

import json

import pytest

from gauntlet.campaigns.gate.runner import Runner
from gauntlet.cli import main
from gauntlet.core.errors import Exit
from gauntlet.stacks import installations

from .example import run

SUITE = "version: 1\nscenarios: [steady, mine.yaml]\n"
MINE = "version: 1\nname: mine\nabout: x\nload: {users: 10, rate: 20/s}\n"


@pytest.fixture
def runs(tmp_path, monkeypatch):
    """Replace the child processes; the list has what was run."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.delenv("GITHUB_ACTIONS", raising=False)
    (tmp_path / "mine.yaml").write_text(MINE)
    made = []

    def make(_self, subject, version, number):
        made.append((subject, version))
        slow = 2 if version == "candidate" and subject.bug else 1
        values = {"delivery_p50_ms@steady": 10.0 * slow + number / 100}
        return run(version, number, scenario=subject.name, values=values)

    monkeypatch.setattr(Runner, "run", make)
    return made


def gate(tmp_path, text, *options):
    (tmp_path / "suite.yaml").write_text(text)
    return main.main(["gate", "suite.yaml", *options])


def test_a_suite_of_two_scenarios_passes_and_writes_everything(runs, tmp_path, capsys):
    assert gate(tmp_path, SUITE, "--set", "load.users=20") == Exit.OK
    assert [(s.name, s.scenario.load.users) for s, _ in runs] == [("steady", 20), ("mine", 20)]
    *_, page, last = capsys.readouterr().out.splitlines()
    key, folder = last.split(": ")
    assert key == "gate-directory"
    assert page == f"gate-page: {folder}/gate.html"
    assert "The change may proceed" in (tmp_path / folder / "gate.html").read_text()
    result = json.loads((tmp_path / folder / "gate.json").read_text())
    assert (result["suite"], result["verdict"]["status"]) == ("suite", "pass")


def test_objectives_of_a_file_reach_every_scenario(runs, tmp_path):
    (tmp_path / "sla.yaml").write_text(
        'sla:\n  - {id: x, indicator: ack_p99_ms, op: "<", value: 77}\n'
    )
    assert gate(tmp_path, SUITE, "--sla", "sla.yaml") == Exit.OK
    assert [s.scenario.sla[-1].value for s, _ in runs] == [77, 77]


AGAINST = (
    "version: 1\nscenarios: [mine.yaml]\n"
    "sla: [{id: r, indicator: delivery_p50_ms, op: '<', value: +10%, relative_to: baseline}]\n"
    "compare: {against: {target: {layout: split}}, pairs: 3}\n"
)


# Only one of the scenarios has the window.
TWO = AGAINST.replace("[mine.yaml]", "[mine.yaml, gateway-crash]").replace(
    "op:", "window: 'fault:gateway-hangs', op:"
)


def test_a_reference_has_another_target_and_a_slower_candidate_fails(runs, tmp_path):
    assert gate(tmp_path, AGAINST) == Exit.OK
    assert [(v, s.scenario.target.layout) for s, v in runs[:2]] == [
        ("reference", "split"),
        ("candidate", "default"),
    ]
    assert gate(tmp_path, AGAINST, "--bug", "ack_before_commit", "--pairs", "4") == Exit.FAILED


def test_a_reference_of_another_installation_is_relative_to_the_suite(runs, tmp_path, monkeypatch):
    monkeypatch.setattr(installations, "version_of", lambda _python: "0.0.9")
    text = AGAINST.replace("target: {layout: split}", "python: old/bin/python")
    assert gate(tmp_path, text) == Exit.OK
    python = str(tmp_path / "old" / "bin" / "python")
    assert [(version, subject.python) for subject, version in runs[:2]] == [
        ("reference", python),
        ("candidate", ""),
    ]


def test_what_only_one_version_can_measure_is_not_compared_by_default(runs, tmp_path):
    """It could never be decided, and the gate would always be inconclusive."""
    target = "{stack: external, url: ['ws://127.0.0.1:1/ws'], layout: default}"
    gate(
        tmp_path,
        f"version: 1\nscenarios: [mine.yaml]\ncompare: {{against: {{target: {target}}}}}\n",
    )
    (file,) = tmp_path.glob("runs/gate/*/gate.json")
    comparisons = json.loads(file.read_text())["comparisons"]
    assert [each["indicator"] for each in comparisons] == [
        "ack_p50_ms", "delivery_p50_ms", "delivery_p99_ms",
    ]  # fmt: skip


def test_a_gate_can_be_the_baseline_of_another(runs, tmp_path):
    text = "version: 1\nscenarios: [mine.yaml]\nrepeat: 4\n"
    assert gate(tmp_path, text, "--out", "old") == Exit.OK
    compared = AGAINST.replace("{against: {target: {layout: split}}", "{baseline: old").replace(
        "sla:", "repeat: 4\nsla:"
    )
    assert gate(tmp_path, compared) == Exit.OK
    assert gate(tmp_path, compared, "--bug", "ack_before_commit") == Exit.FAILED


@pytest.mark.parametrize(
    "options", [["--bug", "ack_before_commit"], ["--set", "target.layout=split"]]
)
def test_a_gate_of_another_system_is_no_baseline(runs, tmp_path, capsys, options):
    text = "version: 1\nscenarios: [mine.yaml]\nrepeat: 4\n"
    assert gate(tmp_path, text, "--out", "old", *options) == Exit.OK
    compared = AGAINST.replace("{against: {target: {layout: split}}", "{baseline: old")
    assert gate(tmp_path, compared) == Exit.CONFIG
    assert "another adapter, stack, layout or bug of mine" in capsys.readouterr().err


def test_a_calibration_compares_equal_versions(runs, tmp_path, capsys):
    assert gate(tmp_path, AGAINST, "--calibrate", "--pairs", "5") == Exit.OK
    assert len(runs) == 10
    assert {s.scenario.target.layout for s, _ in runs} == {"default"}
    assert "is found in 95 % of gates" in capsys.readouterr().out


def test_a_gate_names_the_last_calibration_of_its_scenarios(runs, tmp_path):
    assert gate(tmp_path, AGAINST, "--calibrate", "--pairs", "5") == Exit.OK
    assert gate(tmp_path, AGAINST, "--bug", "ack_before_commit") == Exit.FAILED
    gates = [json.loads(file.read_text()) for file in tmp_path.glob("runs/gate/*/gate.json")]
    calibrated, failed = sorted(gates, key=lambda each: each["mode"] != "calibration")
    assert failed["past_calibration"]["id"] == calibrated["id"]
    assert failed["past_calibration"]["figures"] == calibrated["calibration"]
    assert calibrated["past_calibration"] is None


@pytest.mark.parametrize(
    ("text", "options", "message"),
    [
        (SUITE, ["--pairs", "5"], "--pairs needs a suite with compare.against"),
        (SUITE, ["--repeat", "0"], "--repeat must be between"),
        (AGAINST, ["--pairs", "1"], "--pairs must be between 3 and"),
        (SUITE, ["--set", "load.usrs=1"], "unknown field"),
        (SUITE.replace("mine", "none"), [], "cannot be read"),
        (SUITE.replace("mine.yaml", "steady"), [], "must have different names; got steady twice"),
        (AGAINST.replace("layout", "colour"), [], "compare.against.target is not possible"),
        (AGAINST.replace("split", "none-such"), [], "with compare.against, target.layout must be"),
        (AGAINST.replace("pairs: 3", "scenarios: [x]"), [], "compare.scenarios must be some of"),
        (AGAINST.replace("pairs: 3", "scenarios: []"), [], "compare.scenarios must name at least"),
        (TWO.replace("pairs: 3", "scenarios: [mine]"), [], "window of 'r' must be one of"),
        (TWO, [], "no relative objective has a window of mine"),
        (AGAINST.replace("op:", "window: 'fault:x', op:"), [], "window of 'r' must be one of"),
        (
            AGAINST.replace("{against: {target: {layout: split}}", "{baseline: none"),
            [],
            "gate.json",
        ),
        (SUITE, ["--sla", "none.yaml"], "cannot be read"),
        (
            AGAINST.replace("delivery_p50_ms", "stack_cores"),
            [],
            "suite.yaml:3: sla[0].window: stack_cores is only measured in 'run'",
        ),
        (
            AGAINST.replace("delivery_p50_ms", "stack_cores"),
            ["--calibrate"],
            "stack_cores is only measured in 'run'",
        ),
        (
            AGAINST.replace("target: {layout: split}", "python: no/python"),
            [],
            "compare.against.python: ",
        ),
        (
            AGAINST.replace(
                "target: {layout: split}",
                "python: x, target: {stack: external, url: ['ws://127.0.0.1:1/ws']}",
            ),
            [],
            "only possible with the stacks embedded and full",
        ),
    ],
)
def test_wrong_suites_and_options_start_nothing(runs, tmp_path, capsys, text, options, message):
    assert gate(tmp_path, text, *options) == Exit.CONFIG
    assert message in capsys.readouterr().err
    assert runs == []
    assert not (tmp_path / "runs").exists()


def test_the_progress_of_a_hostile_system_is_one_line(runs, tmp_path, capsys, monkeypatch):
    def failed(_self, subject, version, number):
        reasons = ("a\n::error::b\n::add-mask::c",)
        return run(version, number, scenario=subject.name, exit_code=1, reasons=reasons)

    monkeypatch.setattr(Runner, "run", failed)
    assert gate(tmp_path, SUITE) == Exit.FAILED
    lines = capsys.readouterr().out.splitlines()
    assert "steady candidate 1: pass (exit 1, 12 s): a ::error::b ::add-mask::c" in lines
    assert not [line for line in lines if line.startswith("::")]


def test_a_secret_in_a_scenario_is_not_written_to_a_file(runs, tmp_path, capsys):
    text = MINE + "accounts: {pattern: 'u{n}', password: geheim}\n"
    (tmp_path / "mine.yaml").write_text(text)
    assert gate(tmp_path, SUITE) == Exit.CONFIG
    assert "must not contain a secret" in capsys.readouterr().err


def test_a_setting_can_replace_a_secret_of_a_scenario_by_a_reference(runs, tmp_path, capsys):
    text = MINE + "accounts: {pattern: 'u{n}', password: geheim}\n"
    (tmp_path / "mine.yaml").write_text(text)
    only = SUITE.replace("steady, ", "")
    assert gate(tmp_path, only, "--set", "accounts.password={env: PW}") == Exit.OK
    (tmp_path / "mine.yaml").write_text(MINE)
    secret = "accounts={pattern: 'u{n}', password: geheim}"
    assert gate(tmp_path, only, "--set", secret) == Exit.CONFIG
    assert "must not contain a secret" in capsys.readouterr().err


def test_a_folder_that_cannot_be_written_to_is_refused(runs, tmp_path, capsys):
    (tmp_path / "taken").write_text("")
    assert gate(tmp_path, SUITE, "--out", "taken") == Exit.CONFIG
    assert "--out must be a folder" in capsys.readouterr().err
