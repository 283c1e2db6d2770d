"""Complete runs in a process of their own, and what may be expected of them on a busy machine."""

import subprocess
from pathlib import Path
from typing import Any

from gauntlet.core.errors import Exit
from gauntlet.core.run_directory import RunDir
from gauntlet.reports.metrics.harness_health import STALL_FIGURES, STALL_SHARE, TRUSTED
from gauntlet.stacks import subprocesses


def run_judged(folder: Path, expected: Exit, *arguments: str) -> tuple[int, dict[str, Any], str]:
    """Run `gauntlet run …`; return its exit code, its result and its output.

    The run is repeated once if the machine was the cause of an unexpected exit code: a machine that
    is too busy for the generator makes a run inconclusive, and one whose CPU is saturated or whose
    disk stalls may make a good server miss an objective. A failed check is never repeated.
    """
    for attempt in ("first", "second"):
        done = subprocess.run(
            subprocesses.python("gauntlet", "run", *arguments, "--plain", "--out", attempt),
            cwd=folder,
            capture_output=True,
            text=True,
            timeout=300,
            check=False,
        )
        (run,) = (folder / attempt).iterdir()
        result = RunDir.open(run).read_result()
        if done.returncode == expected or not _is_caused_by_machine(done.returncode, result):
            break
    return done.returncode, result, done.stdout + done.stderr


def _is_caused_by_machine(code: int, result: dict[str, Any]) -> bool:
    """Return whether a run is inconclusive, or only missed objectives while the machine was slow.

    The figures of the harness's self-audit show whether the machine was slow.
    """
    if code != Exit.FAILED:
        return code == Exit.INCONCLUSIVE
    audit = result["self_audit"]
    was_stalled = any(
        figure["id"] in STALL_FIGURES and figure["worst"] >= STALL_SHARE
        for figure in audit["figures"]
    )
    was_slow = audit["status"] != TRUSTED or was_stalled
    return was_slow and all(check["verdict"] != "invalid" for check in result["checks"])


def passes(code: int, result: dict[str, Any]) -> bool:
    """Return whether a run passed, apart from what a busy machine left unknown.

    On a busy machine, latencies say nothing about the code, and a service may need longer to
    recover than the scenario allows it before the next fault. Every other check was judged, and no
    check or objective failed.
    """
    busy = bool(result["self_audit"]["limits"])
    checks = {check["id"]: check["verdict"] for check in result["checks"]}
    recovery = checks.pop("unrecovered")
    judged = "unknown" not in checks.values()
    unharmed = "invalid" not in (
        *checks.values(),
        recovery,
        *(objective["verdict"] for objective in result["objectives"]),
    )
    return code == Exit.OK or (code == Exit.INCONCLUSIVE and busy and judged and unharmed)
