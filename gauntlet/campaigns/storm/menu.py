"""The faults from which a storm is drawn, with the lengths and parameters that each may have."""

from collections.abc import Mapping
from functools import cache
from types import MappingProxyType
from typing import Any, NamedTuple

from gauntlet.chaos.clients import packet_filter
from gauntlet.chaos.clocks import library as clock_library
from gauntlet.chaos.disks import mounting
from gauntlet.core.scenario import catalog
from gauntlet.core.scenario.model import Scenario


class Disturbance(NamedTuple):
    """A kind of fault on one target.

    `lasts_s` is the range of its length, and `params` lists the values that a parameter may have.
    `settles_s` is the time after its end in which the target is not ready for another fault.
    `host` is the role whose processes host the target, if it has none of its own.
    """

    kind: str
    target: str
    lasts_s: tuple[float, float]
    params: Mapping[str, tuple[Any, ...]] = MappingProxyType({})
    settles_s: float = 1.0
    host: str = ""


_STREAMS = ("both", "upstream", "downstream")


def _on_clients(link: str) -> tuple[Disturbance, ...]:
    """Return the faults whose proof works in every protocol of clients."""
    return (
        Disturbance("disconnect", link, (0.5, 2), {"percent": (20, 50, 100)}),
        Disturbance("latency", link, (2, 5), {"latency": ("50ms", "200ms", "500ms")}),
        Disturbance("partition", link, (1, 4)),
        Disturbance("stall", link, (1, 3), {"stream": _STREAMS}),
        Disturbance("half-open", link, (2, 5), {"percent": (30, 100), "stream": _STREAMS}),
        Disturbance("refuse", link, (1, 3)),
        Disturbance("drop", link, (1, 3), {"percent": (20, 50)}),
        Disturbance("slow-close", link, (2, 4), {"delay": ("500ms", "2s")}),
    )


_STEPS = {"step": ("10s", "2h"), "direction": ("forward", "backward")}
_SKEWS = {"per_second": ("20ms", "2s"), "direction": ("fast", "slow")}


def _on_disk(component: str, settles_s: float) -> tuple[Disturbance, ...]:
    """Return the faults on the disk of a database, which may end because of them."""
    return (
        Disturbance("power-loss", component, (1, 2), {"torn": (1, 30)}, settles_s),
        Disturbance("disk-full", component, (1, 3), settles_s=settles_s),
        Disturbance("disk-read-only", component, (1, 3), settles_s=settles_s),
        Disturbance("disk-error", component, (1, 2), settles_s=settles_s),
        Disturbance("disk-slow-fsync", component, (2, 4), {"delay": ("20ms", "100ms")}),
    )


# Faults of a link and of the process behind it exist for every server that Gauntlet starts.
_ANY_SERVER = (
    *_on_clients("client>edge"),
    Disturbance("kill", "edge", (1, 3), settles_s=3.0),
    Disturbance("pause", "edge", (1, 4)),
)
_REFERENCE = (
    *_ANY_SERVER,
    Disturbance("latency", "client>gateway", (2, 5), {"latency": ("50ms", "150ms")}),
    Disturbance("latency", "edge>broker", (2, 5), {"latency": ("20ms", "100ms")}),
    Disturbance("partition", "edge>broker", (1, 4)),
    Disturbance("slicer", "client>gateway", (2, 4), {"bytes": (20, 200)}),
    Disturbance("bandwidth", "client>gateway", (2, 4), {"kb_per_s": (5, 50)}),
    Disturbance("limit-data", "client>gateway", (1, 3), {"bytes": (500, 5_000)}),
    Disturbance("drop", "edge>message", (1, 3), {"percent": (20, 50), "stream": _STREAMS}),
    Disturbance("stall", "edge>broker", (1, 4), {"stream": _STREAMS}),
    Disturbance("half-open", "edge>broker", (2, 4)),
    Disturbance("kill", "gateway", (1, 3), settles_s=2.0),
    Disturbance("kill", "message", (1, 2), settles_s=2.0),
    Disturbance("kill", "registry", (1, 3), settles_s=2.0),
    Disturbance("pause", "gateway", (1, 4)),
    Disturbance("pause", "message", (1, 2)),
    Disturbance("broker-failure", "broker", (1, 3), settles_s=4.0),
    Disturbance("flush", "registry", (1, 2)),
    Disturbance("slow-start", "gateway", (4, 5), {"start_delay": ("1s", "2s")}, settles_s=4.0),
    Disturbance("descriptor-limit", "gateway", (3, 5)),
    Disturbance("descriptor-limit", "edge", (3, 5)),
    Disturbance("queue-delete", "edge", (1, 2), {"count": (1, 2)}, settles_s=2.0),
    Disturbance("connection-churn", "broker", (2, 4), {"every": ("300ms", "1s")}, settles_s=2.0),
    Disturbance("cutover", "edge", (8, 12), {"drain": ("2s", "4s")}, settles_s=3.0),
    Disturbance("clock-step", "gateway", (2, 4), {**_STEPS, "count": (1, 2)}),
    Disturbance("clock-step", "edge", (2, 4), _STEPS),
    Disturbance("clock-step", "registry", (2, 4), _STEPS, settles_s=2.0),
    Disturbance("packet-loss", "gateway", (3, 5), {"loss": (10, 30), "count": (1, 2)}),
    Disturbance("clock-skew", "message", (2, 4), _SKEWS),
)
_EMBEDDED = (*_REFERENCE, *_on_disk("message", settles_s=3.0))
# PostgreSQL and RabbitMQ take longer to come back than their replacements on `embedded`.
_FULL = (
    *(
        entry._replace(settles_s=16.0) if entry.kind == "broker-failure" else entry
        for entry in _REFERENCE
    ),
    Disturbance("kill", "messages-db", (1, 3), settles_s=6.0),
    Disturbance("terminate-backends", "messages-db", (2, 4), {"every": ("500ms", "1s")}),
    Disturbance("lock-table", "messages-db", (2, 4), {"mode": ("all", "writes")}, settles_s=2.0),
    Disturbance("read-only", "messages-db", (2, 4), settles_s=2.0),
    Disturbance("block", "broker", (2, 5)),
    Disturbance("disk-alarm", "broker", (2, 5)),
    Disturbance("clock-step", "messages-db", (2, 4), _STEPS),
    *_on_disk("messages-db", settles_s=6.0),
)
_EXTERNAL = _on_clients("client>target")

_BY_STACK = {"embedded": _EMBEDDED, "full": _FULL, "external": _EXTERNAL}


def menu_of(scenario: Scenario) -> tuple[Disturbance, ...]:
    """Return the faults that a storm on the scenario's stack and layout may contain."""
    target = scenario.target
    menu = _BY_STACK.get(target.stack, _ANY_SERVER)
    if target.stack == "full" and target.layout != "split":
        menu = tuple(map(_on_gateways, menu))
    return tuple(map(_on_one_gateway, menu)) if target.layout == "single" else menu


def _on_gateways(entry: Disturbance) -> Disturbance:
    """Return a fault on a stack whose gateways host the message service."""
    is_message = entry.target.rpartition(">")[2] == "message"
    return entry._replace(host="gateway") if is_message else entry


def _on_one_gateway(entry: Disturbance) -> Disturbance:
    """Return a fault that needs no second gateway."""
    if entry.target != "gateway":
        return entry
    params = {name: values for name, values in entry.params.items() if name != "count"}
    return entry._replace(params=params)


def unavailable(kind: str) -> str:
    """Return why this machine cannot run faults of a kind; empty if it can, as most machines do."""
    definition = catalog.FAULTS[kind]
    if kind == "packet-loss":
        return _packets_unavailable()
    if definition.disk:
        return mounting.unavailable()
    return _clocks_unavailable() if definition.clock else ""


@cache
def _packets_unavailable() -> str:
    return packet_filter.unavailable()


@cache
def _clocks_unavailable() -> str:
    return clock_library.unavailable()
