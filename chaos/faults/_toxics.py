"""The toxics of one fault: added to the links of its target, removed, and verified as gone."""

from collections.abc import Iterable, Mapping
from typing import Literal

from gauntlet.chaos.clients import link_probe
from gauntlet.chaos.clients.toxiproxy import ProxyError, Toxic
from gauntlet.chaos.faults.base import VERIFY_S, Evidence, FaultFailed, poll
from gauntlet.chaos.faults.context import Context, ProxiedLink
from gauntlet.core.errors import RollbackError
from gauntlet.core.scenario.model import Fault as Spec

Streams = tuple[Literal["downstream", "upstream"], ...]

BOTH: Streams = ("downstream", "upstream")
_PROBE_TIMEOUT_S = 2.0
# Toxics that let nothing pass, and the attribute that must be 0 for that, if there is one.
_SILENT = {"timeout": "", "refuse": "", "bandwidth": "rate", "limit_data": "bytes"}


class FaultToxics:
    """The toxics of one fault, named `<prefix><fault>-<stream>`: several may act on one link."""

    def __init__(self, spec: Spec) -> None:
        self.links: dict[str, ProxiedLink] = {}
        self._answered: set[str] = set()  # before the fault
        self._spec = spec

    def targets(self, context: Context) -> dict[str, ProxiedLink]:
        """Return the links on which the fault acts."""
        return context.links_of(self._spec)

    def measure_baseline(self, context: Context) -> dict[str, float]:
        """Probe the target's links before the fault; return the milliseconds of those that answer.

        Links of components that are planned or down do not answer and are left out here. The fault
        affects them all the same, once their components start. Links of an unknown protocol cannot
        be probed. Raises FaultFailed if no link answers of those that can be.
        """
        links = _probe_targets(self.targets(context))
        if not links:
            return {}
        results = link_probe.probe_all(links, _PROBE_TIMEOUT_S, context.stop)
        baseline_ms = {
            name: round(result.rtt_ms, 3)
            for name, result in results.items()
            if result.rtt_ms is not None
        }
        self._answered = set(baseline_ms)
        if not baseline_ms:
            evidence = {name: result.as_evidence() for name, result in results.items()}
            raise FaultFailed("no link of the target answers, even before the fault", evidence)
        return baseline_ms

    @property
    def answered(self) -> frozenset[str]:
        """The links that answered before the fault: their components were up."""
        return frozenset(self._answered)

    def silenced(self, context: Context) -> set[str]:
        """Return the links of the target on which another fault lets nothing pass now.

        Also those whose answers come too late for every probe, and those whose component accepts
        no connection.
        """
        return {
            name
            for name, link in self.targets(context).items()
            if _silence(self._of_others(link)) or context.refuses(name, self._spec.id)
        }

    def _of_others(self, link: ProxiedLink) -> list[Toxic]:
        own = {self._name(link, stream) for stream in BOTH}
        try:
            toxics = link.client.toxics(link.proxy)
        except ProxyError:  # toxiproxy-server answers late while a client of it does not read
            return []
        return [each for each in toxics if each.name not in own]

    def add(
        self,
        context: Context,
        toxic: str,
        attributes: dict[str, int],
        *,
        streams: Streams = BOTH,
        toxicity: float = 1.0,
    ) -> None:
        """Add one toxic to each stream of each link of the target, unless it is there already."""
        for name, link in self.targets(context).items():
            # Noted before the call: a call that is not answered may have acted anyway.
            self.links[name] = link
            for stream in streams:
                try:
                    link.client.add_toxic(
                        link.proxy, toxic, stream, toxicity, attributes, self._name(link, stream)
                    )
                except ProxyError as error:
                    if error.status != 409:
                        raise

    def remove(self) -> None:
        """Remove every toxic that may have been added; one that is missing is no error."""
        for link in self.links.values():
            for stream in BOTH:
                try:
                    link.client.remove_toxic(link.proxy, self._name(link, stream))
                except ProxyError as error:
                    if error.status != 404:
                        raise

    def verify_removed(self, context: Context) -> Evidence:
        """Wait until the toxics are gone and the links answer; return the evidence by link.

        A link need not answer if its component is down or another fault acts on it. Raises
        RollbackError if a link does not recover in time.
        """
        recovered: Evidence = {}

        def all_recovered() -> bool | None:
            for name in self.links.keys() - recovered.keys():
                evidence = self._recovery_of(context, name)
                if evidence is not None:
                    recovered[name] = evidence
            return len(recovered) == len(self.links) or None

        if not poll(all_recovered, VERIFY_S):
            broken = ", ".join(sorted(self.links.keys() - recovered.keys()))
            raise RollbackError(f"no answer after the heal of {self._spec.id}: {broken}")
        return recovered

    def _recovery_of(self, context: Context, name: str) -> float | str | None:
        """Return the milliseconds of an answer, or why none is required; None if it is missing."""
        link = self.links[name]
        active = {toxic.name for toxic in link.client.toxics(link.proxy)}
        if active & {self._name(link, stream) for stream in BOTH}:
            return None
        if not link.kind:
            return "its protocol is unknown, so it was not probed"
        result = link_probe.probe(link.kind, link.listen, _PROBE_TIMEOUT_S)
        if result.rtt_ms is not None:
            return result.as_evidence()
        if active:
            return "still under another fault"
        if context.refuses(name, self._spec.id):
            return "its component accepts no connection under another fault"
        if context.control is None and name not in self._answered:
            return "it did not answer before the fault either"
        return None if context.is_up(name) else "its component is not up"

    def _name(self, link: ProxiedLink, stream: str) -> str:
        return f"{link.prefix}{self._spec.id}-{stream}"


def _silence(toxics: Iterable[Toxic]) -> bool:
    """Whether nothing passes these toxics, or only so late that no probe waits for it."""
    on_all = [toxic for toxic in toxics if toxic.toxicity >= 1]
    delays_ms = (
        toxic.attributes.get("latency", 0) - toxic.attributes.get("jitter", 0)
        for toxic in on_all
        if toxic.type == "latency"
    )
    return sum(delays_ms) >= 1000 * _PROBE_TIMEOUT_S or any(map(_lets_nothing_pass, on_all))


def _lets_nothing_pass(toxic: Toxic) -> bool:
    attribute = _SILENT.get(toxic.type)
    return attribute is not None and (not attribute or toxic.attributes.get(attribute) == 0)


def _probe_targets(links: Mapping[str, ProxiedLink]) -> dict[str, tuple[str, str]]:
    return {name: (link.kind, link.listen) for name, link in links.items() if link.kind}
