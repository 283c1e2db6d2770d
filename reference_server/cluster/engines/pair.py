"""A store and its standby: which of them is the primary, and where each reaches the other."""

from dataclasses import dataclass
from pathlib import Path

from gauntlet.reference_server.cluster.topology.errors import StartError


def note_of_promotion(data_dir: Path, primary: str) -> Path:
    """Return the file that names the component that was promoted in place of a primary."""
    return data_dir / f"{primary}.promoted"


def require_newest(data_dir: Path, primary: str) -> None:
    """Raise StartError if an earlier cluster has promoted the standby of a component.

    The data of the component end with the failover. As a primary it would hide what was written
    after that, and the standby would be replaced by a copy of it.
    """
    note = note_of_promotion(data_dir, primary)
    if note.exists():
        raise StartError(
            primary,
            f"{note.read_text()} was promoted in {data_dir} and has newer data: use another "
            f"folder, or remove {note} and lose what was written after the failover",
        )


@dataclass
class Pair:
    """Two components, of which one is promoted when the other one is gone.

    `sources` is where each of them, as a standby, finds the other one. From the promotion on,
    nothing is written synchronously to both: the new primary must not wait for one that is gone.
    `note` is written at the promotion, for later clusters; a store that keeps nothing needs none.
    """

    primary: str
    sources: dict[str, str]
    promoted: bool = False
    note: Path | None = None

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
        if self.note is not None:
            self.note.write_text(name)
