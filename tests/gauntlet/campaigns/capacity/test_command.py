"""gauntlet capacity as a command, with trials that a test decides about."""

import csv
import json

import msgspec
import pytest

from gauntlet.campaigns.capacity import record
from gauntlet.campaigns.capacity.outputs import writing
from gauntlet.campaigns.capacity.trials import Runner
from gauntlet.cli import main
from gauntlet.core.errors import Exit

from .test_campaign import Simulated

MINE = """\
version: 1
name: mine
about: x
load: {users: 40, rate: 50/s, ramp: 2s, steady: 8s, workload: {group: {size: 10}}}
"""


@pytest.fixture
def system(tmp_path, monkeypatch):
    """Replace the child processes by a simulated system."""
    monkeypatch.chdir(tmp_path)
    (tmp_path / "mine.yaml").write_text(MINE)
    simulated = Simulated()

    def run(runner, request):
        simulated.options = runner._options
        return simulated.run(request)

    monkeypatch.setattr(Runner, "run", run)
    return simulated


def capacity(*options):
    return main.main(["capacity", "mine.yaml", *options])


def found_record(tmp_path, capsys):
    """Return the record that the last line of the output leads to."""
    key, folder = capsys.readouterr().out.splitlines()[-1].split(": ")
    assert key == "capacity-directory"
    return tmp_path / folder, record.read(tmp_path / folder / "capacity.json")


def test_a_campaign_writes_its_record_and_its_table(system, tmp_path, capsys):
    assert capacity("--label", "version=1.4", "--bug", "slow_commits") == Exit.OK
    folder, found = found_record(tmp_path, capsys)
    assert found.sustainable[0].low <= system.capacity < found.sustainable[0].high
    assert found.system.labels == {"version": "1.4"}
    assert system.options == ("--label=version=1.4", "--bug", "slow_commits")
    rows = list(csv.DictReader((folder / "capacity.csv").read_text().splitlines()))
    assert rows[0]["kind"] == "sustainable"
    assert float(rows[0]["low"]) == found.sustainable[0].low
    assert {row["kind"] for row in rows} == {"sustainable", "unit-cost", "trial"}
    lines = (folder / "records.jsonl").read_text().splitlines()
    assert len(lines) == len(found.trials)


def test_the_records_are_those_of_an_option(system, capsys):
    assert capacity("--records", "own.jsonl", "--no-unit-costs") == Exit.OK
    made = len(system.made)
    assert capacity("--records", "own.jsonl", "--no-unit-costs") == Exit.OK
    assert len(system.made) == made


def test_records_made_with_another_file_of_metrics_are_not_used(system, tmp_path, capsys):
    series = {"component": "server", "resource": "cpu_s", "series": "cpu_seconds_total"}
    for scale, used in ((1, False), (1, True), (2, False)):
        metrics = {"version": 1, "prometheus": "http://127.0.0.1:1/"}
        plain = {**metrics, "series": [{**series, "scale": scale}]}
        (tmp_path / "metrics.yaml").write_text(json.dumps(plain))
        options = ("--metrics", "metrics.yaml", "--records", "own.jsonl", "--no-unit-costs")
        assert capacity(*options) == Exit.OK
        assert ("are in own.jsonl already" in capsys.readouterr().out) is used


def test_every_disturbance_and_both_searches_are_made_in_their_order(system, tmp_path, capsys):
    options = ("--during", "n-1", "--during", "steady", "--search", "both", "--no-unit-costs")
    system.capacity = 60
    capacity(*options, "--trials", "4", "--repeats", "1")
    _, found = found_record(tmp_path, capsys)
    assert [(each.what, each.during) for each in found.sustainable] == [
        ("rate_per_s", "steady"),
        ("connections", "steady"),
        ("rate_per_s", "n-1"),
        ("connections", "n-1"),
    ]


@pytest.mark.parametrize(
    "workload",
    [
        "{group: {size: 10}}",
        "{slow_consumer: {size: 10}}",
        "{member_changes: {size: 10}}",
        "{group: {size: 5, sizes: [[3, 1], [10, 1]]}}",
        "{group: {size: 10, sizes: [[3, 1]]}}",
        "{group: {size: 5}, slow_consumer: {size: 10}}",
    ],
)
def test_connections_are_not_fewer_than_the_members_of_a_room(system, tmp_path, capsys, workload):
    (tmp_path / "mine.yaml").write_text(MINE.replace("{group: {size: 10}}", workload))
    system.capacity = 0
    capacity("--search", "connections", "--no-unit-costs", "--repeats", "1")
    assert min(each.level for each in system.made) == 10
    _, found = found_record(tmp_path, capsys)
    assert "refused" not in {each.outcome for each in found.trials}


def test_without_a_search_only_unit_costs_are_learnt(system, tmp_path, capsys):
    assert capacity("--search", "none") == Exit.OK
    _, found = found_record(tmp_path, capsys)
    assert found.sustainable == ()
    assert {each.step for each in found.trials} >= {"direct", "rooms", "handshakes-25"}
    assert max(each.level for each in found.trials) < 50
    assert found.unit_costs


@pytest.mark.parametrize(
    ("options", "message"),
    [
        (["--resolution", "99%"], "--resolution must be between"),
        (["--resolution", "x"], "--resolution must be a percentage"),
        (["--repeats", "0"], "--repeats must be between"),
        (["--trials", "0"], "--trials must be between"),
        (["--start", "nan"], "--start must be between"),
        (["--start", "0"], "--start must be between 1 and 1e+06; got 0"),
        (["--start", "100", "--max", "50"], "--max must be between"),
        (["--max", "nan"], "--max must be between"),
        (["--storm-percent", "0"], "--storm-percent must be above 0"),
        (["--during", "sometimes"], "--during"),
        (["--metrics", "absent.yaml"], "the file of metrics absent.yaml cannot be read"),
        (["--label", "no"], "a label must be KEY=VALUE"),
        (["--set", "load.profile.kind=diurnal"], "--set"),
    ],
)
def test_an_option_that_is_not_valid_starts_nothing(system, capsys, options, message):
    assert capacity(*options) == Exit.CONFIG
    assert message in capsys.readouterr().err
    assert system.made == []


def test_an_objective_on_a_window_that_no_trial_has_is_refused(system, tmp_path, capsys):
    objective = {"id": "x", "indicator": "delivery_p99_ms", "op": "<", "value": 1}
    file = tmp_path / "sla.yaml"
    file.write_text(json.dumps({"sla": [{**objective, "window": "fault:n-1"}]}))
    assert capacity("--sla", "sla.yaml") == Exit.CONFIG
    assert "the window of 'x' must be one of: run, steady" in capsys.readouterr().err
    assert capacity("--sla", "sla.yaml", "--during", "n-1", "--no-unit-costs") == Exit.OK


def test_a_relative_objective_is_refused(system, tmp_path, capsys):
    objective = {"id": "x", "indicator": "delivery_p99_ms", "op": "<", "value": "+10%"}
    file = tmp_path / "sla.yaml"
    file.write_text(json.dumps({"sla": [{**objective, "relative_to": "baseline"}]}))
    assert capacity("--sla", "sla.yaml") == Exit.CONFIG
    assert "absolute objectives" in capsys.readouterr().err


def test_the_published_schema_describes_every_key_of_the_record(system, tmp_path, capsys):
    capacity()
    folder, found = found_record(tmp_path, capsys)
    plain = json.loads((folder / "capacity.json").read_text())
    assert msgspec.json.decode(msgspec.json.encode(found)) == plain
    described = writing.schema()["$defs"]
    assert plain.keys() == described["Capacity"]["properties"].keys()
    assert plain["unit_costs"][0].keys() == described["UnitCost"]["properties"].keys()
    assert plain["trials"][0].keys() == described["Trial"]["properties"].keys()
