"""What the terminal shows of a record."""

from collections.abc import Iterator

from gauntlet.campaigns.capacity.campaign import sentence
from gauntlet.campaigns.capacity.record import Capacity, Estimate, UnitCost
from gauntlet.reports.formatting import significant

_UNITS = {
    "cpu_s": ("cores", "CPU ms", 1000.0),
    "memory_bytes": ("MiB", "KiB", 1 / 1024),
    "network_bytes": ("KiB/s", "KiB", 1 / 1024),
    "database_bytes": ("KiB/s", "KiB", 1 / 1024),
}
_FIXED_SCALE = {"cpu_s": 1.0, "memory_bytes": 2**-20}


def lines(record: Capacity) -> Iterator[str]:
    """Yield the lines: what holds, what each unit of load costs, the limit, and what is open."""
    for found in record.sustainable:
        yield sentence(found)
    if record.unit_costs:
        yield ""
        yield "unit costs, with 95 % intervals:"
    for cost in record.unit_costs:
        yield f"  {cost.component} × {cost.instances}, {cost.resource}: {_cost(cost)}"
    if record.limits_first is not None:
        yield ""
        yield f"limits first: {record.limits_first.sentence}"
    if record.not_measured:
        yield ""
        yield "not measured:"
    for text in record.not_measured:
        yield f"  {text}"


def _cost(cost: UnitCost) -> str:
    whole, each, scale = _UNITS[cost.resource]
    parts = [f"{_range(cost.fixed, _FIXED_SCALE.get(cost.resource, scale))} {whole}"]
    parts += [
        f"{_range(found, scale)} {each} per {name}{'' if name != 'connection' else _rate(cost)}"
        for name, found in cost.per.items()
    ]
    return f"{' + '.join(parts)} ({cost.levels} runs, residual {cost.residual:.0%})"


def _rate(cost: UnitCost) -> str:
    """Return that a connection costs something in every second; its memory it has once."""
    return "" if cost.resource == "memory_bytes" else " and second"


def _range(estimate: Estimate, scale: float) -> str:
    value = significant(estimate.value * scale)
    if estimate.low is None or estimate.high is None:
        return value
    return f"{value} [{significant(estimate.low * scale)}–{significant(estimate.high * scale)}]"
