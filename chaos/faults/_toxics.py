"""The toxics of one fault: put on the links of its target, taken off, and proven gone."""

from collections.abc import Mapping
from typing import Literal

from gauntlet.chaos.clients import link_probe
from gauntlet.chaos.clients.toxiproxy import ProxyError
from gauntlet.chaos.faults.base import VERIFY_S, Evidence, FaultFailed, poll
from gauntlet.chaos.faults.context import Context, ProxiedLink
from gauntlet.core.errors import RollbackError
from gauntlet.core.scenario.model import Fault as Spec

Streams = tuple[Literal["downstream", "upstream"], ...]

BOTH: Streams = ("downstream", "upstream")
_ANSWER_S = 2.0


class Toxics:
    """Named after their fault and stream: several faults may act on one link."""

    def __init__(self, spec: Spec) -> None:
        self.links: dict[str, ProxiedLink] = {}
        self._spec = spec

    def baseline(self, context: Context) -> dict[str, float]:
        """Probe the target's links before acting: milliseconds of those that answer.

        The links of components that are planned or down are left out here, but not spared: the
        fault holds for whatever comes up behind them. FaultFailed if no link answers.
        """
        links = context.links(self._spec.target)
        readings = link_probe.probe_all(_addresses(links), _ANSWER_S)
        answering = {
            name: round(its.rtt_ms, 3) for name, its in readings.items() if its.rtt_ms is not None
        }
        if not answering:
            seen = {name: reading.shown() for name, reading in readings.items()}
            raise FaultFailed("no link of the target answers, even before the fault", seen)
        return answering

    def add(
        self,
        context: Context,
        toxic: str,
        attributes: dict[str, int],
        *,
        streams: Streams = BOTH,
        toxicity: float = 1.0,
    ) -> None:
        """Put one toxic on each stream of each link of the target."""
        for name, link in context.links(self._spec.target).items():
            self.links[name] = link  # before the call: it may act and yet not be answered
            for stream in streams:
                link.client.add_toxic(
                    link.proxy, toxic, stream, toxicity, attributes, self._name(stream)
                )

    def address(self, name: str) -> tuple[str, str]:
        """A link's protocol and its proxied `host:port`, for a probe."""
        return self.links[name].kind, self.links[name].listen

    def remove(self) -> None:
        """Take off every toxic that may be on; one that is not there is fine."""
        for link in self.links.values():
            for stream in BOTH:
                try:
                    link.client.remove_toxic(link.proxy, self._name(stream))
                except ProxyError as error:
                    if error.status != 404:
                        raise

    def verify_removed(self, context: Context) -> Evidence:
        """Our toxics are gone, and every link answers from which an answer is due."""
        facts: Evidence = {}

        def all_whole() -> bool | None:
            for name in self.links.keys() - facts.keys():
                found = self._whole(context, name)
                if found is not None:
                    facts[name] = found
            return len(facts) == len(self.links) or None

        if not poll(all_whole, VERIFY_S):
            broken = ", ".join(sorted(self.links.keys() - facts.keys()))
            raise RollbackError(f"no answer after the heal of {self._spec.id}: {broken}")
        return facts

    def _whole(self, context: Context, name: str) -> float | str | None:
        """The milliseconds of an answer, or why none is due; None while one is."""
        link = self.links[name]
        on = {toxic.name for toxic in link.client.toxics(link.proxy)}
        if on & {self._name(stream) for stream in BOTH}:
            return None
        reading = link_probe.probe(link.kind, link.listen, _ANSWER_S)
        if reading.rtt_ms is not None:
            return reading.shown()
        if on:
            return "still under another fault"
        return None if context.is_up(name) else "its component is not up"

    def _name(self, stream: str) -> str:
        return f"{self._spec.id}-{stream}"


def _addresses(links: Mapping[str, ProxiedLink]) -> dict[str, tuple[str, str]]:
    return {name: (link.kind, link.listen) for name, link in links.items()}
