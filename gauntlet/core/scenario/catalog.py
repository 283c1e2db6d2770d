"""The names that scenarios may contain: plug-ins, roles and layouts.

Faults, checks, indicators, workloads and adapters describe themselves in their own modules, and
`make docs` writes the descriptions to `catalog.json`, from which this module reads them.
"""

from importlib.resources import files

import msgspec

from gauntlet.core.plugins import (
    AdapterKind,
    Catalog,
    CheckKind,
    FaultKind,
    IndicatorKind,
    WorkloadKind,
)

FILE = files("gauntlet.core.scenario") / "catalog.json"

_CATALOG = msgspec.json.decode(FILE.read_bytes(), type=Catalog)

FAULTS: dict[str, FaultKind] = _CATALOG.faults
CHECKS: dict[str, CheckKind] = _CATALOG.checks
INDICATORS: dict[str, IndicatorKind] = _CATALOG.indicators
WORKLOADS: dict[str, WorkloadKind] = _CATALOG.workloads
ADAPTERS: dict[str, AdapterKind] = _CATALOG.adapters

# What to write in place of names from Toxiproxy and from other tools. Each completes "must be".
INSTEAD: dict[str, str] = {
    "timeout": (
        "blackhole, which stays silent whatever is sent (Toxiproxy's timeout starts again at every "
        "heartbeat and never closes a busy link)"
    ),
    "reset_peer": "reset, which also ends live connections by RST",
    "limit_data": "limit-data, drop (its 0 bytes), or disconnect to cut connections once",
    "slow_close": "slow-close",
    "down": "refuse, which leaves live connections open, or kill for the component itself",
    "packet_loss": "packet-loss, by which the kernel drops packets of a process",
    "packet_reorder": "reorder, by which packets of a process overtake each other",
}

DEFAULT_REQUIRED: tuple[str, ...] = tuple(name for name, check in CHECKS.items() if check.required)
# The stacks that can be booted for each adapter, the default one first. The stack `external` can be
# used with every adapter.
ADAPTER_STACKS: dict[str, tuple[str, ...]] = {
    name: adapter.stacks for name, adapter in ADAPTERS.items()
}

# The target of a fault is a role (all of its components), one component (`gateway-1`), or a link
# (`edge>broker`).
_PROCESSES: tuple[str, ...] = (
    "gateway",
    "message",
    "room",
    "social",
    "sessions",
    "friend",
    "sticker",
    "edge",
)
ROLES: tuple[str, ...] = (*_PROCESSES, "messages-db", "users-db", "registry", "broker")
LINK_SOURCES: tuple[str, ...] = ("client", *_PROCESSES)

# What a stack `external` consists of for faults: `gateway` are the addresses of `target.url`,
# `edge` those of `target.edges` or else the same, and `target` all of them.
EXTERNAL_LINKS: tuple[str, ...] = ("client>target", "client>edge", "client>gateway", "toxiproxy")
TOXIPROXY_SOURCE = "toxiproxy"  # of links `toxiproxy>NAME`: the proxies of `target.toxiproxy`

LAYOUTS: dict[str, str] = {
    "default": "the usual layout of the stack",
    "split": "each service in its own process",
    "single": "the default layout with a single gateway",
}

# What guards can watch while the load runs. The judge decides about the checks in the end; the
# clients only have a suspicion. The checks of the first tuple wait until a message is overdue.
GUARD_WAITING_CHECKS: tuple[str, ...] = ("lost-acked", "undelivered")
GUARD_CHECKS: tuple[str, ...] = (*GUARD_WAITING_CHECKS, "wire-order")
GUARD_INDICATORS: tuple[str, ...] = (
    *(f"{kind}_{share}_ms" for kind in ("ack", "delivery") for share in ("p50", "p99", "p999")),
    "send_errors_ratio",
    "missed_arrivals_count",
    "missed_arrivals_ratio",
    "acked_per_s",
)
