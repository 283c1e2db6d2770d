"""`self_audit` of result.json: the health of the harness, and what it means in sentences."""

from collections.abc import Iterator
from dataclasses import asdict
from typing import Any

from gauntlet.reports import formatting
from gauntlet.reports.metrics.harness_health import (
    GENERATOR,
    MACHINE,
    PROXY,
    STALL_FIGURES,
    STALL_SHARE,
    UNRECORDED,
    Figure,
    HarnessHealth,
)

_UNRECORDED = (
    "Not recorded: the run directory has no data about the load generator, the fault proxies and "
    "the machine, so it is unknown whether they limited the run."
)
# What each figure of the load generator says when it is over its limit.
_GENERATOR_CLAUSES = {
    "send-lag": "sends left {value} late at p99 (budget {limit})",
    "loop-lag": "its event loop ran {value} late (budget {limit})",
    "engine-cpu": "its engine used {value} of its core",
    "generator-cpu": "its process used {value} of the one core it can use",
    "gc-pause": "garbage collection paused it for {value} (budget {limit})",
    "descriptors": "it held {value} of {limit} descriptors",
    "master": "its master used {value}",
    "worker-machine": "the machine of a worker was {value} busy",
}
_STALL_SENTENCES = {
    "storage-wait": "In the worst second, some process waited for storage {} of the time.",
    "stolen-cpu": "In the worst second, the host took {} of the machine's CPU time.",
}
_REMEDIES = {
    GENERATOR: (
        "The measured latencies may include its own delays. To find out, use fewer users, a lower "
        "rate or more workers."
    ),
    PROXY: (
        "The measured latencies may include its delays. Proxy fewer links (--proxy needed) or send "
        "less."
    ),
    MACHINE: (
        "Slow operations may have waited for a core. Send less, or stop the other processes."
    ),
}


def self_audit(health: HarnessHealth) -> dict[str, Any]:
    """Return `self_audit` of result.json; see docs/reference/run-directory.md."""
    sampled = {} if health.seconds is None else {"seconds": health.seconds}
    return {
        "status": health.status,
        "limits": list(health.limits),
        "sentence": describe(health),
        **sampled,
        "figures": [asdict(figure) for figure in health.figures],
    }


def describe(health: HarnessHealth) -> str:
    """Return what the figures mean and what to do. Missed arrivals are the subject of a caveat."""
    if health.status == UNRECORDED:
        return _UNRECORDED
    figures = health.most_severe()
    if not health.limits:
        return " ".join([_describe_schedule(figures), *_describe_stalls(figures)])
    describers = {
        GENERATOR: _describe_generator_limit,
        PROXY: _describe_proxy_limit,
        MACHINE: _describe_machine_limit,
    }
    sentences = [describers[limit](figures) for limit in health.limits]
    # Only the last remedy: a machine without a spare core is why the others were late.
    remedy = _REMEDIES[health.limits[-1]]
    return " ".join([*sentences, remedy, *_describe_stalls(figures)])


def _describe_schedule(figures: dict[str, Figure]) -> str:
    clauses = [
        _clause(figures, "send-lag", "sends left {value} late at p99 (budget {limit})"),
        _clause(figures, "engine-cpu", "its engine used {value} of a core"),
    ]
    proxies = _proxies(figures)
    if proxies:
        busiest = max(proxies, key=lambda figure: figure.held)
        clauses.append(f"the busiest fault proxy used {_value(busiest)}")
    clauses.append(_clause(figures, "machine", "the machine was {value} busy"))
    return f"The load generator kept its schedule: {_join(clauses)}."


def _describe_stalls(figures: dict[str, Figure]) -> Iterator[str]:
    """Yield why the system may have waited although nothing was busy: one second is enough."""
    for name in STALL_FIGURES:
        if name in figures and figures[name].worst >= STALL_SHARE:
            share = formatting.amount(figures[name].worst, "share")
            yield _STALL_SENTENCES[name].format(share)


def _describe_generator_limit(figures: dict[str, Figure]) -> str:
    clauses = [
        _clause(figures, name, clause)
        for name, clause in _GENERATOR_CLAUSES.items()
        if name in figures and figures[name].state == "over"
    ]
    return f"The load generator was at its limit: {_join(clauses)}."


def _describe_proxy_limit(figures: dict[str, Figure]) -> str:
    clauses = [
        f"{proxy.id} used {_value(proxy)}" for proxy in _proxies(figures) if proxy.state == "over"
    ]
    return f"A fault proxy was at its limit: {_join(clauses)}."


def _describe_machine_limit(figures: dict[str, Figure]) -> str:
    machine, stack, others = (figures[name] for name in ("machine", "stack", "others"))
    return (
        f"The machine was saturated: its {machine.of} were {_value(machine)} busy. The stack used "
        f"{_value(stack)}, and processes outside this run used {_value(others)}."
    )


def _proxies(figures: dict[str, Figure]) -> list[Figure]:
    return [figure for name, figure in figures.items() if name.startswith("proxy-")]


def _clause(figures: dict[str, Figure], name: str, template: str) -> str:
    """Return the template with the figure's value and limit, empty without that figure."""
    figure = figures.get(name)
    if figure is None:
        return ""
    limit = formatting.amount(figure.limit, figure.unit)
    return template.format(value=_value(figure), limit=limit)


def _value(figure: Figure) -> str:
    value = figure.held if figure.state == "over" else figure.typical
    return formatting.amount(value, figure.unit)


def _join(clauses: list[str]) -> str:
    """Return the clauses that are not empty as a list in words."""
    *first, last = [clause for clause in clauses if clause]
    return f"{', '.join(first)} and {last}" if first else last
