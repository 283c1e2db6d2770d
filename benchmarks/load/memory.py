"""Resident memory of an idle connection with its Locust user."""

import time

from benchmarks.load import ours
from benchmarks.load.options import Options
from benchmarks.load.target import echo
from benchmarks.progress import say
from benchmarks.table import Row

FEW, MANY = 100, 5000
CONNECTS_PER_S = 500.0
IDLE_S = 6.0
WANTED_KIB = 30.0


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
            f"≤ {WANTED_KIB:.0f} KiB",
            met=each_kib <= WANTED_KIB,
        )
    ]


def _rss_bytes(options: Options, users: int) -> int:
    ramp_s = max(2.0, users / CONNECTS_PER_S)
    with echo() as target:
        plan = ours.Plan((target.url,), users, 1.0, IDLE_S, ramp_s, through=options.through)
        with ours.load(plan) as load:
            load.wait_for("steady", ours.BOOT_S)
            time.sleep(IDLE_S / 2)
            rss_bytes, connected = load.tree.rss_bytes(), target.count().open
            say(f"  memory: {connected} connections, {rss_bytes / 2**20:.0f} MiB")
            assert connected == users, f"{connected} of {users} connected"
            return rss_bytes
