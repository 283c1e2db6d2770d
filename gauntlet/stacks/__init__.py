"""The systems that `gauntlet` can boot, by the names that scenarios use (`target.stack`)."""

from collections.abc import Callable
from typing import Any, Protocol

from gauntlet.stacks.prosody import ProsodyStack
from gauntlet.stacks.reference import Event, PlannedLink, ReferenceStack, StackAddresses


class BootedStack(Protocol):
    """What every stack offers a run; docs/reference/control-api.md says what it means."""

    def plan(self) -> tuple[list[dict[str, Any]], list[PlannedLink]]:
        """The components and links that there will be; nothing is started yet."""

    def start(self, advertise: dict[str, str]) -> StackAddresses:
        """Start every component; named links are reached through the address given here."""

    @property
    def running(self) -> bool:
        """Whether whoever supervises the components is alive."""

    def stop(self) -> None:
        """End every component. Harmless when nothing runs any more."""


STACKS: dict[str, Callable[[dict[str, Any], Callable[[Event], None]], BootedStack]] = {
    "embedded": ReferenceStack,
    "full": ReferenceStack,
    "prosody": ProsodyStack,
}
