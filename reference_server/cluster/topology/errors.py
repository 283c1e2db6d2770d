"""The errors of starting and controlling a cluster."""

from pathlib import Path
from typing import Any

LOG_TAIL_LINES = 20
_TAIL_BYTES = 16_384


class ClusterError(Exception):
    """The base class of the cluster's errors."""

    component = "cluster"
    log: Path | None = None
    # A server program is not installed, and nothing was started.
    missing = False
    # The request cannot be fulfilled, and nothing was started.
    refused = False

    def failed(self) -> dict[str, Any]:
        """Return the content of the `failed` line."""
        return {
            "component": self.component,
            "reason": str(self),
            "log_tail": log_tail(self.log) if self.log else [],
            "missing": self.missing,
            "refused": self.refused,
        }


class RequestError(ClusterError):
    """The request line, or a call of the control API, names something that does not exist."""

    refused = True


class StateError(ClusterError):
    """The call is not possible in the current state."""


class StartError(ClusterError):
    """A component did not start."""

    def __init__(
        self, component: str, reason: str, log: Path | None = None, *, missing: bool = False
    ) -> None:
        super().__init__(reason)
        self.component = component
        self.log = log
        self.missing = missing


def log_tail(log: Path) -> list[str]:
    """Return the last lines of a log; an empty list if it cannot be read."""
    try:
        with log.open("rb") as file:
            file.seek(max(0, log.stat().st_size - _TAIL_BYTES))
            text = file.read().decode("utf-8", "replace")
    except OSError:
        return []
    return text.splitlines()[-LOG_TAIL_LINES:]
