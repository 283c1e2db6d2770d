"""Short scenarios with random faults, in which the harness dies; together they have every kind."""

import random
from collections.abc import Iterator
from pathlib import Path
from typing import Any, NamedTuple

RAMP_S, STEADY_S = 2.0, 12.0
_BEGINS_S = (2.0, 5.0)
_LASTS_S = 6.0
_FAULTS_MAX = 6
_ALL_SERVICES = frozenset({"gateway", "message", "room", "social", "edge"})
_MOVING = frozenset({"cutover", "rolling-update", "scale-in", "scale-out"})


class Example(NamedTuple):
    """One way to inject a kind of fault; without a target on a stack it cannot be used there."""

    embedded: str = ""
    full: str = ""
    params: dict[str, Any] = {}  # noqa: RUF012 - never changed

    def target(self, stack: str) -> str:
        """Return the target on a stack."""
        return self.embedded if stack == "embedded" else self.full


def _both(target: str, **params: Any) -> Example:
    return Example(target, target, params)


def _disk(**params: Any) -> Example:
    return Example("message", "messages-db", params)


def _full(target: str, **params: Any) -> Example:
    return Example("", target, params)


# `command` is part of every scenario, and `observed` injects nothing.
EXAMPLES: dict[str, Example] = {
    "disconnect": _both("client>edge", percent=50),
    "reset": _both("client>edge", percent=50),
    "latency": _both("client>gateway", latency="80ms"),
    "bandwidth": _both("client>gateway", kb_per_s=20),
    "slicer": _both("client>gateway", bytes=50),
    "stall": _both("edge>broker"),
    "partition": _both("edge>registry"),
    "blackhole": _both("client>edge"),
    "half-open": _both("client>edge", percent=50),
    "refuse": _both("client>edge"),
    "drop": _both("client>gateway", percent=20),
    "limit-data": _both("client>gateway", bytes=2000),
    "slow-close": _both("client>edge", delay="1s"),
    "kill": _both("gateway"),
    "pause": _both("edge"),
    "restart": _both("gateway", every="1s"),
    "power-loss": _disk(),
    "slow-start": _both("gateway", start_delay="3s"),
    "oom-kill": _both("gateway"),
    "cpu-limit": _both("gateway", core_percent=5),
    "memory-pressure": _both("gateway"),
    "descriptor-limit": _both("gateway"),
    "packet-loss": _both("gateway", loss=20),
    "reorder": _both("edge", share=50),
    "disk-full": _disk(),
    "disk-read-only": _disk(),
    "disk-slow-fsync": _disk(delay="50ms"),
    "disk-error": _disk(),
    "clock-step": _both("registry", step="1h"),
    "clock-skew": _both("registry", per_second="500ms"),
    "certificate-expiry": _both("edge"),
    "broker-failure": _both("broker"),
    "cutover": _both("edge", drain="2s"),
    "flush": _both("registry"),
    "client-pause": _both("registry"),
    "memory-limit": _both("registry"),
    "queue-delete": _both("edge"),
    "connection-churn": _both("broker", every="500ms"),
    "block": _full("broker"),
    "disk-alarm": _full("broker"),
    "terminate-backends": _full("messages-db", every="1s"),
    "lock-table": _full("messages-db"),
    "read-only": _full("messages-db"),
    "failover": Example("registry", "messages-db", {"promote_after": "1s"}),
    "crash-after-commit": Example("message", "message", {}),
    "scale-out": _both("edge"),
    "scale-in": _both("edge", drain="2s"),
    "rolling-update": _both("gateway"),
    "surge": _both("gateway", factor=2),
}
KINDS = tuple(EXAMPLES)
# Of those that a running Toxiproxy can do, the ones that leave each other's connections alone.
_TOXICS = ("latency", "bandwidth", "slicer", "slow-close")


def stack_of(seed: int) -> str:
    """Return the stack of a death: every third one is on `full`, and so are kinds that need it."""
    example = EXAMPLES[first_kind(seed)]
    if not example.embedded:
        return "full"
    return "full" if example.full and (seed // len(KINDS) + seed) % 3 == 2 else "embedded"


def first_kind(seed: int) -> str:
    """Return the kind that a death certainly has; consecutive seeds take turns."""
    return KINDS[seed % len(KINDS)]


def scenario(seed: int, stack: str, flag: Path) -> dict[str, Any]:
    """Return a scenario of at most 15 s; the fault `command` creates the file `flag`."""
    stream = random.Random(f"{seed}/death")
    faults = [_command(flag), *_drawn(seed, stack, stream)]
    tls = any(fault["kind"] == "certificate-expiry" for fault in faults)
    return {
        "version": 1,
        "name": "death",
        "about": "The harness dies while random faults act.",
        "seed": seed,
        "target": {"stack": stack, **({"server": {"tls": True}} if tls else {})},
        "load": {
            "users": 20,
            "workload": {"direct": 2, "group": {"weight": 1, "size": 5}},
            "rate": "20/s",
            "ramp": f"{RAMP_S:g}s",
            "steady": f"{STEADY_S:g}s",
            "lag_budget_ms": 1000,
        },
        "faults": faults,
    }


def toxics(seed: int, flag: Path) -> dict[str, Any]:
    """Return a scenario whose faults act in a Toxiproxy that goes on running."""
    plain = scenario(seed, "embedded", flag)
    stream = random.Random(f"{seed}/toxics")
    kinds = stream.sample(_TOXICS, 3)
    faults = [
        {
            "id": kind,
            "kind": kind,
            "target": "toxiproxy>front",
            "at": f"{stream.uniform(*_BEGINS_S):.1f}s",
            "for": f"{_LASTS_S:g}s",
            "params": EXAMPLES[kind].params,
        }
        for kind in kinds
    ]
    return {**plain, "faults": [plain["faults"][0], *faults]}


def _command(flag: Path) -> dict[str, Any]:
    file = str(flag)
    params = {
        "inject": ["touch", file],
        "prove": ["test", "-e", file],
        "heal": ["rm", "-f", file],
        "verify": ["test", "!", "-e", file],
    }
    return {"id": "command", "kind": "command", "at": "2s", "for": "9s", "params": params}


def _drawn(seed: int, stack: str, stream: random.Random) -> Iterator[dict[str, Any]]:
    """Yield the first kind, and others that disturb other parts of the stack."""
    others = [kind for kind in KINDS if kind != first_kind(seed)]
    stream.shuffle(others)
    taken: set[str] = set()
    count = 0
    for kind in (first_kind(seed), *others):
        example = EXAMPLES[kind]
        target = example.target(stack)
        roles = _ALL_SERVICES if kind in _MOVING else _roles(target, stack)
        if not target or roles & taken or count == _FAULTS_MAX:
            continue
        taken |= roles
        count += 1
        yield {
            "id": kind,
            "kind": kind,
            "target": target,
            "at": f"{stream.uniform(*_BEGINS_S):.1f}s",
            "for": f"{_LASTS_S:g}s",
            **({"params": example.params} if example.params else {}),
        }


def _roles(target: str, stack: str) -> set[str]:
    """Return the roles that a fault disturbs; on `full` the gateways host the message service."""
    roles = set(target.split(">")) - {"client", ""}
    return {"gateway" if stack == "full" and role == "message" else role for role in roles}
