"""Which options export what."""

import argparse
import io
import json
import socket
import threading
from contextlib import ExitStack

import pytest
from rich.console import Console

from gauntlet.cli.running import exporting
from gauntlet.cli.running.progress import PlainView
from gauntlet.core.errors import ConfigError
from gauntlet.core.scenario.model import from_builtins
from gauntlet.runner.exporter.otlp import client, exporter
from gauntlet.runner.exporter.recorder import Recorder

SCENARIO = from_builtins({"version": 1, "name": "shown", "about": "x", "seed": 7})


def options(**changes):
    """The options of `gauntlet run` that concern exports."""
    without = {"metrics_port": None, "metrics_host": "127.0.0.1", "otlp": None, "otlp_headers": []}
    return argparse.Namespace(**{**without, "labels": {}, "allow_exec": False, **changes})


def begin(given):
    out = io.StringIO()
    view = PlainView(Console(file=out, width=200))
    with ExitStack() as exported:
        used = exporting.begin(SCENARIO, given, view, exported)
    return view, used, out.getvalue()


@pytest.mark.parametrize("given", [options(), argparse.Namespace(labels={})])
def test_without_options_and_below_a_locust_nothing_is_exported(given):
    view, used, shown = begin(given)
    assert used is view
    assert shown == ""


def test_a_run_for_prometheus_says_where_its_metrics_are():
    _, used, shown = begin(options(metrics_port=0))
    assert isinstance(used, Recorder)
    assert shown.startswith("metrics: http://127.0.0.1:")


def test_a_run_for_opentelemetry_names_a_collector_that_is_not_there():
    _, used, shown = begin(options(otlp="http://127.0.0.1:9"))
    assert isinstance(used, Recorder)
    assert "otlp: http://127.0.0.1:9/v1/metrics: " in shown
    assert "otlp: 1 of 1 exports failed" in shown


@pytest.fixture
def silent_url():
    """The address of a collector that takes connections and never answers."""
    with socket.create_server(("127.0.0.1", 0)) as silent:
        yield f"http://127.0.0.1:{silent.getsockname()[1]}"


@pytest.mark.parametrize("option", ["otlp", "metrics_port"])
def test_exports_end_with_the_view(option, silent_url, monkeypatch):
    """A large history is judged after that by forked processes, which threads would prevent."""
    monkeypatch.setattr(exporter, "LAST_EXPORT_S", 0.2)
    monkeypatch.setattr(exporter, "ENDED_EXPORT_S", 30.0)
    monkeypatch.setattr(client, "TIMEOUT_S", 60.0)
    given = options(**{option: {"otlp": silent_url, "metrics_port": 0}[option]})
    view = PlainView(Console(file=io.StringIO()))
    before = set(threading.enumerate())
    with ExitStack() as exported:
        with exporting.begin(SCENARIO, given, view, exported) as used:
            used.phase("audit")
            assert set(threading.enumerate()) - before
        assert not set(threading.enumerate()) - before


@pytest.mark.parametrize(
    ("given", "message"),
    [
        ({"otlp": "collector"}, "--otlp must be"),
        ({"otlp_headers": ["A={env: HOME}"]}, "--otlp-header needs --otlp URL"),
        ({"otlp": "http://127.0.0.1:9", "otlp_headers": ["A=x"]}, "must be a reference"),
    ],
)
def test_options_that_are_not_possible_are_errors_before_anything_starts(given, message):
    with pytest.raises(ConfigError, match=message):
        begin(options(**given))


def test_the_resource_describes_the_run_and_the_system_under_test():
    found = exporting.resource(SCENARIO, {"version": "2.3"})
    assert json.loads(json.dumps(found)) == found
    assert found["service.name"] == "gauntlet"
    assert found["gauntlet.scenario"] == "shown"
    assert found["gauntlet.seed"] == "7"
    assert found["gauntlet.stack"] == "embedded"
    assert found["gauntlet.adapter"] == "reference"
    assert found["gauntlet.label.version"] == "2.3"


def test_each_run_is_an_instance_of_its_own():
    ids = {exporting.resource(SCENARIO, {})["service.instance.id"] for _ in range(3)}
    assert len(ids) == 3
