"""What a plan is asked: the demand, the reserve, and the nodes."""

import datetime as dt

import msgspec

from gauntlet.campaigns.plan.figures import Basis

DAY_S = 86_400.0
MONTH_DAYS = 365.25 / 12
HOURS_IN_MONTH = MONTH_DAYS * 24


class Inputs(msgspec.Struct, frozen=True, kw_only=True):
    """The question. Rates are at the peak of the day unless their name says otherwise.

    `deliveries_per_message` counts the receivers' devices that are online. Nodes may be busy for
    the share `utilisation`, and `utilisation_after_loss` while a zone is lost. `core_speed` is how
    much a core of a node does, compared with one of the measured machine. A lost connection is
    noticed after `detection_s`, and no client is sent to a lost node after `reroute_s`.
    """

    users: float
    messages_per_user_day: float = 40.0
    peak_factor: float = 3.0
    online_share: float = 0.25
    deliveries_per_message: float = 1.0
    connects_per_user_day: float = 10.0
    growth_per_month: float = 0.0
    months: int = 12
    zones: int = 3
    utilisation: float = 0.6
    utilisation_after_loss: float = 0.8
    core_speed: float = 1.0
    node_cores: float | None = None
    node_memory_bytes: float | None = None
    # A lost zone sends nothing: a client that pings after 10 s and waits 5 s for an answer notices.
    detection_s: tuple[float, float] = (5.0, 15.0)
    reroute_s: float = 3.0
    retention_months: int | None = None
    start: dt.date
    given: frozenset[str] = frozenset()

    def basis(self, name: str) -> Basis:
        """Return whether an input was given or is a default."""
        return Basis.GIVEN if name in self.given else Basis.ASSUMED


# The texts of the page: the name of each input, with its unit.
LABELS = {
    "users": ("users", ""),
    "messages_per_user_day": ("messages per user and day", ""),
    "peak_factor": ("peak ÷ mean of the day", ""),
    "online_share": ("users online at the peak", "%"),
    "deliveries_per_message": ("deliveries per message", ""),
    "connects_per_user_day": ("connects per user and day", ""),
    "growth_per_month": ("growth of the demand per month", "%"),
    "months": ("months that the nodes must last", "months"),
    "zones": ("zones", ""),
    "utilisation": ("load of a node in normal operation, at most", "%"),
    "utilisation_after_loss": ("load of a node after the loss of a zone, at most", "%"),
    "core_speed": ("speed of a core ÷ that of the measured machine", ""),
    "node_cores": ("cores of a node", "cores"),
    "node_memory_bytes": ("memory of a node", "bytes"),
    "detection_s": ("a lost connection is noticed after", "s"),
    "reroute_s": ("clients are no longer sent to a lost node after", "s"),
    "retention_months": ("months for which messages are kept", "months"),
}
