"""Records of capacity, and prices, that are made up so that results can be computed by hand."""

import datetime as dt

import msgspec

from gauntlet.campaigns.capacity.record import (
    Capacity,
    Estimate,
    Limit,
    Machine,
    Run,
    Scenario,
    Sustainable,
    System,
    UnitCost,
)
from gauntlet.campaigns.plan.inputs import Inputs
from gauntlet.campaigns.plan.sources import costs
from gauntlet.campaigns.plan.sources.costs import Source
from gauntlet.campaigns.plan.sources.prices import PriceFile, Prices, Size

RANGES = {
    "message": (10.0, 500.0),
    "delivery": (10.0, 1_000.0),
    "connection": (100.0, 2_000.0),
    "handshake": (0.0, 50.0),
}
START = dt.date(2026, 12, 1)


def estimate(value, spread=0.0):
    return Estimate(value=value, low=value * (1 - spread), high=value * (1 + spread))


def unit_cost(component, resource, fixed, per, /, *, spread=0.1, **changes):
    fields = {
        "component": component,
        "tier": component,
        "resource": resource,
        "fixed": estimate(fixed, spread),
        "per": {name: estimate(value, spread) for name, value in per.items()},
        "instances": 1,
        "levels": 8,
        "measured_range": {name: RANGES[name] for name in per},
        "residual": 0.03,
    }
    return UnitCost(**fields | changes)


def unit_costs(spread=0.1):
    return (
        unit_cost("edge", "cpu_s", 0.1, {"delivery": 1e-4, "handshake": 2e-3}, spread=spread),
        unit_cost("edge", "memory_bytes", 1e8, {"connection": 20_000.0}, spread=spread),
        unit_cost("edge", "network_bytes", 0.0, {"delivery": 1_000.0}, spread=spread),
        unit_cost("message", "cpu_s", 0.1, {"message": 1e-3}, spread=spread),
        unit_cost("database", "cpu_s", 0.0, {"message": 5e-4}, spread=spread),
        unit_cost("database", "database_bytes", 0.0, {"message": 500.0}, spread=spread),
    )


def capacity(**changes):
    fields = {
        "created_utc": "2026-11-29T20:00:00Z",
        "system": System(adapter="reference", stack="embedded"),
        "machine": Machine(system="Linux 6.1", python="3.11.2", cores=4, memory_mb=16_000),
        "scenario": Scenario(name="steady", sha256="ab" * 32),
        "sla": (),
        "runs": (Run(directory="runs/one", sha256="cd" * 32),),
        "sustainable": (
            Sustainable(
                what="rate_per_s",
                during="steady",
                low=450.0,
                high=500.0,
                confidence=0.9,
                repeats=6,
                limited_by="delivery_p99_ms was 812 ms",
            ),
        ),
        "unit_costs": unit_costs(),
        "limits_first": None,
        "not_measured": ("Rooms of more than 50 members.",),
    }
    return Capacity(**fields | changes)


def limit(component="message", share=0.5):
    return Limit(
        component=component,
        resource="cpu_s",
        share=share,
        what="rate_per_s",
        level=500.0,
        sentence=f"{component} reaches the end of its CPU first.",
    )


def measured(*records):
    sources = [
        Source(f"capacity-{number}.json", f"{number}" * 64, record)
        for number, record in enumerate(records or (capacity(),), 1)
    ]
    return costs.merge(sources)


def inputs(**changes):
    fields = {
        "users": 864_000.0,
        "messages_per_user_day": 10.0,
        "peak_factor": 2.0,
        "online_share": 0.25,
        "deliveries_per_message": 3.0,
        "connects_per_user_day": 5.0,
        "months": 12,
        "zones": 3,
        "start": START,
        "given": frozenset({"users"}),
    }
    return Inputs(**fields | changes)


def prices(**changes):
    fields = {
        "currency": "EUR",
        "per_hour": {"small": 0.1, "large": 0.4},
        "tiers": {"edge": "small", "message": "small", "database": "large"},
        "storage_gb_month": 0.1,
        "egress_gb": 0.05,
        "sizes": {"large": Size(8, 32)},
    }
    return PriceFile("prices.yaml", "ef" * 32, Prices(**fields | changes))


def encoded(record, **changes):
    """Return a record as the content of capacity.json, in which keys are replaced."""
    return msgspec.json.encode(msgspec.to_builtins(record) | changes)
