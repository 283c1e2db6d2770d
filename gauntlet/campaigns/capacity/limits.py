"""The component that reaches the end of a resource first."""

from collections.abc import Iterable

from gauntlet.campaigns.capacity.record import Limit, Machine, Trial

# Roles whose processes compute in one thread: one core is all that an instance can use.
_ONE_CORE = frozenset(
    {"gateway", "message", "room", "social", "sessions", "friend", "sticker", "edge", "registry"}
)


def first(trials: Iterable[Trial], machine: Machine, stack: str) -> Limit | None:
    """Return what was closest to its limit at the highest rate that held; None without a figure."""
    held = [
        each
        for each in trials
        if (each.during, each.what, each.outcome) == ("steady", "rate_per_s", "held") and each.use
    ]
    held = [each for each in held if not each.step] or held
    if not held:
        return None
    top = max(held, key=lambda each: each.level)
    shares = [share for key in top.use if (share := _share(top, key, machine, stack)) is not None]
    return max(shares, key=lambda each: each.share, default=None)


def _share(trial: Trial, key: str, machine: Machine, stack: str) -> Limit | None:
    component, _, resource = key.rpartition("/")
    used = trial.use[key]
    if resource == "cpu_s":
        cores = available_cores(trial.tiers.get(component, component), machine, stack)
        share, what = used / cores, f"of {cores:g} cores" if cores > 1 else "of the core"
        text = f"{component} used {share:.0%} {what} that it can use"
    elif resource == "memory_bytes":
        share = used / (machine.memory_mb * 2**20)
        text = f"{component} used {share:.0%} of the machine's memory"
    else:
        return None
    return Limit(
        component=component,
        resource=resource,
        share=round(share, 4),
        what=trial.what,
        level=trial.level,
        sentence=f"At {trial.level:g}/s, {text}, more than any other component.",
    )


def available_cores(tier: str, machine: Machine, stack: str) -> float:
    """Return how many cores one instance of a tier can use."""
    single = tier in _ONE_CORE or (tier == "broker" and stack == "embedded")
    return 1.0 if single else float(machine.cores or 1)
