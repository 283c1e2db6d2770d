"""Small run directories, with as much as lists and comparisons read."""

import json
import os
import time

from gauntlet.core import labels
from gauntlet.core.run_directory import RunDir


def save(folder, name, *, scenario="steady", started=0, status="pass", labelled=None, age_s=3600):
    """Write a run with a manifest, and with a result unless `status` is None."""
    run = RunDir.make(folder / name)
    manifest = {"scenario": {"name": scenario}, "seed": 7, "clock": {"wall_ns": started}}
    run.manifest.write_text(json.dumps(manifest))
    if status is not None:
        result = {"verdict": {"status": status}, "self_audit": {"status": "trustworthy"}}
        run.result.write_text(json.dumps(result))
    if labelled:
        labels.change(run, labelled)
    for path in (*run.path.rglob("*"), run.path):
        then = time.time() - age_s
        os.utime(path, (then, then))
    return run
