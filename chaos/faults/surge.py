"""surge: multiplies the arrival rate. The schedule of the load contains it; this file proves it."""

from typing import ClassVar

from gauntlet.chaos.faults.base import PROVE_S, VERIFY_S, Evidence, FaultFailed, param, poll
from gauntlet.chaos.faults.context import Context
from gauntlet.core.clock import NS_PER_S
from gauntlet.core.errors import RollbackError
from gauntlet.core.plugins import FaultKind, Param
from gauntlet.core.scenario.model import Fault as Spec

_PROFILE_SPAN_S = 3.0  # of the rate profile, from the start and from the end of the surge
_PROVEN_SHARE = 0.8  # of the rise from the usual rate to the rate of the surge


class Surge:
    """Proves a surge that the schedule of arrivals contains from the start of the run.

    Proof: the load's own count of ops per second, compared with the scenario's rate profile
    (`gauntlet.scenarios.schedule.arrivals` adds the surge).
    """

    kind: ClassVar[FaultKind] = FaultKind(
        "surge",
        "multiplies the arrival rate",
        targets=("gateway",),
        external=("target", "gateway", "client>target", "client>edge"),
        params={
            "factor": Param("number", 2, "the factor by which the arrival rate is multiplied"),
            "known_capacity": Param(
                "flag",
                False,
                "limit the rate of the server's commits for the whole run",
                hook="slow_commits",
            ),
        },
        lasts=True,
        own_end=True,
    )

    def __init__(self, spec: Spec) -> None:
        self._spec = spec
        self._factor = float(param(spec, "factor"))
        self._send_rate = _SendRate()
        self._injected = False

    def inject(self, context: Context) -> Evidence:
        """Start to measure the send rate."""
        self._injected = True
        self._send_rate.per_s(context)
        return {"factor": self._factor}

    def prove(self, context: Context) -> Evidence:
        """The rate has risen most of the way from the usual rate to the rate of the surge."""
        usual_per_s = context.usual_per_s(
            self._spec.begins_s, self._spec.begins_s + _PROFILE_SPAN_S
        )
        least_per_s = usual_per_s * (1 + _PROVEN_SHARE * (self._factor - 1))
        proven = poll(lambda: self._send_rate.at_least(context, least_per_s), PROVE_S, context.stop)
        proof = {
            "usual_per_s": round(usual_per_s, 1),
            "sent_per_s": self._send_rate.per_s(context),
        }
        if proven is None:
            raise FaultFailed("the load did not send more than usual", proof)
        return proof

    def heal(self, context: Context) -> Evidence:
        """Do nothing: the schedule ends the surge."""
        return {}

    def verify(self, context: Context) -> Evidence:
        """The rate is closer to the usual one again, or the load has stopped sending."""
        if not self._injected:
            return {}
        ends_s = self._spec.ends_s
        usual_per_s = context.usual_per_s(ends_s, ends_s + _PROFILE_SPAN_S)
        most_per_s = usual_per_s * (1 + self._factor) / 2

        def is_over() -> bool | None:
            is_sending = (context.live() or {}).get("phase") == "steady"
            return not is_sending or self._send_rate.per_s(context) < most_per_s or None

        if not poll(is_over, VERIFY_S):
            raise RollbackError("the load still sends more than usual")
        return {"sent_per_s": self._send_rate.per_s(context)}


class _SendRate:
    """The send rate of all workers together, each from its last two rows of live metrics."""

    def __init__(self) -> None:
        self._last_rows: dict[int, tuple[int, int]] = {}  # worker → (t_ns, sent)
        self._per_s: dict[int, float] = {}

    def at_least(self, context: Context, least_per_s: float) -> float | None:
        """Return the rate if it is high enough, else None."""
        per_s = self.per_s(context)
        return per_s if per_s >= least_per_s else None

    def per_s(self, context: Context) -> float:
        """Return the current rate; a worker counts from its second row on."""
        live = context.live() or {}
        # Rates are computed per worker: their rows come at different times, so the total count
        # grows a little at each row and gives no rate.
        rows = live.get("rows", [live] if live else [])
        for row in rows:
            self._update(row["worker"], row["t_ns"], row["sent"])
        return round(sum(self._per_s.get(row["worker"], 0.0) for row in rows), 1)

    def _update(self, worker: int, t_ns: int, sent: int) -> None:
        last_t_ns, last_sent = self._last_rows.get(worker, (t_ns, sent))
        if t_ns > last_t_ns:
            self._per_s[worker] = (sent - last_sent) * NS_PER_S / (t_ns - last_t_ns)
        self._last_rows[worker] = t_ns, sent
