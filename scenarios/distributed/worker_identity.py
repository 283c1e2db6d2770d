"""The identity of a load process: its host, its code, its clock, and its loopback network."""

import hashlib
import os
import socket
import uuid
from importlib import metadata
from importlib.resources import files
from pathlib import Path
from typing import Any

import msgspec

from gauntlet.builds import ENGINE, PURE_VARIABLE
from gauntlet.core.scenario.model import Scenario, to_builtins

PROTOCOL = 1  # of the messages between master and workers (`gauntlet.scenarios.locust_plugin`)
# Settings of a load that the master may override: its sizes, and whether tasks control it.
_THE_MASTERS = ("users", "rate", "ramp", "steady", "model")


class Identity(msgspec.Struct, frozen=True):
    """One process. Equal values of `clock` mean the same clock, equal `network`s the same loopback.

    `scenario` is the name and a digest of the scenario that it was started with, if any. `build` is
    that of the load engine: latencies of a compiled one and a pure one are not to be mixed.
    """

    host: str
    pid: int
    clock: str
    network: str
    version: str
    protocol: int = PROTOCOL
    scenario: tuple[str, str] | None = None
    build: str = "pure"

    def __str__(self) -> str:
        return f"{self.host}, pid {self.pid}"


def of_this_process(scenario: Scenario | None = None) -> Identity:
    """The identity of this process."""
    return Identity(
        host=socket.gethostname(),
        pid=os.getpid(),
        clock=f"{boot_id()} {_namespace('time')}",
        network=f"{boot_id()} {_namespace('net')}",
        version=f"{metadata.version('im-gauntlet')} (code {_code()})",
        scenario=None if scenario is None else (scenario.name, fingerprint(scenario)),
        build=ENGINE.current().kind,
    )


def mismatch(theirs: Identity, ours: Identity) -> str:
    """Why a worker cannot take part in a run of ours; empty if it can."""
    if theirs.protocol != ours.protocol:
        return f"it speaks protocol {theirs.protocol}, the master {ours.protocol}"
    if theirs.version != ours.version:
        return f"it runs gauntlet {theirs.version}, the master {ours.version}"
    if theirs.build != ours.build:
        return (
            f"its load engine is {theirs.build}, the master's {ours.build}: "
            f"compile both, or set {PURE_VARIABLE}=1 for both"
        )
    if theirs.scenario is None or ours.scenario in (None, theirs.scenario):
        return ""
    if theirs.scenario[0] != ours.scenario[0]:
        return f"it has the scenario {theirs.scenario[0]}, the master {ours.scenario[0]}"
    return f"its scenario {theirs.scenario[0]} is not the master's: the two files differ"


def fingerprint(scenario: Scenario) -> str:
    """A digest of what a worker uses of a scenario, without the master's overrides."""
    load: dict[str, Any] = to_builtins(scenario)["load"]
    acted_on = {key: value for key, value in load.items() if key not in _THE_MASTERS}
    return hashlib.sha256(msgspec.json.encode(acted_on, order="sorted")).hexdigest()[:12]


def boot_id() -> str:
    """An id that is the same for all processes of one boot of one machine."""
    file = Path("/proc/sys/kernel/random/boot_id")
    return file.read_text().strip() if file.exists() else f"{socket.gethostname()} {uuid.getnode()}"


def _namespace(kind: str) -> str:
    """A namespace of this process: containers may have their own loopback, and even clock."""
    link = Path(f"/proc/self/ns/{kind}")
    return str(link.readlink()) if link.is_symlink() else ""


def _code() -> str:
    """A digest of the load's code, because two checkouts may claim the same version."""
    digest = hashlib.sha256()
    for package in ("gauntlet.scenarios", "gauntlet.core"):
        root = Path(str(files(package)))
        for file in sorted(root.rglob("*.py")):
            digest.update(str(file.relative_to(root)).encode() + file.read_bytes())
    return digest.hexdigest()[:8]
