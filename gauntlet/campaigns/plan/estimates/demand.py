"""The demand: what the users do at the peak, and in a month. Pure."""

from typing import NamedTuple

from gauntlet.campaigns.capacity.record import Regressor
from gauntlet.campaigns.plan.inputs import DAY_S, MONTH_DAYS, Inputs


class Demand(NamedTuple):
    """The load at the peak: connections, and rates per second."""

    connections: float
    messages_per_s: float
    deliveries_per_s: float
    handshakes_per_s: float

    def counts(self) -> dict[Regressor, float]:
        """Return how many units of each kind of load there are: a number, or a rate per second."""
        return {
            "message": self.messages_per_s,
            "delivery": self.deliveries_per_s,
            "connection": self.connections,
            "handshake": self.handshakes_per_s,
        }

    def times(self, factor: float) -> "Demand":
        """Return a demand of so many times as many users."""
        return Demand(*(factor * each for each in self))


def at_peak(inputs: Inputs) -> Demand:
    """Return the demand of today at the peak of the day."""
    messages = inputs.users * inputs.messages_per_user_day / DAY_S * inputs.peak_factor
    return Demand(
        connections=inputs.users * inputs.online_share,
        messages_per_s=messages,
        deliveries_per_s=messages * inputs.deliveries_per_message,
        handshakes_per_s=inputs.users * inputs.connects_per_user_day / DAY_S * inputs.peak_factor,
    )


def mean(inputs: Inputs) -> Demand:
    """Return the mean demand of a day; what a month costs depends on it."""
    peak = at_peak(inputs)
    # Connections are not divided: how many users are online at night is not asked.
    return peak._replace(
        messages_per_s=peak.messages_per_s / inputs.peak_factor,
        deliveries_per_s=peak.deliveries_per_s / inputs.peak_factor,
        handshakes_per_s=peak.handshakes_per_s / inputs.peak_factor,
    )


def grown(inputs: Inputs, months: float) -> float:
    """Return how many times the demand of today is reached after some months."""
    return float((1 + inputs.growth_per_month) ** months)


def highest_growth(inputs: Inputs) -> float:
    """Return the factor of the highest demand until the end of the plan."""
    return max(1.0, grown(inputs, inputs.months))


def month_s() -> float:
    """Return the seconds of a month."""
    return MONTH_DAYS * DAY_S
