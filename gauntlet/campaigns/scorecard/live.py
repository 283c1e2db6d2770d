"""The parts of the scorecard that run a server: seeded bugs, and clean runs under faults.

Every run lasts 8 to 12 s and has little load, so that two fit on a small machine at the same time.
"""

import copy
import hashlib
import json
from importlib.util import find_spec
from pathlib import Path
from typing import Any

from gauntlet.campaigns.scorecard.bug_files import BugFile, read_folder
from gauntlet.campaigns.scorecard.trials import Part, Subject
from gauntlet.chaos.server_hooks.bugs import BUGS
from gauntlet.core.errors import ConfigError
from gauntlet.core.scenario import catalog, yaml_reader

BUG_SEEDS, BUG_SEEDS_IF_MISSED = 10, 20
CLEAN_SEEDS = 20

# The parts of a scenario; other keys of a bug's options belong to `load` or to `target`.
_SCENARIO_KEYS = frozenset(
    {"target", "load", "faults", "sla", "checks", "recovery_window", "delivery_deadline", "guards"}
)
_TARGET_KEYS = frozenset({"adapter", "stack", "layout", "server"})

_LOAD: dict[str, Any] = {
    "users": 20,
    "workload": {"direct": 2, "group": {"weight": 1, "size": 6}},
    "rate": "40/s",
    "ramp": "2s",
    "steady": "10s",
    "attempt_timeout": "1s",
    "lag_budget_ms": 500,
}
# A hanging edge is noticed in 3 s instead of 15 s.
_TARGET: dict[str, Any] = {
    "adapter": "reference",
    "stack": "embedded",
    "server": {"ping_ms": 2000, "pong_ms": 1000},
}
# With every check required, no violation is only a warning.
_REQUIRED: dict[str, Any] = {"checks": {"required": list(catalog.CHECKS)}}
_CUT = {
    "id": "cut",
    "kind": "disconnect",
    "target": "client>edge",
    "at": "4s",
    "for": "1s",
    "params": {"percent": 50},
}
_KILLED = {"id": "messages-killed", "kind": "kill", "target": "message", "at": "8s", "for": "1s"}
# The senders of the last commit retry what is stored already.
_UNANSWERED = {
    "id": "unanswered",
    "kind": "crash-after-commit",
    "target": "message",
    "at": "5s",
    "for": "1s",
    "params": {"unanswered": True},
}
_POWER_LOST = {**_KILLED, "id": "power-lost", "kind": "power-loss"}
_CUTOVER = {
    "id": "to-green",
    "kind": "cutover",
    "target": "edge",
    "at": "3s",
    "for": "6s",
    "params": {"drain": "3s"},
}

# What the runs of the registered bugs need, and the names of which the first reason must be one.
# A push that was dropped is a jump on its connection, or a message that is missing. Positions that
# are lost with their messages are also ones that reads knew before.
_REGISTERED: dict[str, tuple[tuple[str, ...], dict[str, Any]]] = {
    "ack_before_commit": (("lost-acked",), {}),
    "retry_mints_new_id": (("duplicate",), {"faults": [_UNANSWERED]}),
    "resync_skips_one": (("undelivered", "history-gap"), {}),
    "wrong_compare_delete": (
        ("p99-cutover",),
        {
            "faults": [_CUTOVER],
            "sla": [
                {
                    "id": "p99-cutover",
                    "indicator": "delivery_p99_ms",
                    "op": "<",
                    # Correct servers stay below 100 ms; the bug's messages wait for the next ping.
                    "value": 500,
                    "window": "fault:to-green",
                }
            ],
        },
    ),
    "drain_drops_in_flight": (("wire-order", "undelivered"), {"faults": [_CUTOVER]}),
    "no_fsync": (("lost-acked", "history-regress"), {"faults": [_POWER_LOST]}),
    # Nothing is examined during faults, and an answer needs 5 s before and after it.
    "attendance_expires": (("attendance-stale",), {"faults": [], "steady": "12s"}),
}

_LAST = {"id": "last", "indicator": "lost_connections_count", "op": "<=", "value": 0}
_NONE_MOVED = {**_LAST, "id": "none-moved", "indicator": "moved_connections_count"}

# Faults that a correct system survives without a violation, each with the workload it meets.
_ROOMS = {"workload": {"group": {"weight": 1, "size": 6, "exits": "4/m", "offline": "2s"}}}
_AWAY = {"workload": {"direct": 1, "offline_catchup": {"weight": 1, "at": ["5s"], "offline": "3s"}}}
_STORM = {
    "workload": {
        "group": {"weight": 1, "size": 6},
        "reconnect_storm": {"weight": 1, "at": ["6s"], "offline": "2s"},
    }
}


def _fault(kind: str, target: str, duration: str = "2s", **params: Any) -> list[dict[str, Any]]:
    # After the ramp, and early enough that the load goes on until the service has recovered.
    fault = {"id": "fault", "kind": kind, "target": target, "at": "3s", "for": duration}
    return [{**fault, "params": params} if params else fault]


_CLEAN: dict[str, tuple[str, dict[str, Any]]] = {
    "no-fault": ("no fault", {}),
    "cut": ("half of the connections are cut", {"faults": [_CUT]}),
    "cut-and-kill": (
        "half of the connections are cut, then the message service is killed",
        {"faults": [_CUT, _KILLED]},
    ),
    "edge-killed": ("an edge is killed, and starts again", {"faults": _fault("kill", "edge")}),
    "gateway-killed": ("a gateway is killed", {"faults": _fault("kill", "gateway-1")}),
    "message-killed": (
        "the message service is killed",
        {"faults": _fault("kill", "message", "1s")},
    ),
    "unpublished": (
        "the message service is killed after a commit that it has not published",
        {"faults": _fault("crash-after-commit", "message", "1s")},
    ),
    "unanswered": (
        "the message service is killed after a commit that it has not answered",
        {"faults": [_UNANSWERED]},
    ),
    "edge-hangs": ("an edge hangs for 4 s", {"faults": _fault("pause", "edge", "4s")}),
    "slow": (
        "200 ms ± 50 ms more between clients and edges",
        {"faults": _fault("latency", "client>edge", "4s", latency="200ms", jitter="50ms")},
    ),
    "half-open": (
        "the links to an edge are silent",
        {"faults": _fault("partition", "client>edge-blue-1", "3s")},
    ),
    "broker-down": (
        "the broker is killed, and comes back empty",
        {"faults": _fault("broker-failure", "broker")},
    ),
    "registry-empty": ("the registry loses all keys", {"faults": _fault("flush", "registry")}),
    "cutover": ("all clients move to another environment", {"faults": [_CUTOVER]}),
    "exits": ("members exit their rooms and return", {"load": _ROOMS, "faults": [_CUT]}),
    "away": (
        "users go offline and return, and an edge is killed",
        {"load": _AWAY, "faults": _fault("kill", "edge")},
    ),
    "connections": ("no fault, and no connection may end", {"sla": [_LAST]}),
    "edge-added": (
        "an edge is added, and no connection may end or be replaced",
        {
            "faults": _fault("scale-out", "edge"),
            "sla": [{**_LAST, "window": "run"}, {**_NONE_MOVED, "window": "fault:fault"}],
        },
    ),
    "storm": ("users disconnect together and return in the same instant", {"load": _STORM}),
}


def clean() -> list[Subject]:
    """Return the clean runs."""
    return [
        Subject(
            Part.CLEAN,
            name,
            about,
            _digest(changes),
            CLEAN_SEEDS,
            CLEAN_SEEDS,
            scenario=scenario(f"clean-{name}", f"A correct server: {about}.", changes),
        )
        for name, (about, changes) in _CLEAN.items()
    ]


def bugs(folder: Path | None) -> list[Subject]:
    """Return the registered bugs, and those of a folder."""
    found = []
    for name, bug in BUGS.items():
        anomalies, options = _REGISTERED[name]
        file = _file_of(bug.module)
        digest = hashlib.sha256(file.read_bytes()).hexdigest()
        found.append(_bug(BugFile(name, file, bug.about, anomalies, options, digest), name))
    if folder is not None:
        found += [_bug_of_file(each) for each in read_folder(folder)]
    return found


def _file_of(module: str) -> Path:
    """Return the file of a module, which is not imported: it belongs into the server."""
    spec = find_spec(module)
    if spec is None or spec.origin is None:
        raise ConfigError(f"the module of a registered bug does not exist: {module}")
    return Path(spec.origin)


def _bug(bug: BugFile, option: str) -> Subject:
    changes = {"faults": [_CUT, _KILLED], **bug.options}
    return Subject(
        Part.BUGS,
        bug.name,
        bug.sentence,
        _digest(changes, bug.digest),
        BUG_SEEDS,
        BUG_SEEDS_IF_MISSED,
        bug.anomalies,
        scenario(f"bug-{bug.name}", bug.sentence, changes),
        ("--bug", option),
    )


def _right_names(anomalies: tuple[str, ...], plain: dict[str, Any]) -> tuple[str, ...]:
    """Return the names that are right as a first reason.

    A bug that makes deliveries late may also be named by an objective on their latency.
    """
    if "late" not in anomalies:
        return anomalies
    objectives = plain.get("sla") or ()
    return (
        *anomalies,
        *(each["id"] for each in objectives if each["indicator"].startswith("delivery_")),
    )


def _bug_of_file(bug: BugFile) -> Subject:
    """Return the subject of a file: `scenario` is one of its folder, the rest are run options."""
    options = dict(bug.options)
    name = options.pop("scenario", None)
    plain = scenario(f"bug-{bug.name}", bug.sentence, {"faults": [_CUT, _KILLED]})
    if name is not None:
        plain = {**_read_scenario(bug.file.parent / "scenarios" / f"{name}.yaml")}
        plain |= {"name": f"bug-{bug.name}".replace("_", "-"), "about": bug.sentence, **_REQUIRED}
    given = [text for key, value in options.items() for text in (f"--{key}", str(value))]
    # The folder may be anywhere, so its path is no part of the digest.
    state = json.dumps([{**plain, "name": "", "about": ""}, given, bug.digest], sort_keys=True)
    return Subject(
        Part.BUGS,
        bug.name,
        bug.sentence,
        hashlib.sha256(state.encode()).hexdigest()[:12],
        BUG_SEEDS,
        BUG_SEEDS_IF_MISSED,
        _right_names(bug.anomalies, plain),
        plain,
        (*given, "--bug", str(bug.file)),
    )


def _read_scenario(file: Path) -> dict[str, Any]:
    _, plain = yaml_reader.read(yaml_reader.text_of(file, "the scenario of a bug"), str(file))
    if not isinstance(plain, dict):
        raise ConfigError(f"{file} must be a scenario; got {plain!r}")
    return plain


def scenario(name: str, about: str, changes: dict[str, Any]) -> dict[str, Any]:
    """Return the scenario of a run, as a scenario file contains it; the seed is set by the trial.

    `changes` replace keys of the scenario, of its `target` and of its `load`; a key that is none of
    the scenario belongs to one of these two.
    """
    found: dict[str, Any] = {
        "version": 1,
        "name": name.replace("_", "-").lower(),
        "about": about,
        "target": copy.deepcopy(_TARGET),
        "load": copy.deepcopy(_LOAD),
        **_REQUIRED,
    }
    for key, value in changes.items():
        if key in ("target", "load"):
            found[key] |= value
        elif key in _SCENARIO_KEYS:
            found[key] = value
        else:
            found["target" if key in _TARGET_KEYS else "load"][key] = value
    return found


def _digest(changes: dict[str, Any], source: str = "") -> str:
    """Return a short digest of what is run: records of other runs are stale."""
    plain = {**scenario("any", "", changes), "source": source}
    return hashlib.sha256(json.dumps(plain, sort_keys=True).encode()).hexdigest()[:12]
