"""The systems under test that `gauntlet` can boot, by the names of `target.stack`."""

from collections.abc import Callable, Mapping
from typing import Any, Protocol

from gauntlet.stacks.centrifugo import CentrifugoStack
from gauntlet.stacks.ejabberd import EjabberdStack
from gauntlet.stacks.mosquitto import MosquittoStack
from gauntlet.stacks.nats import NatsStack
from gauntlet.stacks.prosody import ProsodyStack
from gauntlet.stacks.reference import Event, PlannedLink, ReferenceStack, StackAddresses
from gauntlet.stacks.socketio import SocketioStack
from gauntlet.stacks.synapse import SynapseStack


class BootedStack(Protocol):
    """What a stack offers a run; docs/reference/control-api.md describes the steps."""

    def plan(self) -> tuple[list[dict[str, Any]], list[PlannedLink]]:
        """Return the components and links that there will be; nothing is started yet."""

    def start(
        self,
        advertise: dict[str, str],
        disks: Mapping[str, str] = ...,
        environment: Mapping[str, Mapping[str, str]] = ...,
    ) -> StackAddresses:
        """Start every component; links named in `advertise` are reached through its addresses.

        `disks` are the data folders of components whose row of the plan has `disk: true`, and
        `environment` has further environment variables by component.
        """

    @property
    def running(self) -> bool:
        """Whether the process that supervises the components is alive."""

    def stop(self) -> None:
        """End every component. Does nothing if none is running."""


STACKS: dict[str, Callable[[dict[str, Any], Callable[[Event], None]], BootedStack]] = {
    "embedded": ReferenceStack,
    "full": ReferenceStack,
    "prosody": ProsodyStack,
    "mosquitto": MosquittoStack,
    "nats": NatsStack,
    "ejabberd": EjabberdStack,
    "centrifugo": CentrifugoStack,
    "socketio": SocketioStack,
    "synapse": SynapseStack,
}
