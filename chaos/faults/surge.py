"""surge: more messages are sent than usual. The load does it by itself; here it is proven."""

from gauntlet.chaos.faults.base import PROVE_S, VERIFY_S, Evidence, FaultFailed, param, poll
from gauntlet.chaos.faults.context import Context
from gauntlet.core.clock import NS_PER_S
from gauntlet.core.errors import RollbackError
from gauntlet.core.scenario.model import Fault as Spec

_LOOKED_AT_S = 3.0  # of a profile, from the surge's begin and end on
_PROVEN_SHARE = 0.8  # of the way from the usual rate to the surge's


class Surge:
    """The schedule of arrivals holds the surge from the start (`schedule.arrivals`).

    Proof: the load's own count of ops, second by second, against the scenario's profile.
    """

    def __init__(self, spec: Spec) -> None:
        self._spec = spec
        self._factor = float(param(spec, "factor"))
        self._sent = _SentRate()
        self._injected = False

    def inject(self, context: Context) -> Evidence:
        """Nothing but to begin to count."""
        self._injected = True
        self._sent.per_s(context)
        return {"factor": self._factor}

    def prove(self, context: Context) -> Evidence:
        """The rate has left its usual height by most of what was asked for."""
        usual_per_s = context.usual_per_s(self._spec.at, self._spec.at + _LOOKED_AT_S)
        least_per_s = usual_per_s * (1 + _PROVEN_SHARE * (self._factor - 1))
        sent_per_s = poll(lambda: self._sent.at_least(context, least_per_s), PROVE_S, context.stop)
        proof = {"usual_per_s": round(usual_per_s, 1), "sent_per_s": self._sent.per_s(context)}
        if sent_per_s is None:
            raise FaultFailed("the load did not send more", proof)
        return proof

    def heal(self, context: Context) -> Evidence:
        """Nothing: the schedule ends it."""
        return {}

    def verify(self, context: Context) -> Evidence:
        """The rate is nearer to the usual one again; after the arrivals nothing is sent at all."""
        if not self._injected:
            return {}
        ends_s = self._spec.ends_s
        most_per_s = context.usual_per_s(ends_s, ends_s + _LOOKED_AT_S) * (1 + self._factor) / 2

        def over() -> bool | None:
            steady = (context.live() or {}).get("phase") == "steady"
            return not steady or self._sent.per_s(context) < most_per_s or None

        if not poll(over, VERIFY_S):
            raise RollbackError("the load still sends more than usual")
        return {"sent_per_s": self._sent.per_s(context)}


class _SentRate:
    """What the workers send together, each by its last two rows of live figures."""

    def __init__(self) -> None:
        self._rows: dict[int, tuple[int, int]] = {}
        self._per_s: dict[int, float] = {}

    def at_least(self, context: Context, wanted_per_s: float) -> float | None:
        """The rate, once it is high enough."""
        per_s = self.per_s(context)
        return per_s if per_s >= wanted_per_s else None

    def per_s(self, context: Context) -> float:
        """The rate now; 0 before two rows of a worker were seen."""
        whole = context.live() or {}
        # The sum of several workers grows by turns, at a worker's every row.
        rows = whole.get("rows", [whole] if whole else [])
        for row in rows:
            self._note(row["worker"], row["t_ns"], row["sent"])
        return round(sum(self._per_s.get(row["worker"], 0.0) for row in rows), 1)

    def _note(self, worker: int, t_ns: int, sent: int) -> None:
        then_ns, before = self._rows.get(worker, (t_ns, sent))
        if t_ns > then_ns:
            self._per_s[worker] = (sent - before) * NS_PER_S / (t_ns - then_ns)
        self._rows[worker] = t_ns, sent
