"""What a run exports while it lasts: its live figures, for Prometheus and for OpenTelemetry."""

import argparse
import uuid
from contextlib import ExitStack

from gauntlet.core.errors import ConfigError
from gauntlet.core.scenario.model import Scenario
from gauntlet.runner.exporter.otlp import collector, request
from gauntlet.runner.exporter.otlp.exporter import OtlpExporter
from gauntlet.runner.exporter.recorder import Recorder
from gauntlet.runner.exporter.server import MetricsServer
from gauntlet.runner.view import View


def begin(scenario: Scenario, options: argparse.Namespace, view: View, exported: ExitStack) -> View:
    """Export what a view shows until `exported` is closed; return the view to be used in its place.

    That view closes `exported` when it is left, which is before a large history is judged: other
    threads would keep the judge from forking processes.

    ConfigError if an option of the export is not possible. Without such options, and in a run that
    a Locust has started, nothing is exported.
    """
    port, url = getattr(options, "metrics_port", None), getattr(options, "otlp", None)
    if url is None and getattr(options, "otlp_headers", None):
        raise ConfigError("--otlp-header needs --otlp URL")
    if port is None and url is None:
        return view
    recorder = Recorder(view, scenario, options.labels)
    recorder.on_exit = exported.close
    if url is not None:
        target = collector.parse(url, options.otlp_headers, allow_exec=options.allow_exec)
        described = resource(scenario, options.labels)
        exported.enter_context(OtlpExporter(target, recorder.families, described, view.note))
    if port is not None:
        server = MetricsServer(options.metrics_host, port, recorder.page)
        exported.enter_context(server)
        view.note(f"metrics: {server.url}")
    return recorder


def resource(scenario: Scenario, labels: dict[str, str]) -> dict[str, str]:
    """Return what describes a run in OpenTelemetry, by the names of its conventions."""
    target = scenario.target
    return {
        "service.name": "gauntlet",
        "service.version": request.version(),
        "service.instance.id": str(uuid.uuid4()),
        "gauntlet.scenario": scenario.name,
        "gauntlet.seed": str(scenario.seed),
        "gauntlet.stack": target.stack,
        "gauntlet.adapter": target.adapter,
        **{f"gauntlet.label.{key}": value for key, value in labels.items()},
    }
