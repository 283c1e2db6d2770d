"""How many bytes have arrived at the fault proxies in front of what a fault acts on."""

from collections import defaultdict

from gauntlet.chaos.clients.toxiproxy import ProxyClient
from gauntlet.chaos.faults.base import Evidence
from gauntlet.chaos.faults.context import Context
from gauntlet.chaos.faults.targets import acts_on_links, links_of, resolve_components
from gauntlet.core.errors import GauntletError
from gauntlet.core.scenario import catalog
from gauntlet.core.scenario.model import Fault as Spec


def count(context: Context, spec: Spec, detail: Evidence) -> int | None:
    """Return the bytes of all links so far, in both directions.

    `detail` is what the fault reports of its injection. None if there is no proxy in front of the
    target, or if a proxy does not report it: the count is only evidence, no fault depends on it.
    """
    try:
        names: dict[ProxyClient, set[str]] = defaultdict(set)
        for link in _links(context, spec, detail):
            if link in context.proxies:
                proxied = context.proxies[link]
                names[proxied.client].add(proxied.proxy)
        counts: list[int] = []
        for client, wanted in names.items():
            received = client.received_bytes()
            counts += [received[name] for name in wanted if name in received]
    except GauntletError:
        return None
    return sum(counts) if counts else None


def _links(context: Context, spec: Spec, detail: Evidence) -> list[str]:
    if not catalog.FAULTS[spec.kind].targets:
        return []
    if acts_on_links(spec):
        return [link.name for link in links_of(spec, context.plan)]
    hit = detail.get("components") or resolve_components(spec.target, context.plan)
    return [link.name for link in context.plan.links if link.component in hit]
