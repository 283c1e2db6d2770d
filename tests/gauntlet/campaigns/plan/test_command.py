"""`gauntlet plan`, as users call it."""

import csv
import json

import pytest

from gauntlet.cli.main import main

from .example import capacity, encoded

SCALING = "n,throughput\n" + "".join(
    f"{n},{1000 * n / (1 + 0.05 * (n - 1) + 0.0005 * n * (n - 1)):.3f}\n"
    for n in (1, 2, 4, 8, 16, 32, 48, 64)
)
PRICES = """
currency: EUR
per_hour: {small: 0.1}
tiers: {edge: small, message: small, database: small}
"""


@pytest.fixture
def folder(tmp_path, monkeypatch):
    """A working directory with a record, prices and scaling data."""
    (tmp_path / "capacity.json").write_bytes(encoded(capacity()))
    (tmp_path / "prices.yaml").write_text(PRICES)
    (tmp_path / "scaling.csv").write_text(SCALING)
    monkeypatch.chdir(tmp_path)
    return tmp_path


def test_a_plan_is_printed_and_written_as_page_table_and_data(folder, capsys):
    arguments = ["--users", "1M", "--growth", "5%/month", "--prices", "prices.yaml"]
    assert main(["plan", *arguments, "capacity.json"]) == 0
    printed = capsys.readouterr().out
    (written,) = (folder / "runs" / "plan").iterdir()
    assert printed.splitlines()[-1] == f"plan-directory: runs/plan/{written.name}"
    plan = json.loads((written / "plan.json").read_text())
    assert plan["schema_version"] == 1
    assert plan["answer"].split()[0] in printed
    assert plan["costs"]["currency"] == "EUR"
    assert next(csv.reader((written / "plan.csv").read_text().splitlines()))[0] == "section"
    assert "<h2>Nodes</h2>" in (written / "plan.html").read_text()


def test_the_help_shows_every_option_with_its_default(capsys):
    with pytest.raises(SystemExit) as ended:
        main(["plan", "--help"])
    assert ended.value.code == 0
    text = " ".join(capsys.readouterr().out.split())
    for part in ("--users", "(default: 25%)", "(default: 60%)", "(default: 5s-15s)", "--from CSV"):
        assert part in text


def test_every_option_reaches_the_plan(folder, capsys):
    options = {
        "--users": ("2M", "users", 2e6),
        "--messages-per-user-day": ("50", "messages_per_user_day", 50),
        "--peak-factor": ("4", "peak_factor", 4),
        "--online-share": ("30%", "online_share", 0.3),
        "--deliveries-per-message": ("2", "deliveries_per_message", 2),
        "--connects-per-user-day": ("6", "connects_per_user_day", 6),
        "--growth": ("10%/month", "growth_per_month", 0.1),
        "--months": ("6", "months", 6),
        "--zones": ("2", "zones", 2),
        "--utilisation": ("50%", "utilisation", 0.5),
        "--utilisation-after-loss": ("70%", "utilisation_after_loss", 0.7),
        "--core-speed": ("1.5", "core_speed", 1.5),
        "--node-cores": ("8", "node_cores", 8),
        "--node-memory": ("32GB", "node_memory_bytes", 32e9),
        "--detection": ("1s-2s", "detection_s", [1, 2]),
        "--reroute": ("4s", "reroute_s", 4),
        "--retention-months": ("3", "retention_months", 3),
    }
    arguments = [part for name, (text, _, _) in options.items() for part in (name, text)]
    assert main(["plan", *arguments, "--json", "--start", "2026-12-01", "capacity.json"]) == 0
    inputs = {each["name"]: each for each in json.loads(capsys.readouterr().out)["inputs"]}
    assert {name: inputs[name]["value"] for _, name, _ in options.values()} == {
        name: pytest.approx(value) for _, name, value in options.values()
    }
    assert {each["basis"] for each in inputs.values()} == {"given"}


@pytest.mark.parametrize(
    ("arguments", "problem"),
    [
        (["capacity.json"], "--users must be given"),
        (["--users", "1M"], "RECORD"),
        (["--users", "many", "capacity.json"], "--users must be a number"),
        (["--users", "1M", "none.json"], "none.json"),
        (["--users", "1M", "--growth", "5%", "capacity.json"], "--growth must be"),
        (["--users", "1M", "--growth", "-100%/month", "capacity.json"], "--growth must be"),
        (["--users", "-1", "capacity.json"], "--users must be a number above zero"),
        (["--users", "1M", "--detection", "-5s", "capacity.json"], "--detection"),
        (["--users", "1M", "--zones", "0", "capacity.json"], "--zones must be between 1 and 20"),
        (["--users", "1M", "--months", "999", "capacity.json"], "--months must be"),
        (["--users", "1M", "--retention-months", "0", "capacity.json"], "--retention-months"),
        (["--users", "1M", "--peak-factor", "0.5", "capacity.json"], "--peak-factor"),
        (["--users", "1M", "--prices", "none.yaml", "capacity.json"], "none.yaml"),
        (["--users", "1M", "--out", "capacity.json", "capacity.json"], "--out"),
        (["--from", "scaling.csv", "--users", "1M"], "--from cannot be combined"),
        (["--from", "scaling.csv", "capacity.json"], "--from cannot be combined"),
        (["--from", "none.csv"], "none.csv"),
    ],
)
@pytest.mark.usefixtures("folder")
def test_bad_input_exits_with_4_and_says_what_is_wrong(arguments, problem, capsys):
    assert main(["plan", *arguments]) == 4
    assert problem in capsys.readouterr().err


def test_a_demand_that_shrinks_is_given_without_an_equals_sign(folder, capsys):
    options = ["--users", "1M", "--growth", "-5%/month", "--json", "capacity.json"]
    assert main(["plan", *options]) == 0
    inputs = {each["name"]: each for each in json.loads(capsys.readouterr().out)["inputs"]}
    assert inputs["growth_per_month"]["value"] == pytest.approx(-0.05)


def test_scaling_data_is_fitted(folder, capsys):
    assert main(["plan", "--from", "scaling.csv"]) == 0
    assert "The throughput is highest at n = 43.6" in capsys.readouterr().out
    (written,) = (folder / "runs" / "plan").iterdir()
    assert sorted(file.name for file in written.iterdir()) == ["scaling.html", "scaling.json"]


def test_scaling_data_before_the_knee_is_inconclusive(folder, capsys):
    (folder / "scaling.csv").write_text("n,throughput\n1,10\n2,21\n3,29\n4,41\n5,49\n6,61\n")
    assert main(["plan", "--from", "scaling.csv", "--json"]) == 5
    assert "knee was not seen" in json.loads(capsys.readouterr().out)["refused"]
