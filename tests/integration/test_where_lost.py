"""What a broken server loses is labelled with the stage at which it was lost."""

from pathlib import Path

import numpy as np
import pytest
import yaml

from gauntlet.cli import main
from gauntlet.core.history import Kind
from gauntlet.core.run_directory import RunDir
from gauntlet.reports.trails import where_lost
from gauntlet.reports.trails.reading import read_trails
from gauntlet.reports.verdict.judge import history_of

from . import lost_at_each_stage
from .lost_at_each_stage import STAGES, stage_of
from .running_stack import BOTH_STACKS, SERVICES

pytestmark = pytest.mark.integration
BUG = Path(lost_at_each_stage.__file__)


@pytest.fixture(scope="module", params=BOTH_STACKS)
def run(request, tmp_path_factory, require_service):
    """Return the run directory of a short load on the broken server."""
    for service in SERVICES[request.param]:
        require_service(service)
    folder = tmp_path_factory.mktemp("lost")
    scenario = {
        "version": 1, "name": "lost", "about": "Direct messages on a broken server.",
        "target": {"stack": request.param},
        "load": {
            "users": 8, "workload": {"direct": 1}, "rate": "20/s", "ramp": "2s", "steady": "10s",
            "lag_budget_ms": 500,
        },
    }  # fmt: skip
    file = folder / "lost.yaml"
    file.write_text(yaml.safe_dump(scenario))
    out = str(folder / "runs")
    assert main.main(["run", str(file), "--bug", str(BUG), "--plain", "--out", out]) == 1
    (path,) = (folder / "runs").iterdir()
    return RunDir.open(path)


def test_what_is_lost_at_each_stage_has_the_right_label(run):
    history, trails = history_of(run), read_trails(run, run.read_events())
    messages, found = history.messages, []
    audited = history.records["conv"][history.records["kind"] == Kind.HEAD]
    missing = messages.acked & ~messages.stored & np.isin(messages.conv, audited)
    for message in np.flatnonzero(missing):
        label = where_lost.of_missing(history, trails, int(message)).label
        found.append((stage_of(history.conv_of(message)), label))
    expected = history.expected
    for at in np.flatnonzero(expected.missing & messages.stored[expected.message]):
        message, session = int(expected.message[at]), int(expected.session[at])
        label = where_lost.of_undelivered(history, trails, message, session).label
        found.append((stage_of(history.conv_of(message)), label))
    assert set(found) == {(stage, stage) for stage in STAGES}


def test_the_witnesses_of_the_result_have_labels(run):
    checks = {check["id"]: check for check in run.read_result()["checks"]}
    for name in ("lost-acked", "undelivered"):
        labels = {witness["where_lost"]["label"] for witness in checks[name]["witnesses"]}
        assert labels
        assert labels <= set(STAGES)


def test_the_trails_hold_no_bodies_and_no_tokens(run):
    text = "".join(file.read_text() for file in run.server.iterdir())
    assert '"committed"' in text
    for word in ("body", "token", "secret"):
        assert word not in text
