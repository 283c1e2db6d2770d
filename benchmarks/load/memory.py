"""Resident memory of an idle connection with its Locust user."""

import time

from benchmarks.load import engine_load
from benchmarks.load.echo_server import run_echo_server
from benchmarks.load.options import Options
from benchmarks.progress import print_progress
from benchmarks.table import Row

FEW, MANY = 100, 5000
CONNECTS_PER_S = 500.0
IDLE_S = 6.0
TARGET_KIB = 15.0


def rows(options: Options) -> list[Row]:
    """Return one row: the memory per user, from the difference between many users and few."""
    few, many = (_rss_bytes(options, users) for users in (FEW, MANY))
    each_kib = (many - few) / (MANY - FEW) / 1024
    return [
        Row(
            "memory",
            "RSS per idle connection with its Locust user",
            f"{each_kib:.1f} KiB: {few / 2**20:.0f} MiB with {FEW}, "
            f"{many / 2**20:.0f} MiB with {MANY}",
            f"≤ {TARGET_KIB:.0f} KiB",
            met=each_kib <= TARGET_KIB,
        )
    ]


def _rss_bytes(options: Options, users: int) -> int:
    ramp_s = max(2.0, users / CONNECTS_PER_S)
    with run_echo_server() as echo:
        plan = engine_load.LoadPlan(
            (echo.url,), users, 1.0, IDLE_S, ramp_s, run_mode=options.run_mode
        )
        with engine_load.run_load(plan) as load:
            load.wait_for("steady", engine_load.BOOT_TIMEOUT_S)
            time.sleep(IDLE_S / 2)
            rss_bytes, connected = load.tree.rss_bytes(), echo.count().open
            print_progress(f"  memory: {connected} connections, {rss_bytes / 2**20:.0f} MiB")
            assert connected == users, f"{connected} of {users} connected"
            return rss_bytes
