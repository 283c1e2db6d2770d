"""Short runs against a real server of another project, and what their verdict must be."""

from pathlib import Path
from typing import Any, NamedTuple

import pytest
import yaml

from gauntlet.cli import main
from gauntlet.core.errors import Exit
from gauntlet.core.run_directory import RunDir

# The adapter of each stack.
ADAPTERS = {
    "prosody": "xmpp",
    "ejabberd": "xmpp",
    "mosquitto": "mqtt",
    "nats": "nats",
    "centrifugo": "centrifugo",
    "socketio": "socketio",
    "synapse": "matrix",
}
KILL = {"id": "gone", "kind": "kill", "target": "edge", "at": "5s", "for": "2s"}
CUT = {
    "id": "cut", "kind": "disconnect", "target": "client>edge", "at": "5s", "for": "2s",
    "params": {"percent": 100},
}  # fmt: skip
AWAY = {"offline_catchup": {"at": ["5s"], "offline": "4s"}}
ROOMS = {"group": {"size": 4}}
OWED = {"at_most_once": False}  # judge as a chat whose users expect every message
UNDELIVERED, LOST = "undelivered", "lost-acked"
ACKED_MIN = 150
# For runs whose figures are exported while they last.
PAUSED_GATEWAY = """\
version: 1
name: exported
about: A few users, one paused gateway.
target: {stack: embedded}
load: {users: 8, rate: 20/s, ramp: 1s, steady: 7s, lag_budget_ms: 400}
faults:
  - {id: still, kind: pause, target: gateway-1, at: 3s, for: 2s}
"""


class SmallRun(NamedTuple):
    """A run that has ended."""

    code: int
    directory: RunDir
    result: dict[str, Any]

    @property
    def verdicts(self) -> dict[str, str]:
        """The verdicts of the checks by name."""
        return {check["id"]: check["verdict"] for check in self.result["checks"]}

    @property
    def counts(self) -> dict[str, int]:
        """What the run counted."""
        return self.result["counts"]

    def assert_kept(self) -> None:
        """Assert that nothing is lost.

        A stalled machine may leave a check without a verdict, or delay the recovery.
        """
        violated = {name for name, verdict in self.verdicts.items() if verdict == "invalid"}
        assert violated <= {"unrecovered"}, self.result["verdict"]
        assert self.code in (Exit.OK, Exit.INCONCLUSIVE), self.result["verdict"]
        assert self.verdicts["undelivered"] == "valid"
        assert self.counts["acked"] > ACKED_MIN
        (component,) = self.directory.read_manifest()["stack"]["components"]
        assert any(digit.isdigit() for digit in component["version"])

    def assert_lost(self, check: str) -> None:
        """Assert that the run failed, with a violation of this check."""
        assert self.verdicts[check] == "invalid", self.result["verdict"]
        assert self.code == Exit.FAILED


def run_small(
    folder: Path, stack: str, server: dict[str, Any], *faults: dict[str, Any], **load: Any
) -> SmallRun:
    """Run a load of a few users; `load` changes its keys."""
    scenario = {
        "version": 1, "name": "small", "about": "A few users.",
        "target": {"adapter": ADAPTERS[stack], "stack": stack, "server": server},
        "load": {
            "users": 8, "workload": {"direct": 1}, "rate": "20/s",
            "ramp": "2s", "steady": "12s", "lag_budget_ms": 500, **load,
        },
        "faults": list(faults),
        "recovery_window": "10s",
    }  # fmt: skip
    file = folder / "small.yaml"
    file.write_text(yaml.safe_dump(scenario))
    code = main.main(["run", str(file), "--plain", "--out", str(folder / "runs")])
    (path,) = (folder / "runs").iterdir()
    directory = RunDir.open(path)
    return SmallRun(code, directory, directory.read_result())


def case(name, server, *expected, slow=False, faults=(), **load):
    """Return one case; `expected` is the check that must be violated."""
    marks = (pytest.mark.full,) if slow else ()
    return pytest.param(server, faults, load, *expected, id=name, marks=marks)


def kept(*cases):
    """Parametrize a test of what a system keeps."""
    return pytest.mark.parametrize(("server", "faults", "load"), cases)


def lost(*cases):
    """Parametrize a test of what a system loses."""
    return pytest.mark.parametrize(("server", "faults", "load", "check"), cases)
