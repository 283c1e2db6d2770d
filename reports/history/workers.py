"""The workers of a run: which of them took part, and which were lost.

A run in one process has no `worker` rows, and neither have runs of older versions.
"""

from typing import Any

from gauntlet.core.clock import NS_PER_MS


def lost_workers(rows: list[dict[str, Any]], reconciled: set[int]) -> dict[int, str]:
    """Return the workers whose part is incomplete, each with a clause that describes its fate."""
    return {
        worker: _describe_loss(row)
        for worker, row in _latest_rows(rows, "worker").items()
        if row["step"] == "lost" or worker not in reconciled
    }


def worker_table(rows: list[dict[str, Any]], lost: dict[int, str]) -> list[dict[str, Any]]:
    """Return `workers` of result.json; `lost` is what `lost_workers` returned.

    The offset of a clock is the last one measured; it is None where none was measured.
    """
    clocks = _latest_rows(rows, "clock")

    def ms(worker: int, field: str) -> float | None:
        return clocks[worker][field] / NS_PER_MS if worker in clocks else None

    return [
        {
            "worker": worker,
            "host": row["host"],
            "pid": row["pid"],
            "state": "lost" if worker in lost else "whole",
            "sentence": lost.get(worker, row["message"]),
            "offset_ms": ms(worker, "offset_ns"),
            "error_ms": ms(worker, "error_ns"),
        }
        for worker, row in _latest_rows(rows, "worker").items()
    ]


def describe(lost: dict[int, str]) -> str:
    """Return one phrase that describes what happened to all lost workers."""
    return "; ".join(lost.values())


def _latest_rows(rows: list[dict[str, Any]], kind: str) -> dict[int, dict[str, Any]]:
    """Return the last row of that kind for each worker, sorted by worker.

    Only the last row counts: a worker that was lost may have come back.
    """
    latest = {row["worker"]: row for row in rows if row["kind"] == kind}
    return dict(sorted(latest.items()))


def _describe_loss(row: dict[str, Any]) -> str:
    if row["step"] == "lost":
        return str(row["message"])
    return f"Worker {row['worker']} ({row['host']}, pid {row['pid']}) did not reconcile"
