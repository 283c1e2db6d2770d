"""The command line without a run: usage, listing, dry runs, exit codes."""

from pathlib import Path

import pytest

from gauntlet.cli import main
from gauntlet.cli.arguments import build_parser
from gauntlet.cli.commands import COMMANDS
from gauntlet.cli.running.run import scenario_of
from gauntlet.core.errors import Exit
from gauntlet.core.scenario import loader
from gauntlet.scenarios import library


@pytest.mark.parametrize(
    "arguments",
    [
        [],
        ["fly"],
        ["run"],
        ["run", "tour", "--stack", "cloud"],
        ["run", "tour", "--bug", "none_such"],
        ["run", "tour", "--rate", "fast"],
        ["run", "no-such-scenario"],
        ["run", "nowhere.yaml"],
        ["judge", "nowhere"],
        ["run", "tour", "--users", "1"],
        ["run", "tour", "--steady", "20s"],
        ["run", "steady", "--stack", "external"],
    ],
)
def test_bad_usage_exits_with_four_and_creates_nothing(arguments, tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    assert main.main(arguments) == Exit.CONFIG
    assert capsys.readouterr().err.startswith("gauntlet: ")
    assert list(tmp_path.iterdir()) == []


def test_a_target_outside_loopback_needs_allow_hosts(tmp_path, monkeypatch, capsys):
    """Load must not reach a foreign host by mistake."""
    monkeypatch.chdir(tmp_path)
    (tmp_path / "far.yaml").write_text(
        "version: 1\nname: far\nabout: x\n"
        "target: {stack: external, url: ['http://192.0.2.7:80']}\nload: {users: 2}\n"
    )
    assert main.main(["run", "far.yaml"]) == Exit.CONFIG
    assert "allow_hosts" in capsys.readouterr().err
    assert [file.name for file in tmp_path.iterdir()] == ["far.yaml"]


@pytest.mark.parametrize("out", ["taken", "taken/below"])
def test_an_output_folder_that_is_a_file_is_refused(out, tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "taken").write_text("")
    assert main.main(["run", "steady", "--users", "20", "--out", out]) == Exit.CONFIG
    assert f"--out must be a folder that can be written to; got {out}" in capsys.readouterr().err


def test_help_begins_with_the_five_commands_to_start_with(capsys):
    with pytest.raises(SystemExit) as ended:
        main.main(["--help"])
    text = capsys.readouterr().out
    start = text[text.index("start here") : text.index("all commands")]
    assert ended.value.code == 0
    assert sum(line.startswith("  gauntlet ") for line in start.splitlines()) == 5


def test_list_prints_one_line_per_scenario(capsys):
    assert main.main(["list"]) == Exit.OK
    lines = capsys.readouterr().out.splitlines()
    assert [line.split()[0] for line in lines] == sorted(library.names())
    assert all(len(line.split()) > 3 for line in lines)


def test_an_unexpected_exception_exits_with_three(monkeypatch, capsys):
    """CI must not take it for a failed check."""
    monkeypatch.setattr("gauntlet.scenarios.library.all_scenarios", lambda: 1 / 0)
    assert main.main(["list"]) == Exit.HARNESS
    assert "ZeroDivisionError" in capsys.readouterr().err


def test_ctrl_c_outside_a_run_exits_with_two(monkeypatch, capsys):
    def interrupt():
        raise KeyboardInterrupt

    monkeypatch.setattr("gauntlet.scenarios.library.all_scenarios", interrupt)
    assert main.main(["list"]) == Exit.INTERRUPTED
    assert capsys.readouterr().err == "gauntlet: stopped\n"


@pytest.mark.parametrize(
    ("arguments", "target"),
    [
        (["steady"], ("reference", "embedded")),
        (["steady", "--adapter", "xmpp"], ("xmpp", "prosody")),
        (["xmpp-steady", "--adapter", "reference"], ("reference", "embedded")),
        (["steady", "--adapter", "reference", "--stack", "full"], ("reference", "full")),
        (["steady", "--adapter", "acme:Acme"], ("acme:Acme", "external")),
    ],
)
def test_the_option_adapter_selects_a_stack_for_the_adapter(arguments, target):
    """The stack of the scenario stays if it is one for that adapter."""
    resolved = scenario_of(build_parser(COMMANDS).parse_args(["run", *arguments])).target
    assert (resolved.adapter, resolved.stack) == target


def test_a_stack_that_the_adapter_cannot_use_is_refused(capsys):
    assert main.main(["run", "xmpp-steady", "--stack", "full"]) == Exit.CONFIG
    assert "target.stack must be one of: external, prosody" in capsys.readouterr().err


def test_a_scenario_of_the_library_can_be_printed_and_run_from_the_copy(capsys):
    assert main.main(["list", "--show", "broker-failure"]) == Exit.OK
    text = capsys.readouterr().out
    assert loader.parse(text, "copy") == library.find("broker-failure")


def test_printing_an_unknown_scenario_names_the_known_ones(capsys):
    assert main.main(["list", "--show", "none-such"]) == Exit.CONFIG
    assert "--show must be one of: blue-green" in capsys.readouterr().err


def test_a_dry_run_prints_the_scenario_with_its_overrides_and_starts_nothing(
    tmp_path, monkeypatch, capsys
):
    monkeypatch.chdir(tmp_path)
    assert main.main(["run", "tour", "--users", "50", "--rate", "90/m", "--dry-run"]) == Exit.OK
    scenario = loader.parse(capsys.readouterr().out, "printed")
    assert (scenario.name, scenario.load.users, scenario.load.rate) == ("tour", 50, 1.5)
    assert scenario.faults == library.find("tour").faults
    assert list(tmp_path.iterdir()) == []


def test_settings_and_objectives_of_a_file_change_the_scenario(tmp_path, capsys):
    """An option for one key, such as --users, counts more than --set."""
    (tmp_path / "sla.yaml").write_text(
        'sla:\n  - {id: x, indicator: ack_p99_ms, op: "<", value: 77}\n'
    )
    arguments = ["run", "steady", "--set", "load.bodies.kind=fixed", "--set", "load.users=30"]
    arguments += ["--users", "20", "--sla", str(tmp_path / "sla.yaml"), "--dry-run"]
    assert main.main(arguments) == Exit.OK
    scenario = loader.parse(capsys.readouterr().out, "printed")
    assert (scenario.load.bodies.kind, scenario.load.users) == ("fixed", 20)
    assert scenario.sla[-1].value == 77


@pytest.mark.parametrize(
    ("fields", "message"),
    [
        ("value: +10%, relative_to: baseline", "use gauntlet gate"),
        ("value: 5, window: 'fault:none'", "the window of 'x' must be one of: steady, run"),
    ],
)
def test_objectives_that_do_not_fit_one_run_are_refused(tmp_path, capsys, fields, message):
    file = tmp_path / "sla.yaml"
    file.write_text(f'sla:\n  - {{id: x, indicator: ack_p99_ms, op: "<", {fields}}}\n')
    assert main.main(["run", "steady", "--sla", str(file), "--dry-run"]) == Exit.CONFIG
    assert message in capsys.readouterr().err


def test_a_dry_run_of_an_impossible_run_is_refused(capsys):
    assert main.main(["run", "tour", "--workers", "999", "--dry-run"]) == Exit.CONFIG
    assert (
        "--workers must be between 1 and 100 (at least 2 users per worker); got 999"
        in capsys.readouterr().err
    )


def test_a_full_disk_ends_in_one_line(monkeypatch, capsys):
    """/dev/full accepts no byte, like a file on a disk without space."""

    def fill(_options):
        with Path("/dev/full").open("wb", buffering=0) as file:
            file.write(b"x")

    monkeypatch.setattr("gauntlet.cli.doctor.run", fill)
    assert main.main(["doctor"]) == Exit.HARNESS
    assert capsys.readouterr().err == "gauntlet: the disk is full (No space left on device)\n"


def test_a_file_that_cannot_be_written_ends_in_one_line(tmp_path, monkeypatch, capsys):
    """A folder in the place of a file, a read-only disk, or a file of another user."""
    monkeypatch.setattr("gauntlet.cli.doctor.run", lambda _options: tmp_path.write_text("x"))
    assert main.main(["doctor"]) == Exit.HARNESS
    assert capsys.readouterr().err == f"gauntlet: {tmp_path}: is a directory\n"


def test_an_error_of_the_system_about_no_file_is_a_defect(monkeypatch, capsys):
    def fail(_options):
        raise ConnectionResetError

    monkeypatch.setattr("gauntlet.cli.doctor.run", fail)
    assert main.main(["doctor"]) == Exit.HARNESS
    assert "Traceback" in capsys.readouterr().err


@pytest.mark.parametrize("arguments", [["run", "x" * 5000], ["judge", "x" * 5000]])
def test_a_name_that_is_too_long_is_bad_usage(arguments, capsys):
    assert main.main(arguments) == Exit.CONFIG
    assert capsys.readouterr().err.endswith("file name too long\n")
