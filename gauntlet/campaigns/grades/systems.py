"""What `gauntlet grades` runs: systems, their configurations, and experiments as scenarios.

A line in `SYSTEMS` adds a system, a line in `EXPERIMENTS` adds an experiment. The combination of a
system, a configuration and an experiment is a cell, such as `nats/core/kill`.
"""

import hashlib
import json
from collections.abc import Sequence
from typing import Any, NamedTuple

from gauntlet.core.clock import parse_duration_s
from gauntlet.core.errors import ConfigError

SEED = 1
SERVER = "edge"  # the role of the server in stacks of a single one
POWER_LOSS = "power"  # the name of the experiment
# Short runs with little load: the table shows what is lost, not how much a system can carry.
_LOAD: dict[str, Any] = {
    "users": 20,
    "workload": {"direct": 1},
    "rate": "28/s",
    "ramp": "2s",
    "lag_budget_ms": 500,
}
_FAULT = {"id": "fault", "at": "5s"}
_STEADY_S = 10.0
# The load goes on for this long after a fault, so that it shows whether the service recovered.
_AFTERWARDS_S = 10


class Configuration(NamedTuple):
    """One way to configure a system: `server` is `target.server`; `stack` replaces the system's.

    `on_disk` is the component whose disk holds the messages; empty if no disk does.
    """

    name: str
    about: str
    server: dict[str, Any]
    stack: str = ""
    on_disk: str = ""


class System(NamedTuple):
    """One system under test; `killed` is the target of the fault `kill`."""

    name: str
    title: str
    adapter: str
    stack: str
    configurations: tuple[Configuration, ...]
    killed: str = "edge"


class Experiment(NamedTuple):
    """One thing that happens to a system; `fault` is empty if nothing is injected.

    `on_disk`: it happens to the disk that holds the messages, if there is one.
    """

    name: str
    about: str
    fault: dict[str, Any]
    workload: dict[str, Any] | None = None
    on_disk: bool = False


class Cell(NamedTuple):
    """One run of a campaign."""

    system: System
    configuration: Configuration
    experiment: Experiment

    @property
    def name(self) -> str:
        """The name on the command line."""
        return f"{self.system.name}/{self.configuration.name}/{self.experiment.name}"

    @property
    def stack(self) -> str:
        """The stack to boot."""
        return self.configuration.stack or self.system.stack


EXPERIMENTS: tuple[Experiment, ...] = (
    Experiment("steady", "no fault", {}),
    Experiment(
        "away",
        "half of the users disconnect for 4 s and return",
        {},
        {"offline_catchup": {"at": ["5s"], "offline": "4s", "percent": 50}},
    ),
    Experiment(
        "cut",
        "all connections are cut; clients reconnect",
        {"kind": "disconnect", "target": "client>edge", "for": "2s", "params": {"percent": 100}},
    ),
    Experiment(
        "kill",
        "`kill -9`, and a restart 2 s later",
        # Late, so that there is something to lose. The target is the system's.
        {"kind": "kill", "target": "", "at": "10s", "for": "2s"},
    ),
    Experiment(
        "slow",
        "200 ms ± 50 ms more in each direction for 4 s",
        {
            "kind": "latency",
            "target": "client>edge",
            "for": "4s",
            "params": {"latency": "200ms", "jitter": "50ms"},
        },
    ),
    Experiment(
        "blackhole",
        "all links are silent for 3 s; what is sent then is lost",
        {"kind": "partition", "target": "client>edge", "for": "3s"},
    ),
    Experiment(
        POWER_LOSS,
        "power is lost, so that what was not synced to disk is gone; it returns 2 s later",
        {"kind": "power-loss", "target": "", "at": "10s", "for": "2s"},
        on_disk=True,
    ),
)

# Judge a system that promises less as a chat whose users expect every message.
_OWED = {"at_most_once": False}

SYSTEMS: tuple[System, ...] = (
    System(
        "reference",
        "Reference server",
        "reference",
        "embedded",
        (
            Configuration("embedded", "SQLite and Redis", {}, on_disk="message"),
            Configuration(
                "full",
                "PostgreSQL, RabbitMQ and Redis",
                {},
                stack="full",
                on_disk="messages-db",
            ),
        ),
        killed="message",  # the process that commits messages; on `full`, a gateway
    ),
    System(
        "prosody",
        "Prosody (XMPP)",
        "xmpp",
        "prosody",
        (
            Configuration("disk", "archive on disk", {"storage": "internal"}, on_disk=SERVER),
            Configuration("memory", "archive in memory", {"storage": "memory"}),
        ),
    ),
    System(
        "ejabberd",
        "ejabberd (XMPP)",
        "xmpp",
        "ejabberd",
        (
            Configuration("disk", "archive on disk, in Mnesia", {}, on_disk=SERVER),
            Configuration("memory", "archive in memory, in Mnesia", {"storage": "memory"}),
        ),
    ),
    System(
        "mosquitto",
        "Mosquitto (MQTT 5)",
        "mqtt",
        "mosquitto",
        (
            Configuration(
                "qos-0", "QoS 0, every message expected", {"qos": 0, "persistent": False, **_OWED}
            ),
            Configuration(
                "qos-1-memory",
                "QoS 1, persistent sessions, `persistence false`",
                {"qos": 1, "persistence": False},
            ),
            Configuration(
                "qos-1-disk",
                "QoS 1, persistent sessions, `autosave_on_changes`, `autosave_interval 1`",
                {
                    "qos": 1,
                    "clean_start": False,
                    "autosave_on_changes": True,
                    "autosave_interval": 1,
                },
                on_disk=SERVER,
            ),
            Configuration(
                "qos-2-disk",
                "QoS 2, persistent sessions, `autosave_on_changes`, `autosave_interval 1`",
                {
                    "qos": 2,
                    "clean_start": False,
                    "autosave_on_changes": True,
                    "autosave_interval": 1,
                },
                on_disk=SERVER,
            ),
        ),
    ),
    System(
        "nats",
        "NATS",
        "nats",
        "nats",
        (
            Configuration("core", "core NATS, every message expected", {"mode": "core", **_OWED}),
            Configuration("jetstream-memory", "JetStream in memory", {"storage": "memory"}),
            Configuration(
                "jetstream-file", "JetStream on disk, fsync every 2 min", {}, on_disk=SERVER
            ),
            Configuration(
                "jetstream-fsync",
                "JetStream on disk, fsync always",
                {"sync_interval": "always"},
                on_disk=SERVER,
            ),
        ),
    ),
    System(
        "centrifugo",
        "Centrifugo",
        "centrifugo",
        "centrifugo",
        (
            Configuration(
                "no-history", "no history, every message expected", {"history": False, **_OWED}
            ),
            Configuration("memory", "history and recovery, memory engine", {}),
        ),
    ),
    System(
        "socketio",
        "Socket.IO 4",
        "socketio",
        "socketio",
        (
            Configuration(
                "no-recovery",
                "connections are not recovered, every message expected",
                {"recovery": False, **_OWED},
            ),
            Configuration("recovery", "connection state recovery, messages in memory", {}),
        ),
    ),
    System(
        "matrix",
        "Synapse (Matrix)",
        "matrix",
        "synapse",
        (
            Configuration("disk", "SQLite on disk", {}, on_disk=SERVER),
            Configuration("memory", "SQLite in memory", {"storage": "memory"}),
        ),
    ),
)


def cells() -> list[Cell]:
    """Return every cell, in the order of the page."""
    return [
        Cell(system, configuration, experiment)
        for system in SYSTEMS
        for configuration in system.configurations
        for experiment in EXPERIMENTS
        if configuration.on_disk or not experiment.on_disk
    ]


def chosen(selectors: Sequence[str]) -> list[Cell]:
    """Return the cells that any selector names: `nats`, `nats/core` or `nats/core/kill`."""
    every = cells()
    for selector in selectors:
        if not any(_matches(cell, selector) for cell in every):
            known = ", ".join(system.name for system in SYSTEMS)
            raise ConfigError(
                "CELL must be SYSTEM, SYSTEM/CONFIGURATION or SYSTEM/CONFIGURATION/EXPERIMENT, "
                f"with a system of: {known}; got {selector} (see `gauntlet grades --list`)"
            )
    return [c for c in every if not selectors or any(_matches(c, s) for s in selectors)]


def _matches(cell: Cell, selector: str) -> bool:
    parts = selector.split("/")
    return cell.name.split("/")[: len(parts)] == parts


def scenario(cell: Cell) -> dict[str, Any]:
    """Return the scenario of a cell, as a scenario file contains it."""
    experiment = cell.experiment
    fault: dict[str, Any] = {**_FAULT, **experiment.fault} if experiment.fault else {}
    if experiment.on_disk:
        fault["target"] = cell.configuration.on_disk
    elif fault.get("kind") == "kill":
        fault["target"] = cell.system.killed
    steady_s = _STEADY_S
    if fault:
        healed_s = parse_duration_s(fault["at"]) + parse_duration_s(fault["for"])
        steady_s = max(steady_s, healed_s - parse_duration_s(_LOAD["ramp"]) + _AFTERWARDS_S)
    return {
        "version": 1,
        "name": cell.name.replace("/", "-"),
        "about": f"{cell.system.title}, {cell.configuration.about}: {experiment.about}.",
        "seed": SEED,
        "target": {
            "adapter": cell.system.adapter,
            "stack": cell.stack,
            "server": cell.configuration.server,
        },
        "load": {
            **_LOAD,
            "workload": experiment.workload or _LOAD["workload"],
            "steady": f"{steady_s:g}s",
        },
        "faults": [fault] if fault else [],
    }


def digest(cell: Cell) -> str:
    """Return a short digest of a cell's scenario: a record of another scenario is out of date."""
    keys = {key: value for key, value in scenario(cell).items() if key != "about"}
    text = json.dumps(keys, sort_keys=True)
    return hashlib.sha256(text.encode()).hexdigest()[:12]


def command(cell: Cell) -> str:
    """Return the command that repeats the run of a cell, on any machine with the server."""
    file = f"{cell.name.replace('/', '-')}.yaml"
    return f"gauntlet grades --show {cell.name} > {file} && gauntlet run {file}"
