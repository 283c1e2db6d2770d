"""Gives each component on which a fault of the scenario needs it a wall clock of its own."""

import secrets
from collections.abc import Iterable
from pathlib import Path

from gauntlet.chaos.clocks import library
from gauntlet.chaos.clocks.clock_file import ClockFile
from gauntlet.core.errors import StackError

# Components may run as another user than this one and have to reach the files, whose folder has a
# name that no other user can find out.
_TRAVERSABLE = 0o711
_NAME_BYTES = 16


class Clocks:
    """The wall clocks of a run, by component.

    `environment` has the variables that each of these components needs when it starts.
    `unavailable` is the reason why there are none although faults need them: those faults then have
    no proof, and the run is inconclusive.
    """

    def __init__(self) -> None:
        self.files: dict[str, ClockFile] = {}
        self.environment: dict[str, dict[str, str]] = {}
        self.unavailable = ""

    def prepare(self, components: Iterable[str], outer: Path) -> None:
        """Create a clock that is right for each component, below an existing folder.

        If the library cannot be used here, there are none.
        """
        folder = outer / secrets.token_hex(_NAME_BYTES)
        folder.mkdir()
        for each in (outer, folder):
            each.chmod(_TRAVERSABLE)
        try:
            built = library.build(folder)
        except StackError as error:
            self.unavailable = str(error)
            return
        for name in components:
            clock = self.files[name] = ClockFile(folder / name)
            self.environment[name] = library.environment(built, clock)
