"""Whether the end of a run loses samples: two workers, and answers that arrive a second late."""

import csv
import sys
import time
from pathlib import Path

from benchmarks.load import engine_load, peer_process
from benchmarks.load.echo_server import EchoServer, run_echo_server
from benchmarks.load.options import Options
from benchmarks.peers import Case, Peer, reports
from benchmarks.processes import ROOT
from benchmarks.progress import print_progress
from benchmarks.table import Row

WORKERS = 2
USERS = 100
RATE = 2000.0
STEADY_S = 4.0
LATE_S = 1.0


def rows(options: Options) -> list[Row]:
    """Return the rows of Gauntlet and of plain Locust; the echo counts what was sent."""
    with run_echo_server() as echo:
        print_progress("  samples: ours")
        table = [_measure_engine(echo)]
        if "locust-websocket-client" in peer_process.installed_peers(options.peers):
            print_progress("  samples: plain Locust")
            table.append(_measure_locust(echo))
    return table


def _measure_engine(echo: EchoServer) -> Row:
    """Stop the echo for the last second, so that its answers arrive after the end."""
    before = echo.count().messages
    plan = engine_load.LoadPlan((echo.url,), USERS, RATE, STEADY_S, workers=WORKERS, pin=False)
    with engine_load.run_load(plan) as load:
        load.wait_for("steady", engine_load.BOOT_TIMEOUT_S)
        time.sleep(STEADY_S - LATE_S)
        with echo.stopped():
            time.sleep(LATE_S)
        line = load.finish()
        hellos = USERS  # the first frame of each connection
        sent = echo.count().messages - before - hellos
        recorded = load.histogram("response").total
        listed = _listed_by_locust(load.run.path)
    return Row(
        "samples",
        f"ours: {WORKERS} workers, the last {LATE_S:.0f} s answered after the end",
        f"sent {sent}, in the histograms {_share(recorded, sent)}, acknowledged in the history "
        f"{_share(line['acked'], sent)}, in Locust's own table {_share(listed, sent)}",
        "100.000 %",
        met=recorded == line["acked"] == listed == sent == line["ops"],
    )


def _measure_locust(echo: EchoServer) -> Row:
    """Run Locust with users that continue for a second in `on_stop`, as if to clean up."""
    before = echo.count().messages
    with peer_process.run_peer(_LOCUST, echo, USERS, USERS / RATE, STEADY_S) as running:
        running.wait_connected(echo)
        running.finish()
        listed = reports.locust(running.case.folder).samples
    sent = echo.count().messages - before
    return Row(
        "samples",
        f"plain Locust: {WORKERS} workers, `on_stop` continues for {LATE_S:.0f} s",
        f"sent {sent}, in its table {_share(listed, sent)}",
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


def _listed_by_locust(folder: Path) -> int:
    """Return the number of sends in the table of Locust's master."""
    with (folder / "locust_stats.csv").open(newline="") as file:
        return sum(
            int(row["Request Count"]) for row in csv.DictReader(file) if row["Type"] == "SEND"
        )


def _share(count: int, total: int) -> str:
    return f"{count} ({100 * count / max(1, total):.3f} %)"
