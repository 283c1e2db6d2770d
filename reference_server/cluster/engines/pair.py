"""A store and its standby: which of them is the primary, and where each reaches the other."""

from dataclasses import dataclass


@dataclass
class Pair:
    """Two components, of which one is promoted when the other one is gone.

    `sources` is where each of them, as a standby, finds the other one. From the promotion on,
    nothing is written synchronously to both: the new primary must not wait for one that is gone.
    """

    primary: str
    sources: dict[str, str]
    promoted: bool = False

    def is_primary(self, name: str) -> bool:
        """Whether a component has to serve writes."""
        return name == self.primary

    def source(self, name: str) -> tuple[str, int]:
        """Return the host and port from which a standby gets its data."""
        host, _, port = self.sources[name].rpartition(":")
        return host, int(port)

    def promote(self, name: str) -> None:
        """Note that a component is the primary now, or becomes it: the other one never is again."""
        self.primary, self.promoted = name, True
