"""What the faults of one toxic share: direction, share of connections, pauses, and the proof.

Each of them is a row of one table: the toxic, its attributes, and what an exchange of bytes over
the link shows while it acts, in comparison with an exchange before. A fault whose exchanges do not
show it has no proof: a run must not call it a failure of the harness, because it may only be too
weak to be seen, and the records of the clients may show it.
"""

import math
import threading
from abc import ABC, abstractmethod
from collections.abc import Collection, Iterable, Mapping
from typing import Any, ClassVar

from gauntlet.chaos.clients import link_exchange
from gauntlet.chaos.clients.link_exchange import Exchange, ExchangeRequest
from gauntlet.chaos.faults._flapping import FLAPPING, TOGETHER, Flapping
from gauntlet.chaos.faults._toxics import BOTH, FaultToxics, Streams
from gauntlet.chaos.faults.base import PROVE_S, Evidence, FaultFailed, param, poll
from gauntlet.chaos.faults.context import Context
from gauntlet.core.plugins import FaultKind, Param
from gauntlet.core.scenario.catalog import EXTERNAL_LINKS
from gauntlet.core.scenario.model import Fault as Spec

STREAMS: dict[str, Streams] = {
    "both": BOTH,
    "upstream": ("upstream",),
    "downstream": ("downstream",),
}
STREAM = Param(
    "choice", "both", "direction; `upstream` is from client to server", choices=tuple(STREAMS)
)
PERCENT = Param("percent", 100, "share of the connections, old and new, that are affected")
# What a fault of one toxic has beside its own parameters.
_BOTH_WAYS = {"percent": PERCENT, **FLAPPING}
SHARED = {"stream": STREAM, **_BOTH_WAYS}

_BASELINES = 3  # of which the fastest counts
_BASELINE_TIMEOUT_S = 2.0
_COMPLETE = ("closed", "answered")  # how exchanges end of which nothing is missing
_SILENCE_S = 1.0
# What a silence proves that had to end early: much longer than an answer took before.
_LEAST_SILENCE_MS = 200.0
_SILENCE_IN_EXCHANGES = 5
_MISSED = 0.02  # how likely it may be that no exchange of a round meets a share of connections
_ATTEMPTS_MAX = 40


def link_kind(
    name: str,
    about: str,
    params: dict[str, Param] | None = None,
    *,
    one_way: bool = True,
    **more: Any,
) -> FaultKind:
    """Describe a fault of one toxic; `more` replaces or adds fields of `FaultKind`.

    A fault that is not `one_way` has no parameter `stream`.
    """
    own = params or {}
    common: dict[str, Any] = {
        "targets": ("link",),
        "params": {**own, **(SHARED if one_way else _BOTH_WAYS), **own},
        "needs_link": True,
        "external": EXTERNAL_LINKS,
        "lasts": True,
        "together": TOGETHER,
        "within": (("on", "never pauses"),),
    }
    return FaultKind(name, about, **{**common, **more})


class ToxicFault(ABC):
    """One toxic on the links of the target; proven when an exchange over each link shows it."""

    kind: ClassVar[FaultKind]
    toxic: ClassVar[str]
    # How many exchanges over a link must all show the fault; where the fault acts on a share of the
    # connections, one suffices.
    attempts: ClassVar[int] = 1
    # Whether an exchange goes on until the server ends the connection.
    to_end: ClassVar[bool] = True
    # Whether the client of an exchange sends nothing and ends its side of the connection.
    hang_up: ClassVar[bool] = False
    # How long a connection must stay open before that, which tells the fault from a dead server.
    idle_ms: ClassVar[int] = 0

    def __init__(self, spec: Spec) -> None:
        self._spec = spec
        one_way = "stream" in self.kind.params
        self.streams = STREAMS[str(param(spec, "stream")) if one_way else "downstream"]
        self._share = float(param(spec, "percent")) / 100
        self._toxics = FaultToxics(spec)
        self._flapping = Flapping(spec)
        self._before: dict[str, Exchange] = {}
        self._wanted: dict[str, ExchangeRequest] = {}
        self._injected: Evidence = {}
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

    def prepare(self, context: Context) -> Collection[str]:
        """Prepare the proof before the fault; return the names of the links that answer.

        There may be none if another fault silences links of the target.
        """
        try:
            return self._toxics.measure_baseline(context)
        except FaultFailed:
            if not self._toxics.silenced(context):
                raise
            return ()

    def slowest_ms(self) -> float:
        """Return the length of the longest exchange before the fault."""
        return max(map(_length_ms, self._before.values()), default=0.0)

    def repeat(self) -> int:
        """Return how many requests one exchange has, if the protocol of the link allows it."""
        return 1

    def inject(self, context: Context) -> Evidence:
        """Exchange bytes over each link, then add the toxics; a second call changes nothing."""
        if self._injected:
            return self._injected
        answering = self.prepare(context)
        direct: dict[str, str] = {}
        if not answering:
            # Past the fault that silences the links, the components may answer all the same.
            silenced = self._toxics.silenced(context)
            direct = {each.name: each.upstream for each in context.plan.links_named(silenced)}
        exchanges = self._exchanges(context, answering or direct)
        self._measure_before(exchanges, direct, context.stop)
        if direct and not any(each.received for each in self._before.values()):
            raise FaultFailed("no link of the target answers, nor does any of its components")
        self._switch_on(context)
        self._injected = {
            "links": sorted(self._toxics.links),
            "streams": list(self.streams),
            "percent": self._share * 100,
            **self.attributes(),
        }
        return self._injected

    def prove(self, context: Context) -> Evidence:
        """Return what shows the fault; nothing if a link that answered before does not show it.

        From now on the fault pauses, if it is to.
        """
        proven, observed = self.observe(context)
        self._flapping.start(self._spec.id, lambda: self._switch_on(context), self._toxics.remove)
        if proven:
            return observed
        self._unproven = observed
        return {}

    def observe(self, context: Context) -> tuple[bool, Evidence]:
        """Make exchanges until every link shows the fault; return whether all do, and them."""
        shown: dict[str, Exchange] = {}
        observed: dict[str, Exchange] = {}

        def all_shown() -> bool | None:
            self._exchange_once(context, shown, observed)
            return len(shown) == len(self._before) or None

        proven, waits = None, bool(self._before)
        while waits and not proven:
            # While another fault silences a link, the effect on it cannot be seen yet.
            waits = bool(self._hidden(context, shown)) and not context.stop.is_set()
            proven = poll(all_shown, PROVE_S, context.stop)
        return bool(proven), {
            "before": {name: each.as_evidence() for name, each in self._before.items()},
            "during": {name: each.as_evidence() for name, each in {**observed, **shown}.items()},
        }

    def heal(self, context: Context) -> Evidence:
        """Remove the toxics; return what was observed if that proved nothing."""
        self._flapping.stop()
        self._toxics.remove()
        self._injected = {}
        if self._flapping.error:
            raise FaultFailed(f"the fault stopped to flap: {self._flapping.error}")
        detail: Evidence = {"unproven": self._unproven} if self._unproven else {}
        return {**detail, "pauses": self._flapping.pauses} if self._flapping.pauses else detail

    def verify(self, context: Context) -> Evidence:
        """The toxics are gone and the links answer."""
        return {"probe": self._toxics.verify_removed(context)}

    def _exchanges(self, context: Context, names: Iterable[str]) -> dict[str, ExchangeRequest]:
        """Return what is exchanged over links, by their names."""
        links = self._toxics.targets(context)
        return {
            name: ExchangeRequest(
                links[name].kind,
                links[name].listen,
                closing=self.to_end,
                hang_up=self.hang_up,
                idle_ms=self.idle_ms,
            )
            for name in names
            if links[name].kind
        }

    def _hidden(self, context: Context, shown: Collection[str]) -> set[str]:
        """Return the links that have not shown the fault, and cannot because of another one."""
        return (self._before.keys() - shown) & self._toxics.silenced(context)

    def _switch_on(self, context: Context) -> None:
        """Add the toxics. A connection is affected if one of its directions is."""
        toxicity = self._share if len(self.streams) == 1 else 1 - math.sqrt(1 - self._share)
        self._toxics.add(
            context, self.toxic, self.attributes(), streams=self.streams, toxicity=toxicity
        )

    def _measure_before(
        self,
        wanted: dict[str, ExchangeRequest],
        direct: Mapping[str, str],
        stop: threading.Event | None = None,
    ) -> None:
        """Keep the fastest exchanges; repeat requests only where a server answers all of them.

        `direct` are other addresses to measure at than those of the links, by the names of these.
        """
        self._wanted, self._before = dict(wanted), _fastest(wanted, direct, stop)
        if (count := self.repeat()) > 1:
            able = [
                name
                for name, each in self._before.items()
                if each.ended == "closed" or not link_exchange.repeats(wanted[name].kind)
            ]
            repeated = {name: wanted[name]._replace(repeat=count) for name in able}
            for name, many in _fastest(repeated, direct, stop).items():
                times = count / 2 if link_exchange.repeats(wanted[name].kind) else 1
                least = times * self._before[name].received
                if many.ended in _COMPLETE and many.received > least:
                    self._before[name], self._wanted[name] = many, repeated[name]

    def _exchange_once(
        self, context: Context, shown: dict[str, Exchange], observed: dict[str, Exchange]
    ) -> None:
        """Make exchanges over each link that has not shown the fault yet."""
        attempts = self.attempts if self._share >= 1 else attempts_of(self._share)
        hidden = self._hidden(context, shown)
        wanted = {
            (name, number): each
            for name, each in self._wanted.items()
            if name not in shown
            for number in range(attempts)
        }
        timeout_s = self.timeout_s(self.slowest_ms())
        found: dict[str, list[Exchange]] = {}
        for (name, _), now in link_exchange.exchange_all(wanted, timeout_s, context.stop).items():
            found.setdefault(name, []).append(now)
        needed = all if self._share >= 1 else any
        hidden |= self._hidden(context, shown)  # a silence may also be that of the other fault
        for name, exchanges in found.items():
            before = self._before[name]
            showing = [each for each in exchanges if self._shows(before, each)]
            observed[name] = (showing or exchanges)[0]
            if name not in hidden and needed(each in showing for each in exchanges):
                shown[name] = showing[0]

    def _shows(self, before: Exchange, now: Exchange) -> bool:
        """Whether an exchange shows the fault; one that had to end early must have been long."""
        least_ms = max(_LEAST_SILENCE_MS, _SILENCE_IN_EXCHANGES * _length_ms(before))
        was_long = now.stopped_ms is None or now.stopped_ms >= least_ms
        return was_long and self.is_shown_by(before, now)


def gained_ms(before: float | None, now: float | None) -> float:
    """Return how much later something came than before; 0 if it did not come."""
    return 0.0 if before is None or now is None else now - before


def _length_ms(exchange: Exchange) -> float:
    return exchange.ended_ms or exchange.last_ms or 0.0


def _fastest(
    wanted: dict[str, ExchangeRequest],
    direct: Mapping[str, str],
    stop: threading.Event | None = None,
) -> dict[str, Exchange]:
    """Return the fastest of several exchanges over each link, of the complete ones if there are.

    When `stop` is set, they end at once.
    """
    at = {
        name: each._replace(address=direct.get(name, each.address)) for name, each in wanted.items()
    }
    rounds = [link_exchange.exchange_all(at, _BASELINE_TIMEOUT_S, stop) for _ in range(_BASELINES)]

    def slowness(each: Exchange) -> tuple[bool, float]:
        return each.ended not in _COMPLETE, _length_ms(each) or math.inf

    return {name: min((found[name] for found in rounds), key=slowness) for name in wanted}


def attempts_of(share: float) -> int:
    """Return how many exchanges of a round probably include one that the fault affects."""
    if share >= 1:
        return 1
    # Not `log(1 - share)`, which is 0 for the smallest shares.
    return math.ceil(min(_ATTEMPTS_MAX, math.log(_MISSED) / math.log1p(-share)))
