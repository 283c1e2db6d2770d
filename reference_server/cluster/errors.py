"""What can go wrong while a cluster starts or is steered."""

from pathlib import Path

LOG_TAIL_LINES = 20
_TAIL_BYTES = 16_384


class ClusterError(Exception):
    """The base of the cluster's errors."""


class RequestError(ClusterError):
    """The request line, or a call of the control API, asks for what does not exist."""


class StartError(ClusterError):
    """A component did not come up; carries what the `failed` line tells.

    `missing`: its server program is not installed, and nothing was started.
    """

    def __init__(
        self, component: str, reason: str, log: Path | None = None, *, missing: bool = False
    ) -> None:
        super().__init__(f"{component}: {reason}")
        self.component = component
        self.reason = reason
        self.log_tail = log_tail(log) if log else []
        self.missing = missing


class StateError(ClusterError):
    """The call does not fit the state that its object is in."""


def log_tail(log: Path) -> list[str]:
    """The last lines of a log; none if it cannot be read."""
    try:
        with log.open("rb") as file:
            file.seek(max(0, log.stat().st_size - _TAIL_BYTES))
            text = file.read().decode("utf-8", "replace")
    except OSError:
        return []
    return text.splitlines()[-LOG_TAIL_LINES:]
