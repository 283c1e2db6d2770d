"""Run directories to compare, generated from a few figures."""

import copy
import json
import math
from types import SimpleNamespace

import numpy as np

from gauntlet.core import labels
from gauntlet.core.run_directory import RunDir

SCENARIO = {
    "name": "steady",
    "load": {"users": 20, "rate": 40.0},
    "faults": [{"id": "crash", "kind": "kill", "at": 5.0}],
    "target": {"adapter": "reference", "stack": "embedded"},
}
FIGURES = [{"id": "others", "typical": 0.1}]


def table(values, samples=None):
    """Return a row of percentiles."""
    names = {"p50": 0.5, "p90": 0.9, "p95": 0.95, "p99": 0.99, "p999": 0.999, "max": 1.0}
    row = {name: float(np.quantile(values, q)) for name, q in names.items()}
    return {**row, "samples": samples or values.size, "censored": 0, "at_least": []}


def documents(*, factor=1.0, seconds=60, seed=0, per_second=100, cores=0.5):
    """Return the result and the manifest of a run whose latencies are `factor` times the usual."""
    generator = np.random.default_rng(seed)
    ms = 10 * factor * np.exp(0.3 * generator.normal(size=(seconds, per_second)))
    percentiles = {
        f"{kind}_{name}_ms": np.quantile(ms, q, axis=1).tolist()
        for kind in ("ack", "delivery")
        for name, q in (("p50", 0.5), ("p99", 0.99), ("max", 1.0))
    }
    rates = (per_second + generator.integers(-3, 4, seconds)).tolist()
    series = {"second": list(range(seconds)), "sent": rates, "acked": rates, "delivered": rates}
    windows = {"steady": table(ms), "run": table(ms)}
    result = {
        "schema_version": 1,
        "run": {"scenario": "steady", "seed": 1, "stack": "embedded", "adapter": "reference"},
        "verdict": {"status": "pass", "exit_code": 0, "reasons": []},
        "counts": {
            "ops": ms.size, "acked": ms.size, "rejected": 0, "unknown": 0, "expected": ms.size,
            "missing": 0, "resynced": 0,
        },
        "checks": [{"id": "lost-acked", "verdict": "valid", "count": 0}],
        "objectives": [],
        "faults": [{"id": "crash", "recovery_ms": 400.0 * factor}],
        "windows": [
            {"name": "steady", "from_s": 0.0, "to_s": float(seconds), "without": []},
            {"name": "run", "from_s": 0.0, "to_s": None, "without": []},
        ],
        "latency": {"ack": windows, "delivery": copy.deepcopy(windows), "lag": dict(windows)},
        "series": {**series, **percentiles},
        "self_audit": {"status": "trustworthy", "figures": copy.deepcopy(FIGURES)},
    }  # fmt: skip
    manifest = {
        "schema_version": 1,
        "scenario": copy.deepcopy(SCENARIO),
        "versions": {"im-gauntlet": "0.1.0"},
        "machine": {"system": "Linux 6", "cores": 2, "memory_mb": 8000},
        "adapter": {"name": "reference"},
        "stack": {"name": "embedded", "components": [{"name": "edge-1", "build": "compiled"}]},
        "proxy": {"backend": None},
        "cores": cores,
    }
    return result, manifest


def save(folder, name, *, change=None, labelled=None, **figures):
    """Write a run; `change` receives it with its result and its manifest."""
    result, manifest = documents(**figures)
    cores = manifest.pop("cores")
    if change is not None:
        change(SimpleNamespace(result=result, manifest=manifest))
    run = RunDir.make(folder / name)
    run.result.write_text(json.dumps(result).replace("Infinity", '"inf"'))
    run.manifest.write_text(json.dumps(manifest))
    rows = [{"cores": {"stack": cores + 0.01 * math.sin(at)}} for at in range(30)]
    (run.events / "vitals.jsonl").write_text("".join(json.dumps(row) + "\n" for row in rows))
    if labelled:
        labels.change(run, labelled)
    return run.path
