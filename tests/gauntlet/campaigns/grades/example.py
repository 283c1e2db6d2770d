"""A record for tests."""

from gauntlet.campaigns.grades import page, systems
from gauntlet.campaigns.grades.records import Record


def record(name="nats/core/kill", **changes):
    """Return a record of a cell; by default of a run that passed."""
    (cell,) = systems.chosen([name])
    fields = {
        "system": cell.system.name,
        "configuration": cell.configuration.name,
        "experiment": cell.experiment.name,
        "server": "nats-server: v2.10.0",
        "commit": "abc",
        "seed": systems.SEED,
        "scenario": systems.digest(cell),
        "verdict": "pass",
        "exit_code": 0,
        "grades": dict.fromkeys(page.ASPECTS, "A"),
        "counts": {"acked": 280, "ops": 280, "handed_over": 0},
        "violations": [],
        "unknown": [],
        "command": systems.command(cell),
        "date": "2026-11-28",
    }
    return Record(**{**fields, **changes})
