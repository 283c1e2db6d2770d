"""limit-data: closes each connection after a number of bytes, in the middle of a message."""

import math
from typing import ClassVar

from gauntlet.chaos.clients.link_exchange import Exchange
from gauntlet.chaos.faults._toxic_fault import ToxicFault, link_kind
from gauntlet.chaos.faults.base import param
from gauntlet.core.plugins import FaultKind, Param
from gauntlet.core.scenario.model import Fault as Spec

_REQUEST_BYTES = 6  # the shortest request that can be repeated, an inline PING
_REPEAT_MAX = 400


class LimitData(ToxicFault):
    """Lets `bytes` pass in each direction of a connection, counted from the injection.

    Proof: a longer exchange is cut after exactly so many bytes.
    """

    kind: ClassVar[FaultKind] = link_kind(
        "limit-data",
        "closes each connection after a number of bytes",
        {
            "bytes": Param(
                "whole",
                1_000,
                "how many may pass in each direction",
                instead="the fault drop lets nothing pass",
            )
        },
    )

    toxic = "limit_data"

    def __init__(self, spec: Spec) -> None:
        super().__init__(spec)
        self._bytes = int(param(spec, "bytes"))

    def attributes(self) -> dict[str, int]:
        """Return the attributes of Toxiproxy's `limit_data`."""
        return {"bytes": self._bytes}

    def repeat(self) -> int:
        """Return as many requests as exceed the limit."""
        return min(_REPEAT_MAX, math.ceil(2 * self._bytes / _REQUEST_BYTES))

    def is_shown_by(self, before: Exchange, now: Exchange) -> bool:
        """Whether the connection ended at the limit of one direction, with a part of the answer."""
        at_limit = "downstream" in self.streams and now.received == self._bytes
        over_limit = "upstream" in self.streams and now.sent > self._bytes
        return now.cut and now.received < before.received and (at_limit or over_limit)
