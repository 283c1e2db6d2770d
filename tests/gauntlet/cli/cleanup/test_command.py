"""`gauntlet clean` as a command, up to the point at which it connects."""

import json

import pytest

from gauntlet.cli.main import main
from gauntlet.core.errors import Exit
from gauntlet.core.run_directory import RunDir, write_json
from gauntlet.core.scenario import secrets
from gauntlet.core.scenario.model import from_builtins, to_builtins

NAMES = ("u1a2b3c4d-0-0", "u1a2b3c4d-0-1")
SCENARIO = {
    "version": 1,
    "name": "x",
    "about": "x",
    "target": {"adapter": "mqtt", "stack": "external", "url": ["ws://127.0.0.1:9"]},
}


@pytest.fixture
def make_run(tmp_path):
    """A function that writes a run directory with two connected users."""

    def make(tag="1a2b3c4d-", **target):
        whole = {**SCENARIO, "target": {**SCENARIO["target"], **target}}
        (tmp_path / "s.yaml").write_text(json.dumps(whole))  # JSON is YAML
        run = RunDir.make(tmp_path / "r")
        scenario = secrets.redacted(to_builtins(from_builtins(whole)))
        write_json(run.manifest, {"scenario": scenario, "tag": tag})
        rows = [{"row": "user", "user": n, "name": name} for n, name in enumerate(NAMES)]
        rows += [{"row": "link", "link": n, "user": n, "device": "d0"} for n in range(2)]
        run.links.write_text("".join(json.dumps(row) + "\n" for row in rows))
        return run

    return make


def test_a_dry_run_prints_what_would_be_removed_and_connects_to_nothing(make_run, capsys):
    run = make_run()
    assert main(["clean", str(run.path), "--dry-run"]) == Exit.OK
    text = capsys.readouterr().out
    assert "2 × session" in text
    assert "would be removed" in text
    assert "Nothing was removed" in text
    assert not run.cleaned.exists()


def test_what_fails_is_counted_and_logged_and_the_exit_code_is_1(make_run, capsys, monkeypatch):
    monkeypatch.setattr("gauntlet.scenarios.cleanup.sessions.CONNECT_TIMEOUT_S", 0.5)
    run = make_run()
    assert main(["clean", str(run.path), "--json"]) == Exit.FAILED
    printed = capsys.readouterr()
    document = json.loads(printed.out)
    assert document["exit_code"] == 1
    assert {row["status"] for row in document["outcomes"]} == {"failed"}
    assert "could not connect" in document["outcomes"][0]["reason"]
    assert "4 of 4 could not be removed" in printed.err
    rows = [json.loads(line) for line in run.cleaned.read_text().splitlines()]
    assert [row["user"] for row in rows].count(NAMES[0]) == 2
    assert run.cleaned.stat().st_mode & 0o077 == 0


def test_a_system_that_was_started_for_the_run_leaves_nothing(make_run, capsys):
    run = make_run(stack="mosquitto", url=[])
    assert main(["clean", str(run.path)]) == Exit.OK
    assert "nothing to remove" in capsys.readouterr().out


def test_an_adapter_without_clean_up_names_what_stays(make_run, capsys):
    run = make_run(adapter="reference")
    rows = [
        {"row": "conv", "conv": 1, "name": "d.x.y", "workload": "direct", "members": [0, 1]},
        {"row": "created", "created": 0, "kind": "account", "name": NAMES[0]},
    ]
    with run.links.open("a") as file:
        file.writelines(json.dumps(row) + "\n" for row in rows)
    assert main(["clean", str(run.path)]) == Exit.OK
    text = capsys.readouterr().out
    assert "Nothing is left that the adapter can remove" in text
    assert text.count("not removed") == 2
    assert "1 × account" in text
    assert "1 × messages" in text


def test_secrets_are_resolved_again_and_literal_ones_come_from_the_scenario(
    make_run, capsys, tmp_path
):
    run = make_run(adapter="xmpp", server={"password": "planted-literal"})
    assert "planted-literal" not in run.manifest.read_text()
    assert main(["clean", str(run.path), "--dry-run"]) == Exit.CONFIG
    assert "--scenario" in capsys.readouterr().err
    scenario = str(tmp_path / "s.yaml")
    assert main(["clean", str(run.path), "--dry-run", "--scenario", scenario]) == Exit.OK


@pytest.mark.parametrize(
    ("reference", "reason"),
    [({"env": "GAUNTLET_ABSENT"}, "GAUNTLET_ABSENT"), ({"command": ["true"]}, "--allow-exec")],
)
def test_a_secret_without_a_value_is_named(make_run, capsys, reference, reason):
    run = make_run(server={"password": reference})
    assert main(["clean", str(run.path)]) == Exit.CONFIG
    assert reason in capsys.readouterr().err


def test_a_host_that_is_not_allowed_is_a_configuration_error(make_run, capsys):
    assert main(["clean", str(make_run(url=["ws://192.0.2.1:9"]).path)]) == Exit.CONFIG
    assert "192.0.2.1" in capsys.readouterr().err


def test_a_run_under_way_is_refused(make_run, capsys):
    run = make_run()
    run.live.write_text("{}\n")
    assert main(["clean", str(run.path)]) == Exit.CONFIG
    assert "must be a run that has ended" in capsys.readouterr().err
    run.result.write_text("{}")
    assert main(["clean", str(run.path), "--dry-run"]) == Exit.OK


@pytest.mark.parametrize("manifest", [{}, {"scenario": {}}, {"scenario": SCENARIO}])
def test_a_directory_that_does_not_say_what_it_created_is_refused(tmp_path, capsys, manifest):
    run = RunDir.make(tmp_path / "r")
    write_json(run.manifest, manifest)
    assert main(["clean", str(run.path)]) == Exit.CONFIG
    assert "manifest" in capsys.readouterr().err
