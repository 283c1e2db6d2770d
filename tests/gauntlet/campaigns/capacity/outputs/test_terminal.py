"""What the terminal shows of a record."""

from gauntlet.campaigns.capacity.outputs import terminal
from gauntlet.campaigns.capacity.record import (
    Capacity,
    Estimate,
    Limit,
    Scenario,
    Sustainable,
    System,
    UnitCost,
)

from ..example import MACHINE


def estimate(value, low=None, high=None):
    return Estimate(value=value, low=low, high=high)


def cost(resource, fixed, **per):
    return UnitCost(
        component="edge", tier="edge", resource=resource, fixed=fixed, per=per, instances=2,
        levels=8, measured_range={}, residual=0.031,
    )  # fmt: skip


def test_what_holds_what_it_costs_what_limits_and_what_is_open_are_shown():
    record = Capacity(
        created_utc="2026-11-29T19:05:00Z",
        system=System(adapter="reference", stack="embedded"),
        machine=MACHINE,
        scenario=Scenario(name="steady", sha256="0"),
        sla=(),
        runs=(),
        sustainable=(
            Sustainable(
                what="rate_per_s", during="steady", low=400.0, high=430.0, confidence=0.75,
                repeats=3, limited_by="p99-steady failed.",
            ),
        ),
        unit_costs=(
            cost("cpu_s", estimate(0.02, 0.01, 0.03), message=estimate(1e-3, 9e-4, 1.1e-3)),
            cost("memory_bytes", estimate(2**20), connection=estimate(2048)),
        ),
        limits_first=Limit(
            component="message-1", resource="cpu_s", share=0.6, what="rate_per_s", level=400.0,
            sentence="At 400/s, message-1 is busiest.",
        ),
        not_measured=("The network traffic of edge: no run recorded it.",),
    )  # fmt: skip
    assert list(terminal.lines(record)) == [
        (
            "400/s hold in steady load, 430/s do not (confidence 75%, 3 trials at each bound). "
            "p99-steady failed."
        ),
        "",
        "unit costs, with 95 % intervals:",
        (
            "  edge × 2, cpu_s: 0.02 [0.01–0.03] cores + 1 [0.9–1.1] CPU ms per message "
            "(8 runs, residual 3%)"
        ),
        "  edge × 2, memory_bytes: 1 MiB + 2 KiB per connection (8 runs, residual 3%)",
        "",
        "limits first: At 400/s, message-1 is busiest.",
        "",
        "not measured:",
        "  The network traffic of edge: no run recorded it.",
    ]
