"""Can the numbers be trusted? Or was the harness, or the machine, what was measured.

Judged over steady load, faults included, from what the load says of itself each second
(`live.jsonl`) and what the conductor saw of the processes (`events/vitals.jsonl`). A figure is
*over* where one second in ten passes its limit, *near* where one in ten passes four fifths of it:
a single late second is the system's noise, not a limit.
"""

import math
from collections import defaultdict
from collections.abc import Iterable
from dataclasses import asdict, dataclass
from typing import Any

from gauntlet.reports import formatting
from gauntlet.reports.history.events import Events

Row = dict[str, Any]

FULL = 0.9  # of one core, or of the machine: from here on work waits for its turn
NEAR = 0.8  # of a limit
SUSTAINED = 0.9  # the quantile over the seconds that is held against the limit
STANDSTILL = 0.5  # of a second: one such second is enough to be told
STANDSTILLS = {
    "storage-wait": "In its worst second something waited for storage {} of the time.",
    "stolen-cpu": "In its worst second the host took {} of the machine's CPU.",
}

TRUSTED = "trustworthy"
UNRECORDED = "not-recorded"
# In this order: who is late himself cannot tell who else was.
LIMITS = ("generator-limited", "proxy-limited", "machine-saturated")


@dataclass(frozen=True)
class Figure:
    """One measured thing: typical (median) and worst second, its limit, and how it stands.

    `held` is what is held against the limit: nine seconds in ten are at or below it.
    `state` is ok, near, over, or info where there is no limit. `blames` is what it limits.
    """

    id: str
    unit: str  # ms, share, cores, count, bytes
    typical: float
    held: float
    worst: float
    limit: float | None
    state: str
    blames: str = ""
    of: str = ""  # which worker or process, where there are several


def audit(live: list[Row], events: list[Row], times: Events, machine: Row) -> Row:
    """`self_audit` of result.json; see docs/reference/run-directory.md.

    `live` are the rows of live.jsonl, `events` all journals' rows; `machine` has `lag_budget_ms`,
    `lag_p99_ms` (exact, from the history, or None) and `proxy`, the backend's name or None.
    """
    seconds = [row for row in _steady(live, times) if "engine_cpu_share" in row]
    seen = _steady((row for row in events if row["kind"] == "vitals"), times)
    figures = [
        *_generator(seconds, machine),
        *_processes(seen, machine),
        *_other_machines(seconds, seen),
    ]
    late = late_by(machine["lag_p99_ms"], machine["lag_budget_ms"])
    if not (seconds or seen or late):  # the history knows whether it was late, and no more
        return {"status": UNRECORDED, "limits": [], "sentence": _UNRECORDED, "figures": []}
    limits = [limit for limit in LIMITS if any(_over(one, limit) for one in figures)]
    return {
        "status": limits[0] if limits else TRUSTED,
        "limits": limits,
        "sentence": _sentence(limits, {one.id: one for one in sorted(figures, key=_severity)}),
        "seconds": max(len(seen), len({row["t_ns"] // 1_000_000_000 for row in seconds})),
        "figures": [asdict(one) for one in figures],
    }


def late_by(lag_p99_ms: float | None, budget_ms: float) -> str:
    """How late the generator was in steady load, where it was too late to be believed."""
    if lag_p99_ms is None or _state(lag_p99_ms, budget_ms) != "over":
        return ""
    return f"its own lag p99 was {lag_p99_ms:.1f} ms, over {budget_ms:g} ms"


def _steady(rows: Iterable[Row], times: Events) -> list[Row]:
    """The rows of the time in which messages were sent; each tells of the second before it."""
    start_ns = times.phases.get("steady", times.zero_ns) + 1_000_000_000
    end_ns = times.phases.get("quiesce", math.inf)
    return [row for row in rows if start_ns <= row["t_ns"] <= end_ns]


def _generator(rows: list[Row], machine: Row) -> Iterable[Figure]:
    """The load's own figures, of the worker that stands worst."""
    blamed, budget_ms = LIMITS[0], float(machine["lag_budget_ms"])
    lag_ms = machine["lag_p99_ms"]
    if lag_ms is not None:
        state = _state(lag_ms, budget_ms)
        worst_ms = max((row.get("lag_p99_ms") or 0.0 for row in rows), default=lag_ms)
        worst_ms = max(worst_ms, lag_ms)
        yield Figure("send-lag", "ms", lag_ms, lag_ms, worst_ms, budget_ms, state, blamed)
    by_worker: dict[int, list[Row]] = defaultdict(list)
    for row in rows:
        by_worker[row["worker"]].append(row)
    if not by_worker:
        return
    several = len(by_worker) > 1

    def worst(name: str, key: str, unit: str, limit: float | None, peak: str = "") -> Figure:
        made = [
            _figure(
                (name, unit, f"worker {worker}" if several else ""),
                [row[key] for row in its if row.get(key) is not None],
                limit,
                blamed,
                [row[peak or key] for row in its if row.get(peak or key) is not None],
            )
            for worker, its in sorted(by_worker.items())
        ]
        return max(made, key=_severity)

    missed = sum(max(row.get("missed") or 0 for row in its) for its in by_worker.values())
    if any("missed" in row for row in rows):
        # Nobody there, or no room left: so it goes with a system that is down or slow, too.
        state = "near" if missed else "ok"
        yield Figure("missed-arrivals", "count", missed, missed, missed, 0, state)
    yield worst("loop-lag", "loop_lag_p99_ms", "ms", budget_ms, "loop_lag_max_ms")
    yield worst("engine-cpu", "engine_cpu_share", "share", FULL)
    yield worst("generator-cpu", "process_cpu_share", "share", FULL)
    yield worst("gc-pause", "gc_pause_max_ms", "ms", budget_ms)
    allowed = min(row["descriptors_max"] for row in rows)
    yield worst("descriptors", "descriptors", "count", float(allowed))
    yield worst("rss", "rss_bytes", "bytes", None)


def _processes(rows: list[Row], machine: Row) -> Iterable[Figure]:
    """What the conductor saw: proxies, the load's master, the stack, the machine."""
    if not rows:
        return
    cpus = float(rows[-1]["cpus"])
    # toxiproxy-server uses every core it gets, so only the whole machine limits it.
    embedded = (machine["proxy"] or "") == "embedded"
    cores: dict[str, list[float]] = defaultdict(list)
    for row in rows:
        for part, used in row["cores"].items():
            cores[part].append(used)
    for part, used in sorted(cores.items()):
        if part.startswith("proxy-"):
            limit = FULL if embedded else FULL * cpus
            yield _figure((part, "cores", ""), used, limit, LIMITS[1])
    if "load-children" in cores:
        yield _figure(("master", "cores", ""), cores["load"], FULL, LIMITS[0])
    yield _figure(("stack", "cores", ""), cores["stack"], None)
    yield _figure(("conductor", "cores", ""), cores["conductor"], None)
    busy = [row["machine_cpu_share"] for row in rows]
    others = [
        max(0.0, row["machine_cpu_share"] * cpus - sum(row["cores"].values())) for row in rows
    ]
    yield _figure(("others", "cores", ""), others, None)
    yield _figure(("machine", "share", f"{cpus:g} cores"), busy, 0.95, LIMITS[2])
    for name, key in (("storage-wait", "storage_wait_share"), ("stolen-cpu", "stolen_cpu_share")):
        if key in rows[-1]:
            yield _figure((name, "share", ""), [row[key] for row in rows], None)
    if "tcp_in_use" in rows[-1]:
        yield _figure(("tcp-in-use", "count", ""), [row["tcp_in_use"] for row in rows], None)
        waiting = [row["tcp_time_wait"] for row in rows]
        yield _figure(("tcp-time-wait", "count", ""), waiting, None)


def _other_machines(rows: list[Row], seen: list[Row]) -> Iterable[Figure]:
    """The machines of workers, where they are not the one that the conductor sees."""
    ours = {row.get("boot") for row in seen}
    busy: dict[str, list[float]] = defaultdict(list)
    workers: dict[str, set[int]] = defaultdict(set)
    for row in rows:
        if (boot := row.get("boot")) is not None and boot not in ours:
            busy[boot].append(row["machine_cpu_share"])
            workers[boot].add(row["worker"])
    for boot, shares in busy.items():
        names = ", ".join(map(str, sorted(workers[boot])))
        of = f"of worker {names}" if len(workers[boot]) == 1 else f"of workers {names}"
        yield _figure(("worker-machine", "share", of), shares, 0.95, LIMITS[0])


def _figure(
    what: tuple[str, str, str],
    values: list[float],
    limit: float | None,
    blames: str = "",
    peaks: list[float] | None = None,
) -> Figure:
    name, unit, of = what
    held = _rank(values, SUSTAINED)
    state = "info" if limit is None else _state(held, limit)
    worst = max(peaks or values, default=0.0)
    return Figure(name, unit, _rank(values, 0.5), held, worst, limit, state, blames, of)


def _state(value: float, limit: float) -> str:
    if value > limit:
        return "over"
    return "near" if value > NEAR * limit else "ok"


_RANK = {"info": 0, "ok": 1, "near": 2, "over": 3}


def _severity(figure: Figure) -> tuple[int, float]:
    return _RANK[figure.state], figure.held


def _rank(values: list[float], quantile: float) -> float:
    """The nearest-rank quantile; 0 of nothing."""
    return sorted(values)[max(0, math.ceil(quantile * len(values)) - 1)] if values else 0.0


def _over(figure: Figure, limit: str) -> bool:
    return figure.state == "over" and figure.blames == limit


_UNRECORDED = (
    "Not recorded: the run tells nothing of the load generator, the fault proxies and the machine, "
    "so nothing here says whether they were the limit."
)


def _sentence(limits: list[str], figures: dict[str, Figure]) -> str:
    """What the figures amount to, and what to do about it. Of what was missed a caveat tells."""
    if limits:
        parts = [_BLAME[limit](figures) for limit in limits]
        # The last: a machine without a core to spare is why the others were late.
        return " ".join([*parts, _REMEDY[limits[-1]], *_standstills(figures)])
    parts = [_told(figures, "send-lag", "sends left {} late at p99 (budget {limit})")]
    parts.append(_told(figures, "engine-cpu", "its engine used {} of a core"))
    parts.append(_told(figures, "machine", "the machine was {} busy"))
    busiest = max(_proxies(figures), key=lambda one: one.held, default=None)
    if busiest is not None:
        parts.insert(2, f"the busier fault proxy used {_text(busiest)}")
    kept = f"The generator kept its schedule: {', '.join(part for part in parts if part)}."
    return " ".join([kept, *_standstills(figures)])


def _standstills(figures: dict[str, Figure]) -> Iterable[str]:
    """What may have kept the system waiting though nothing was busy: its worst second counts."""
    for name, said in STANDSTILLS.items():
        if name in figures and figures[name].worst >= STANDSTILL:
            yield said.format(formatting.amount(figures[name].worst, "share"))


def _generator_blame(figures: dict[str, Figure]) -> str:
    parts = [
        _told(figures, "send-lag", "sends left {} late at p99 (budget {limit})", over=True),
        _told(figures, "loop-lag", "its loop came {} late (budget {limit})", over=True),
        _told(figures, "engine-cpu", "its engine used {} of its core", over=True),
        _told(figures, "generator-cpu", "its process used {} of the core it can use", over=True),
        _told(figures, "gc-pause", "garbage collection stopped it for {}", over=True),
        _told(figures, "descriptors", "it held {} descriptors of {limit}", over=True),
        _told(figures, "master", "its master used {}", over=True),
        _told(figures, "worker-machine", "a worker's machine was {} busy", over=True),
    ]
    return f"The load generator was at its limit: {', '.join(part for part in parts if part)}."


def _proxy_blame(figures: dict[str, Figure]) -> str:
    parts = [f"{one.id} used {_text(one)}" for one in _proxies(figures) if one.state == "over"]
    return f"A fault proxy was at its limit: {', '.join(parts)}."


def _machine_blame(figures: dict[str, Figure]) -> str:
    busy, stack, others = (figures[name] for name in ("machine", "stack", "others"))
    return (
        f"The machine was saturated: its {busy.of} were {_text(busy)} busy, of which the stack "
        f"used {_text(stack)}, and processes that are not of this run {_text(others)}."
    )


_BLAME = {LIMITS[0]: _generator_blame, LIMITS[1]: _proxy_blame, LIMITS[2]: _machine_blame}
_REMEDY = {
    LIMITS[0]: "Latencies may be its own. Fewer users, a lower rate or more workers will tell.",
    LIMITS[1]: "Latencies may be its own. Proxy fewer links (--proxy needed), or send less.",
    LIMITS[2]: "What was slow may have waited for a core. Send less, or end what else runs there.",
}


def _proxies(figures: dict[str, Figure]) -> list[Figure]:
    return [one for name, one in figures.items() if name.startswith("proxy-")]


def _told(figures: dict[str, Figure], name: str, text: str, *, over: bool = False) -> str:
    figure = figures.get(name)
    if figure is None or (over and figure.state != "over"):
        return ""
    return text.format(_text(figure), limit=formatting.amount(figure.limit, figure.unit))


def _text(figure: Figure) -> str:
    value = figure.held if figure.state == "over" else figure.typical
    return formatting.amount(value, figure.unit)
