"""The words that scenarios may contain, and what is known about each of them.

Faults, checks, indicators, workloads, adapters and sections describe themselves in their own files;
`make docs` writes those descriptions into `catalog.json`, which is read here. Everything else that
a scenario can name is listed below.
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

DEFAULT_REQUIRED: tuple[str, ...] = tuple(name for name, check in CHECKS.items() if check.required)
# The stacks that can be booted for each adapter, its usual one first; `external` suits all of them.
ADAPTER_STACKS: dict[str, tuple[str, ...]] = {
    name: adapter.stacks for name, adapter in ADAPTERS.items()
}

# A target is a role (all of its components), a component (`gateway-1`), or a link (`edge>broker`).
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

LAYOUTS: dict[str, str] = {
    "default": "the usual layout of the stack",
    "split": "each service in its own process",
    "single": "the default layout with a single gateway",
}

GUARD_CHECKS: tuple[str, ...] = ("lost-acked",)
