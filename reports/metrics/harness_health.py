"""Whether the harness or the machine, rather than the system under test, limited a run.

The judgement covers the time in which messages were sent, faults included. It uses what the load
reports of itself each second (`live.jsonl`) and what the command observed of the processes
(`events/vitals.jsonl`). A figure is *over* if one second in ten exceeds its limit, and *near* if
one second in ten exceeds four fifths of it: a single late second is noise, not a limit. The machine
is saturated only if half of the seconds exceed its limit.

While a limit holds, objectives for latency and capacity are unknown, whether they seem to be met or
not. A limit does not change what the checks say.
"""

import math
from collections import defaultdict
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

from gauntlet.reports.history.events import Events

Row = dict[str, Any]

CPU_LIMIT = 0.9  # of one core or of all of them: above this, work waits for a core
MACHINE_LIMIT = 0.95  # of all cores, with whatever else runs on the machine
NEAR = 0.8  # of a limit
SUSTAINED = 0.9  # the quantile over the seconds that is compared with the limit
# Processes that start again after a fault use every core for some seconds. That is no saturation.
SUSTAINED_MACHINE = 0.5
# Figures without a limit that are mentioned if they reach this share in a single second.
STALL_FIGURES = ("storage-wait", "stolen-cpu")
STALL_SHARE = 0.5

TRUSTED = "trustworthy"
UNRECORDED = "not-recorded"
# The first that applies is the status: a late generator cannot measure what else was late.
LIMITS = GENERATOR, PROXY, MACHINE = ("generator-limited", "proxy-limited", "machine-saturated")


@dataclass(frozen=True)
class Figure:
    """One measured quantity: its typical (median) and worst second, and how it compares.

    `held` is compared with the limit: nine seconds in ten are at or below it, or, of the machine,
    half of them. `state` is ok, near, over, or info where there is no limit. `blames` is the status
    that the figure causes when it is over. `of` names the worker or process where there are
    several.
    """

    id: str
    unit: str  # ms, share, cores, count, bytes
    typical: float
    held: float
    worst: float
    limit: float | None
    state: str
    blames: str = ""
    of: str = ""


@dataclass(frozen=True)
class HarnessHealth:
    """The status of the harness, all limits that it reached, and the figures behind them.

    `seconds` is how many seconds were sampled, None if nothing was recorded.
    """

    status: str
    limits: tuple[str, ...] = ()
    figures: tuple[Figure, ...] = ()
    seconds: int | None = None

    def most_severe(self) -> dict[str, Figure]:
        """Return the most severe figure of each id."""
        return {figure.id: figure for figure in sorted(self.figures, key=_severity)}


@dataclass(frozen=True)
class Observed:
    """What a run recorded of the harness: the rows of live.jsonl, and those of all journals.

    `proxy` is the name of the backend of the fault proxies, None without proxies.
    """

    live: list[Row]
    events: list[Row]
    proxy: str | None
    lag_budget_ms: float


def assess(times: Events, observed: Observed, lag_p99_ms: float | None) -> HarnessHealth:
    """Return the health of the harness in a run: the only definition of each limited status.

    `lag_p99_ms` is how late the generator was in steady load, from the history.
    """
    seconds = [row for row in _while_sending(observed.live, times) if "engine_cpu_share" in row]
    vitals = _while_sending((row for row in observed.events if row["kind"] == "vitals"), times)
    late = lag_p99_ms is not None and _state(lag_p99_ms, observed.lag_budget_ms) == "over"
    # The history alone shows whether the generator was late, but nothing else.
    if not (seconds or vitals or late):
        return HarnessHealth(UNRECORDED)
    figures = (
        *_generator_figures(seconds, observed.lag_budget_ms, lag_p99_ms),
        *_process_figures(vitals, observed.proxy),
        *_other_machine_figures(seconds, vitals),
    )
    over = {figure.blames for figure in figures if figure.state == "over"}
    limits = tuple(limit for limit in LIMITS if limit in over)
    sampled = {row["t_ns"] // 1_000_000_000 for row in seconds}
    return HarnessHealth(
        status=limits[0] if limits else TRUSTED,
        limits=limits,
        figures=figures,
        seconds=max(len(vitals), len(sampled)),
    )


def _while_sending(rows: Iterable[Row], times: Events) -> list[Row]:
    """Return the rows of the seconds in which messages were sent.

    A row covers the second before it.
    """
    start_ns = times.phases.get("steady", times.zero_ns) + 1_000_000_000
    end_ns = times.phases.get("quiesce", math.inf)
    return [row for row in rows if start_ns <= row["t_ns"] <= end_ns]


def _generator_figures(rows: list[Row], budget_ms: float, lag_ms: float | None) -> Iterable[Figure]:
    """Yield the load's own figures, each for the worker with the most severe value."""
    if lag_ms is not None:
        state = _state(lag_ms, budget_ms)
        worst_ms = max((row.get("lag_p99_ms") or 0.0 for row in rows), default=lag_ms)
        worst_ms = max(worst_ms, lag_ms)
        yield Figure("send-lag", "ms", lag_ms, lag_ms, worst_ms, budget_ms, state, GENERATOR)
    by_worker: dict[int, list[Row]] = defaultdict(list)
    for row in rows:
        by_worker[row["worker"]].append(row)
    if not by_worker:
        return

    def worst(name: str, key: str, unit: str, limit: float | None, peak: str = "") -> Figure:
        return _worst_worker_figure(by_worker, (name, unit), key, limit, peak or key)

    if any("missed" in row for row in rows):
        missed = sum(
            max(row.get("missed") or 0 for row in worker_rows) for worker_rows in by_worker.values()
        )
        # Arrivals are also missed while the system is down or slow, so nothing is blamed.
        state = "near" if missed else "ok"
        yield Figure("missed-arrivals", "count", missed, missed, missed, 0, state)
    yield worst("loop-lag", "loop_lag_p99_ms", "ms", budget_ms, "loop_lag_max_ms")
    yield worst("engine-cpu", "engine_cpu_share", "share", CPU_LIMIT)
    yield worst("generator-cpu", "process_cpu_share", "share", CPU_LIMIT)
    yield worst("gc-pause", "gc_pause_max_ms", "ms", budget_ms)
    descriptors_max = min(row["descriptors_max"] for row in rows)
    yield worst("descriptors", "descriptors", "count", float(descriptors_max))
    yield worst("rss", "rss_bytes", "bytes", None)


def _worst_worker_figure(
    by_worker: dict[int, list[Row]], what: tuple[str, str], key: str, limit: float | None, peak: str
) -> Figure:
    """Return the most severe of the workers' figures; `peak` is the key of the worst values."""
    several = len(by_worker) > 1
    figures = [
        _figure(
            (*what, f"worker {worker}" if several else ""),
            [row[key] for row in rows if row.get(key) is not None],
            limit,
            GENERATOR,
            [row[peak] for row in rows if row.get(peak) is not None],
        )
        for worker, rows in sorted(by_worker.items())
    ]
    return max(figures, key=_severity)


def _process_figures(rows: list[Row], proxy: str | None) -> Iterable[Figure]:
    """Yield what the command observed: proxies, the load's master, the stack, the machine."""
    if not rows:
        return
    cpus = float(rows[-1]["cpus"])
    # toxiproxy-server uses every core it gets, so only the whole machine limits it.
    embedded = proxy == "embedded"
    cores: dict[str, list[float]] = defaultdict(list)
    for row in rows:
        for part, used in row["cores"].items():
            cores[part].append(used)
    for part, used in sorted(cores.items()):
        if part.startswith("proxy-"):
            limit = CPU_LIMIT if embedded else CPU_LIMIT * cpus
            yield _figure((part, "cores", ""), used, limit, PROXY)
    if "load-children" in cores:
        yield _figure(("master", "cores", ""), cores["load"], CPU_LIMIT, GENERATOR)
    yield _figure(("stack", "cores", ""), cores["stack"], None)
    yield _figure(("conductor", "cores", ""), cores["conductor"], None)
    busy = [row["machine_cpu_share"] for row in rows]
    others = [
        max(0.0, row["machine_cpu_share"] * cpus - sum(row["cores"].values())) for row in rows
    ]
    yield _figure(("others", "cores", ""), others, None)
    yield _figure(
        ("machine", "share", f"{cpus:g} cores"),
        busy,
        MACHINE_LIMIT,
        MACHINE,
        sustained=SUSTAINED_MACHINE,
    )
    for name, key in (("storage-wait", "storage_wait_share"), ("stolen-cpu", "stolen_cpu_share")):
        if key in rows[-1]:
            yield _figure((name, "share", ""), [row[key] for row in rows], None)
    if "tcp_in_use" in rows[-1]:
        yield _figure(("tcp-in-use", "count", ""), [row["tcp_in_use"] for row in rows], None)
        time_wait = [row["tcp_time_wait"] for row in rows]
        yield _figure(("tcp-time-wait", "count", ""), time_wait, None)


def _other_machine_figures(rows: list[Row], vitals: list[Row]) -> Iterable[Figure]:
    """Yield the machines of workers that are not the machine on which the command runs."""
    command_boots = {row.get("boot") for row in vitals}
    busy: dict[str, list[float]] = defaultdict(list)
    workers: dict[str, set[int]] = defaultdict(set)
    for row in rows:
        if (boot := row.get("boot")) is not None and boot not in command_boots:
            busy[boot].append(row["machine_cpu_share"])
            workers[boot].add(row["worker"])
    for boot, shares in busy.items():
        numbers = ", ".join(map(str, sorted(workers[boot])))
        noun = "worker" if len(workers[boot]) == 1 else "workers"
        of = f"of {noun} {numbers}"
        yield _figure(
            ("worker-machine", "share", of),
            shares,
            MACHINE_LIMIT,
            GENERATOR,
            sustained=SUSTAINED_MACHINE,
        )


def _figure(
    what: tuple[str, str, str],
    values: list[float],
    limit: float | None,
    blames: str = "",
    peaks: list[float] | None = None,
    sustained: float = SUSTAINED,
) -> Figure:
    name, unit, of = what
    held = _nearest_rank(values, sustained)
    state = "info" if limit is None else _state(held, limit)
    worst = max(peaks or values, default=0.0)
    return Figure(name, unit, _nearest_rank(values, 0.5), held, worst, limit, state, blames, of)


def _state(value: float, limit: float) -> str:
    if value > limit:
        return "over"
    return "near" if value > NEAR * limit else "ok"


_STATE_ORDER = {"info": 0, "ok": 1, "near": 2, "over": 3}


def _severity(figure: Figure) -> tuple[int, float]:
    return _STATE_ORDER[figure.state], figure.held


def _nearest_rank(values: list[float], quantile: float) -> float:
    """Return the nearest-rank quantile, 0 without values."""
    return sorted(values)[max(0, math.ceil(quantile * len(values)) - 1)] if values else 0.0
