"""What the faults of one toxic share: direction, share of connections, pauses, and the proof.

The proof is an exchange of bytes over each link before the fault and while it acts. A fault whose
exchanges do not show it has no proof: a run must not call it a failure of the harness, because it
may only be too weak to be seen, and the records of the clients may show it.
"""

import math
from abc import ABC, abstractmethod
from typing import ClassVar

from gauntlet.chaos.clients import link_exchange
from gauntlet.chaos.clients.link_exchange import Exchange, Wanted
from gauntlet.chaos.faults._flapping import FLAPPING, Flapping
from gauntlet.chaos.faults._toxics import BOTH, FaultToxics, Streams
from gauntlet.chaos.faults.base import PROVE_S, Evidence, FaultFailed, param, poll
from gauntlet.chaos.faults.context import Context
from gauntlet.core.plugins import Param
from gauntlet.core.scenario.model import Fault as Spec

STREAMS: dict[str, Streams] = {
    "both": BOTH,
    "upstream": ("upstream",),
    "downstream": ("downstream",),
}
STREAM = Param(
    "choice", "both", "direction; `upstream` is from client to server", choices=tuple(STREAMS)
)
# What a fault of one toxic has beside its own parameters.
SHARED = {
    "stream": STREAM,
    "percent": Param("percent", 100, "share of the connections, old and new, that are affected"),
    **FLAPPING,
}

_BASELINES = 3  # of which the fastest counts
_BASELINE_TIMEOUT_S = 2.0
_SILENCE_S = 1.0
_MISSED = 0.02  # how likely it may be that no exchange of a round meets a share of connections
_ATTEMPTS_MAX = 40


class ToxicFault(ABC):
    """One toxic on the links of the target; proven when an exchange over each link shows it."""

    toxic: ClassVar[str]
    # How many exchanges over a link must all show the fault; where the fault acts on a share of the
    # connections, one suffices.
    attempts: ClassVar[int] = 1
    # Whether an exchange goes on until the server ends the connection.
    to_end: ClassVar[bool] = True

    def __init__(self, spec: Spec) -> None:
        self._spec = spec
        self.streams = STREAMS[str(param(spec, "stream"))]
        self._share = float(param(spec, "percent")) / 100
        self._toxics = FaultToxics(spec)
        self._flapping = Flapping(spec)
        self._before: dict[str, Exchange] = {}
        self._wanted: dict[str, Wanted] = {}
        self._unproven: Evidence = {}

    @abstractmethod
    def attributes(self) -> dict[str, int]:
        """Return the attributes of the toxic."""

    @abstractmethod
    def is_shown_by(self, before: Exchange, now: Exchange) -> bool:
        """Whether an exchange shows the fault."""

    def timeout_s(self, slowest_ms: float) -> float:
        """Return how long an exchange waits; `slowest_ms` is the longest one before."""
        return max(_SILENCE_S, 5 * slowest_ms / 1000)

    def repeat(self) -> int:
        """Return how many requests one exchange has, if the protocol of the link allows it."""
        return 1

    def inject(self, context: Context) -> Evidence:
        """Exchange bytes over each link, then add the toxics."""
        answering = self._toxics.measure_baseline(context)
        links = context.links(self._spec.target)
        for name in answering:
            link = links[name]
            self._measure_before(name, Wanted(link.kind, link.listen, closing=self.to_end))
        self._switch_on(context)
        return {
            "links": sorted(self._toxics.links),
            "streams": list(self.streams),
            "percent": self._share * 100,
            **self.attributes(),
        }

    def prove(self, context: Context) -> Evidence:
        """Every link that answered before shows the fault; return nothing if one does not.

        From now on the fault pauses, if it is to.
        """
        shown: dict[str, Exchange] = {}
        observed: dict[str, Exchange] = {}

        def all_shown() -> bool | None:
            self._observe(shown, observed)
            return len(shown) == len(self._before) or None

        proven = bool(self._before) and poll(all_shown, PROVE_S, context.stop)
        self._flapping.start(self._spec.id, lambda: self._switch_on(context), self._toxics.remove)
        proof: Evidence = {
            "before": {name: each.as_evidence() for name, each in self._before.items()},
            "during": {name: each.as_evidence() for name, each in {**observed, **shown}.items()},
        }
        if proven:
            return proof
        self._unproven = proof
        return {}

    def heal(self, context: Context) -> Evidence:
        """Remove the toxics; return what was observed if that proved nothing."""
        self._flapping.stop()
        self._toxics.remove()
        if self._flapping.error:
            raise FaultFailed(f"the fault stopped to flap: {self._flapping.error}")
        detail: Evidence = {"unproven": self._unproven} if self._unproven else {}
        return {**detail, "pauses": self._flapping.pauses} if self._flapping.pauses else detail

    def verify(self, context: Context) -> Evidence:
        """The toxics are gone and the links answer."""
        return {"probe": self._toxics.verify_removed(context)}

    def _switch_on(self, context: Context) -> None:
        """Add the toxics. A connection is affected if one of its directions is."""
        toxicity = self._share if len(self.streams) == 1 else 1 - math.sqrt(1 - self._share)
        self._toxics.add(
            context, self.toxic, self.attributes(), streams=self.streams, toxicity=toxicity
        )

    def _measure_before(self, name: str, wanted: Wanted) -> None:
        """Keep the fastest exchange; repeat requests only where the server answers all of them."""
        single = _fastest(wanted)
        self._before[name], self._wanted[name] = single, wanted
        if (count := self.repeat()) > 1 and single.ended == "closed":
            repeated = wanted._replace(repeat=count)
            many = _fastest(repeated)
            if many.ended == "closed" and many.received > count * single.received / 2:
                self._before[name], self._wanted[name] = many, repeated

    def _observe(self, shown: dict[str, Exchange], observed: dict[str, Exchange]) -> None:
        """Make exchanges over each link that has not shown the fault yet."""
        attempts = self.attempts if self._share >= 1 else attempts_of(self._share)
        wanted = {
            (name, number): each
            for name, each in self._wanted.items()
            if name not in shown
            for number in range(attempts)
        }
        slowest_ms = max(each.ended_ms or each.last_ms or 0.0 for each in self._before.values())
        found: dict[str, list[Exchange]] = {}
        for (name, _), now in link_exchange.exchange_all(
            wanted, self.timeout_s(slowest_ms)
        ).items():
            found.setdefault(name, []).append(now)
        needed = all if self._share >= 1 else any
        for name, exchanges in found.items():
            before = self._before[name]
            showing = [each for each in exchanges if self.is_shown_by(before, each)]
            observed[name] = (showing or exchanges)[0]
            if needed(each in showing for each in exchanges):
                shown[name] = showing[0]


def gained_ms(before: float | None, now: float | None) -> float:
    """Return how much later something came than before; 0 if it did not come."""
    return 0.0 if before is None or now is None else now - before


def _fastest(wanted: Wanted) -> Exchange:
    found = [link_exchange.exchange(wanted, _BASELINE_TIMEOUT_S) for _ in range(_BASELINES)]
    return min(found, key=lambda each: each.last_ms or math.inf)


def attempts_of(share: float) -> int:
    """Return how many exchanges of a round probably include one that the fault affects."""
    if share >= 1:
        return 1
    return min(_ATTEMPTS_MAX, math.ceil(math.log(_MISSED) / math.log(1 - share)))
