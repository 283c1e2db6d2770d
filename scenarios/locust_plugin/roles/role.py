"""The interface between Locust's events and the role of this Locust process in a run."""

from typing import Protocol

from gauntlet.scenarios.locust_plugin.im_client import IM


class Role(Protocol):
    """A Locust process's role: local, master or worker.

    All methods are called from greenlets, in response to Locust's events.
    """

    def prepare(self) -> None:
        """Locust is initialised. Raises GauntletError if this process cannot take part in a run."""

    def start(self) -> None:
        """Locust starts a load. Raises GreenletExit, which keeps users from being spawned."""

    def add_user(self) -> bool:
        """Connect one more user; return False if this process has no load."""

    def add_scripted_user(self) -> IM | None:
        """Connect one more user whose tasks send; return None if this process has no load."""

    def count_task_error(self, text: str) -> None:
        """Count an exception that a task of a Locust user of this process has raised."""

    def finish(self) -> None:
        """Locust stops the load: end it in order, and wait for the verdict."""

    def interrupt(self) -> None:
        """Locust quits: if the load has not ended in order, keep what was recorded so far."""

    def export(self) -> None:
        """Write the tables requested on the command line, after the load has ended."""
