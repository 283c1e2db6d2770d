"""Whether the end of a run loses samples: two workers, and answers that arrive a second late."""

import csv
import sys
import time
from pathlib import Path

from benchmarks.load import ours, rivals
from benchmarks.load.options import Options
from benchmarks.load.target import Target, echo
from benchmarks.peers import Case, Peer, reports
from benchmarks.processes import ROOT
from benchmarks.progress import say
from benchmarks.table import Row

WORKERS = 2
USERS = 100
RATE = 2000.0
STEADY_S = 4.0
LATE_S = 1.0


def rows(options: Options) -> list[Row]:
    """Return the rows of Gauntlet and of plain Locust; the echo counts what was sent."""
    with echo() as target:
        say("  samples: ours")
        found = [_of_ours(target)]
        if "locust-websocket-client" in rivals.present(options.peers):
            say("  samples: plain Locust")
            found.append(_of_locust(target))
    return found


def _of_ours(target: Target) -> Row:
    """Stop the echo for the last second, so that its answers arrive after the end."""
    before = target.count().messages
    plan = ours.Plan((target.url,), USERS, RATE, STEADY_S, workers=WORKERS, pin=False)
    with ours.load(plan) as load:
        load.wait_for("steady", ours.BOOT_S)
        time.sleep(STEADY_S - LATE_S)
        with target.stopped():
            time.sleep(LATE_S)
        line = load.finish()
        hellos = USERS
        sent = target.count().messages - before - hellos
        recorded = load.histogram("response").total
        shown = _shown_by_locust(load.run.path)
    return Row(
        "samples",
        f"ours: {WORKERS} workers, the last {LATE_S:.0f} s answered after the end",
        f"sent {sent}, in the histograms {_percent(recorded, sent)}, acknowledged in the history "
        f"{_percent(line['acked'], sent)}, in Locust's own table {_percent(shown, sent)}",
        "100.000 %",
        met=recorded == line["acked"] == shown == sent == line["ops"],
    )


def _of_locust(target: Target) -> Row:
    """Run Locust with users that continue for a second in `on_stop`, as if to clean up."""
    before = target.count().messages
    with rivals.rival(_LOCUST, target, USERS, USERS / RATE, STEADY_S) as running:
        running.wait_connected(target)
        running.finish()
        shown = reports.locust(running.case.folder).samples
    sent = target.count().messages - before
    return Row(
        "samples",
        f"plain Locust: {WORKERS} workers, `on_stop` continues for {LATE_S:.0f} s",
        f"sent {sent}, in its table {_percent(shown, sent)}",
    )


def _locust(case: Case) -> list[str]:
    file = ROOT / "benchmarks" / "peers" / "locust_on_stop.py"
    return [
        *(sys.executable, "-m", "locust", "-f", str(file), "--headless", "--only-summary"),
        *("--host", case.url, "--pace", str(case.pace_s), "--processes", str(WORKERS)),
        *("-u", str(case.connections), "-r", str(case.connections)),
        *("--run-time", f"{case.seconds}s", "--csv", str(case.folder / "locust")),
    ]


_LOCUST = Peer("plain Locust", lambda: "", "", _locust)


def _shown_by_locust(folder: Path) -> int:
    """Return the number of sends in the table of Locust's master."""
    with (folder / "locust_stats.csv").open(newline="") as file:
        return sum(
            int(row["Request Count"]) for row in csv.DictReader(file) if row["Type"] == "SEND"
        )


def _percent(count: int, of: int) -> str:
    return f"{count} ({100 * count / max(1, of):.3f} %)"
