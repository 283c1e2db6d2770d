"""disconnect: cuts a share of the live client connections, once."""

from typing import ClassVar

from gauntlet.chaos.faults._cut import PERCENT, ConnectionCut
from gauntlet.core.plugins import FaultKind
from gauntlet.core.scenario.catalog import EXTERNAL_LINKS


class Disconnect(ConnectionCut):
    """Cuts by `limit_data` with 0 bytes.

    `timeout` and `reset_peer` of a toxiproxy-server are not usable here: their removal would close
    every connection.
    """

    kind: ClassVar[FaultKind] = FaultKind(
        "disconnect",
        "cuts a share of the live client connections",
        targets=("client>edge", "client>gateway"),
        params={"percent": PERCENT},
        needs_link=True,
        external=EXTERNAL_LINKS,
        own_end=True,
    )

    toxic = "limit_data"
    attributes: ClassVar[dict[str, int]] = {"bytes": 0}
