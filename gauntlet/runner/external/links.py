"""A system that already runs, as far as faults can reach it: the links of its clients."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass, field

from gauntlet.chaos.clients import link_probe, running_toxiproxy
from gauntlet.chaos.clients.toxiproxy import ProxyClient
from gauntlet.chaos.faults import conflicts
from gauntlet.chaos.faults.context import ProxiedLink
from gauntlet.chaos.faults.targets import ProxyMode, StackPlan, links_to_proxy
from gauntlet.core import hosts
from gauntlet.core.errors import ConfigError
from gauntlet.core.scenario import catalog
from gauntlet.core.scenario.model import Scenario, Target
from gauntlet.stacks.reference import PlannedLink

_DETECT_TIMEOUT_S = 1.0


@dataclass
class AttachedTarget:
    """What faults need to know of a running system, and what to undo when the run ends.

    `links_to_proxy` need a proxy of ours; `foreign_links` go through proxies that already run.
    """

    plan: StackPlan
    links_to_proxy: list[PlannedLink]
    foreign_links: dict[str, ProxiedLink] = field(default_factory=dict)
    detach: Callable[[], None] = lambda: None


def attach(scenario: Scenario, mode: ProxyMode, run_id: str) -> AttachedTarget:
    """Plan the links of a running system, and connect to its Toxiproxy if the scenario names one.

    Raises ConfigError where a fault names a link that does not exist.
    """
    target = scenario.target
    links = list(client_links(target))
    foreign: dict[str, ProxiedLink] = {}
    detach: Callable[[], None] = lambda: None  # noqa: E731  # typed, and replaced below
    if target.toxiproxy is not None:
        guard = running_toxiproxy.Guard(target.toxiproxy, running_toxiproxy.prefix_of(run_id))
        foreign, detach = _running_proxies(target.toxiproxy, guard.prefix), guard.close
    plan = plan_of(links, foreign)
    try:
        conflicts.check(scenario.faults, plan)
        names = links_to_proxy(scenario.faults, plan, mode)
    except ConfigError:
        detach()
        raise
    return AttachedTarget(plan, [link for link in links if link.name in names], foreign, detach)


def client_links(target: Target) -> Iterator[PlannedLink]:
    """Yield a link for each address of the target; the same address twice is one link."""
    seen: set[str] = set()
    for role, urls in (("gateway", target.url), ("edge", target.edges)):
        for url in urls:
            authority = hosts.authority_of(url)
            if str(authority) not in seen:
                seen.add(str(authority))
                name = f"{role}-{len(seen)}"
                kind = _kind_of(authority, target.tls.server_name)
                yield PlannedLink(f"client>{authority}", "client", name, kind, str(authority))


def plan_of(links: list[PlannedLink], foreign: dict[str, ProxiedLink]) -> StackPlan:
    """Return the plan in which scenarios find `client>target`, `client>edge` and `toxiproxy>NAME`.

    Without addresses of its own, `edge` means the addresses of `target.url`.
    """
    roles = {link.component: link.component.rpartition("-")[0] for link in links}
    aliases: dict[str, tuple[str, ...]] = {"target": ("gateway", "edge")}
    if "edge" not in roles.values():
        aliases["edge"] = ("gateway",)
    source = catalog.TOXIPROXY_SOURCE
    running = [
        PlannedLink(name, source, link.proxy, link.kind, link.listen)
        for name, link in foreign.items()
    ]
    return StackPlan(roles, [*links, *running], aliases)


def _running_proxies(api_url: str, prefix: str) -> dict[str, ProxiedLink]:
    client = ProxyClient(api_url)
    found = {}
    for name, proxy in client.proxies().items():
        address = running_toxiproxy.address_of(proxy.listen, api_url)
        kind = link_probe.detect(address, _DETECT_TIMEOUT_S)
        link = ProxiedLink(client, name, kind, address, prefix)
        found[f"{catalog.TOXIPROXY_SOURCE}>{name}"] = link
    return found


def _kind_of(authority: hosts.Authority, server_name: str | None) -> str:
    if authority.secure:
        return f"https {server_name or authority.host}"
    return f"http {authority}" if authority.http else ""
