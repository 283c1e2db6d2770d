"""The faults from which a storm is drawn, with the lengths and parameters that each may have."""

from collections.abc import Mapping
from types import MappingProxyType
from typing import Any, NamedTuple

from gauntlet.core.scenario.model import Scenario


class Disturbance(NamedTuple):
    """A kind of fault on one target.

    `lasts_s` is the range of its length, and `params` lists the values that a parameter may have.
    `settles_s` is the time after its end in which the target is not ready for another fault.
    """

    kind: str
    target: str
    lasts_s: tuple[float, float]
    params: Mapping[str, tuple[Any, ...]] = MappingProxyType({})
    settles_s: float = 1.0


# Faults of a link and of the process behind it exist for every server that Gauntlet starts.
_ANY_SERVER = (
    Disturbance("disconnect", "client>edge", (0.5, 2), {"percent": (20, 50, 100)}),
    Disturbance("latency", "client>edge", (2, 5), {"latency": ("50ms", "200ms", "500ms")}),
    Disturbance("partition", "client>edge", (1, 4)),
    Disturbance("kill", "edge", (1, 3), settles_s=3.0),
    Disturbance("pause", "edge", (1, 4)),
)
_REFERENCE = (
    *_ANY_SERVER,
    Disturbance("latency", "client>gateway", (2, 5), {"latency": ("50ms", "150ms")}),
    Disturbance("latency", "edge>broker", (2, 5), {"latency": ("20ms", "100ms")}),
    Disturbance("partition", "edge>broker", (1, 4)),
    Disturbance("kill", "gateway", (1, 3), settles_s=2.0),
    Disturbance("kill", "message", (1, 2), settles_s=2.0),
    Disturbance("kill", "registry", (1, 3), settles_s=2.0),
    Disturbance("pause", "gateway", (1, 4)),
    Disturbance("pause", "message", (1, 2)),
    Disturbance("broker-failure", "broker", (1, 3), settles_s=4.0),
    Disturbance("flush", "registry", (1, 2)),
    Disturbance("cutover", "edge", (8, 12), {"drain": ("2s", "4s")}, settles_s=3.0),
)
# PostgreSQL and RabbitMQ take longer to come back than their replacements on `embedded`.
_FULL = (
    *(
        entry._replace(settles_s=16.0) if entry.kind == "broker-failure" else entry
        for entry in _REFERENCE
    ),
    Disturbance("kill", "messages-db", (1, 3), settles_s=6.0),
    Disturbance("block", "broker", (2, 5)),
)
_EXTERNAL = (
    Disturbance("disconnect", "client>target", (0.5, 2), {"percent": (20, 50, 100)}),
    Disturbance("latency", "client>target", (2, 5), {"latency": ("50ms", "200ms", "500ms")}),
    Disturbance("partition", "client>target", (1, 4)),
)

_BY_STACK = {"embedded": _REFERENCE, "full": _FULL, "external": _EXTERNAL}


def menu_of(scenario: Scenario) -> tuple[Disturbance, ...]:
    """Return the faults that a storm on the scenario's stack may contain."""
    return _BY_STACK.get(scenario.target.stack, _ANY_SERVER)
