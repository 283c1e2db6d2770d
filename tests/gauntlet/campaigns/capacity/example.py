"""Trials and records for the tests of capacity campaigns."""

from gauntlet.campaigns.capacity.record import Machine, Run, Trial
from gauntlet.campaigns.capacity.variations import Variation
from gauntlet.core.scenario.model import Duration, Load, Rate, Scenario, Target

MACHINE = Machine(system="Linux", python="3.11", cores=2, memory_mb=8192)
TIERS = {"edge-1": "edge", "edge-2": "edge", "message-1": "message", "messages-db": "messages-db"}
# CPU seconds of each message, delivery, connection and handshake, and the fixed ones.
EDGE = (1e-4, 2e-4, 1e-5, 2e-3, 0.02)
MESSAGE = (1.5e-3, 0.0, 0.0, 0.0, 0.05)


def scenario(**changes):
    """Return a short scenario, with changes to its load."""
    load = {"users": 40, "rate": Rate(50), "ramp": Duration(2), "steady": Duration(8), **changes}
    return Scenario(version=1, name="short", about="A load.", target=Target(), load=Load(**load))


def variation(**changes):
    """Return the variation of a short scenario without further objectives."""
    return Variation(scenario(**changes))


def cores(cost, message, delivery, connection, handshake):
    """Return the cores that a component uses."""
    per = cost[0] * message + cost[1] * delivery + cost[2] * connection + cost[3] * handshake
    return cost[4] + per


def trial(level, outcome="held", *, fan_out=2.0, connection=40.0, handshake=0.0, **changes):
    """Return a trial of a system whose costs are known."""
    counts = (level, level * fan_out, connection, handshake)
    edge = cores(EDGE, *counts)
    plain = {
        "what": "rate_per_s",
        "during": "steady",
        "level": float(level),
        "outcome": outcome,
        "reason": "" if outcome == "held" else f"{outcome} at {level:g}",
        "run": Run(directory=f"runs/{level:g}", sha256="0" * 64),
        "measured": dict(
            zip(("message", "delivery", "connection", "handshake"), counts, strict=True)
        ),
        "use": {
            "edge-1/cpu_s": edge / 2,
            "edge-2/cpu_s": edge / 2,
            "message-1/cpu_s": cores(MESSAGE, *counts),
            "edge-1/memory_bytes": 20e6 + 3e4 * connection,
            "edge-2/memory_bytes": 20e6 + 3e4 * connection,
            "messages-db/database_bytes": 300.0 * level,
        },
        "tiers": TIERS,
        **changes,
    }
    return Trial(**plain)
