"""The component that reaches the end of a resource first."""

from collections.abc import Iterable, Mapping
from types import MappingProxyType

from gauntlet.campaigns.capacity.record import Limit, Machine, Trial
from gauntlet.runner.system_metrics.metrics_file import Size

# Roles whose processes compute in one thread: one core is all that an instance can use.
_ONE_CORE = frozenset(
    {"gateway", "message", "room", "social", "sessions", "friend", "sticker", "edge", "registry"}
)


class Available:
    """What each component can use: as stated, or else what the machine has if the stack ran on it.

    Of a system that Gauntlet did not boot, nothing is known that was not stated: the machine is
    that of the load generator.
    """

    def __init__(
        self, machine: Machine, stack: str, stated: Mapping[str, Size] = MappingProxyType({})
    ) -> None:
        self._machine = machine
        self._stack = stack
        self._stated = stated

    def size(self, component: str, tier: str) -> Size:
        """Return what a component of a tier can use."""
        cores, memory_bytes = self._stated.get(component, Size())
        if self._stack != "external":
            single = tier in _ONE_CORE or (tier == "broker" and self._stack == "embedded")
            cores = cores or (1.0 if single else float(self._machine.cores or 1))
            memory_bytes = memory_bytes or self._machine.memory_mb * 2.0**20
        return Size(cores, memory_bytes)


def first(trials: Iterable[Trial], available: Available) -> Limit | None:
    """Return what was closest to its limit at the highest rate that held; None without a figure."""
    top = _top(trials)
    if top is None:
        return None
    shares = [share for key in top.use if (share := _share(top, key, available)) is not None]
    return max(shares, key=lambda each: each.share, default=None)


def unknown(trials: Iterable[Trial], available: Available) -> str:
    """Return which components may limit first and are not compared, "" if there is none."""
    top = _top(trials)
    if top is None:
        return ""
    unsized = [
        f"{resource} of {component}"
        for component, _, resource in (key.rpartition("/") for key in top.use)
        if resource in _COMPARED and _available(top, component, resource, available) is None
    ]
    if not unsized:
        return ""
    return (
        f"What limits first: how much {', '.join(unsized)} can be used is not known. The file of "
        "--metrics can state `cores` and `memory_gb` of each component."
    )


_COMPARED = ("cpu_s", "memory_bytes")


def _top(trials: Iterable[Trial]) -> Trial | None:
    """Return the trial of the highest rate that held and has figures."""
    held = [
        each
        for each in trials
        if (each.during, each.what, each.outcome) == ("steady", "rate_per_s", "held") and each.use
    ]
    held = [each for each in held if not each.step] or held
    return max(held, key=lambda each: each.level, default=None)


def _share(trial: Trial, key: str, available: Available) -> Limit | None:
    component, _, resource = key.rpartition("/")
    whole = _available(trial, component, resource, available)
    if whole is None:
        return None
    share = trial.use[key] / whole
    if resource == "cpu_s":
        of = "the core" if whole == 1 else f"{whole:g} cores"
    else:
        of = f"{whole / 2**30:.3g} GiB of memory"
    text = f"{component} used {share:.0%} of {of} that it can use"
    return Limit(
        component=component,
        resource=resource,
        share=round(share, 4),
        what=trial.what,
        level=trial.level,
        sentence=f"At {trial.level:g}/s, {text}, more than any other component.",
    )


def _available(trial: Trial, component: str, resource: str, available: Available) -> float | None:
    """Return how much of a resource a component can use; None if that is not known."""
    size = available.size(component, trial.tiers.get(component, component))
    return {"cpu_s": size.cores, "memory_bytes": size.memory_bytes}.get(resource)
