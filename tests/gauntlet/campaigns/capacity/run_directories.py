"""Run directories as a run leaves them, with the parts that a trial reads."""

import json

from gauntlet.core.run_directory import RunDir, write_json

SECONDS = 12
ZERO_NS = 5_000_000_000
COMPONENTS = [
    {"name": "edge-1", "role": "edge", "disk": False},
    {"name": "message-1", "role": "message", "disk": True},
]


def result(status="pass", code=0, **changes):
    """Return a result: a ramp of two seconds, eight seconds of load, two of quiesce."""
    sent = [0, 0, *[50] * 8, 0, 0]
    series = {
        "second": list(range(SECONDS)),
        "sent": sent,
        "acked": sent,
        "delivered": [2 * count for count in sent],
        "connections": [0, 20, *[40] * 10],
        "connects": [20, 20, *[3] * 8, 0, 0],
    }
    return {
        "schema_version": 1,
        "run": {"scenario": "short", "seed": 1, "stack": "embedded", "adapter": "reference"},
        "verdict": {"status": status, "exit_code": code, "reasons": ["It was so."]},
        "counts": {},
        "checks": [],
        "objectives": [],
        "faults": [],
        "windows": [
            {"name": "steady", "from_s": 2.0, "to_s": 10.0, "without": [], "unknown": ""},
            {"name": "run", "from_s": 2.0, "to_s": None, "without": [], "unknown": ""},
        ],
        "latency": {},
        "series": series,
        "self_audit": {"status": "trustworthy", "sentence": "All was well."},
        **changes,
    }


def vitals(second):
    """Return the row of the second before; components are busy in the steady load only."""
    busy = 1.0 if 2 < second <= 10 else 0.0
    return {
        "t_ns": ZERO_NS + second * 1_000_000_000,
        "kind": "vitals",
        "component_cores": {"edge-1": 0.02 + 0.1 * busy, "message-1": 0.2 * busy},
        "component_rss_bytes": {"edge-1": 5e7, "message-1": 6e7},
        "component_io_bytes_per_s": {"edge-1": 9e4 * busy, "message-1": 8e4 * busy},
        "database_bytes": {"messages-db": 40_960 + 15_000 * min(max(second - 2, 0), 8)},
    }


def make(path, found=None, rows=None):
    """Return a run directory with a result."""
    run = RunDir.make(path)
    write_json(
        run.manifest,
        {
            "schema_version": 1,
            "scenario": {"load": {}},
            "stack": {"name": "embedded", "components": COMPONENTS},
        },
    )
    write_json(run.result, found or result())
    write_rows(run, "load-0", [{"t_ns": ZERO_NS, "kind": "phase", "phase": "ramp"}])
    write_rows(run, "vitals", rows or [vitals(second) for second in range(1, SECONDS + 1)])
    return run


def write_rows(run, name, rows):
    """Write a journal of a run."""
    lines = "".join(f"{json.dumps(row)}\n" for row in rows)
    (run.events / f"{name}.jsonl").write_text(lines)
