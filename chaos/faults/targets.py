"""Resolves the target of a fault to components, by role or name, or to the links between them."""

import itertools
from collections.abc import Collection, Iterable, Mapping, Sequence
from typing import Any, Literal, NamedTuple, Protocol

from gauntlet.core.errors import ConfigError
from gauntlet.core.scenario import catalog
from gauntlet.core.scenario.model import Fault

ProxyMode = Literal["needed", "all", "none"]
_CLIENTS = ("client",)  # all of them together, as a member of a group

# Not every layout has a process of its own for each role. On `full`, for example, the gateways host
# the message service, so a scenario that targets `message` means them. In the layout `split`, every
# service is a process. On `embedded`, the databases are files of the services that use them.
_HOST_ROLES = {
    "message": "gateway",
    "sessions": "social",
    "friend": "social",
    "sticker": "social",
    "messages-db": "message",
    "users-db": "social",
}


class PlannedLink(Protocol):
    """One link of a stack's plan."""

    @property
    def name(self) -> str:
        """For example `client>edge-blue-1`."""

    @property
    def source(self) -> str:
        """The role that opens the connections."""

    @property
    def component(self) -> str:
        """The component that accepts them."""

    @property
    def kind(self) -> str:
        """`http`, `ws`, `redis`, `amqp` or `postgres`."""

    @property
    def upstream(self) -> str:
        """The `host:port` at which the component accepts them."""


class StackPlan(NamedTuple):
    """What a stack is going to run: the role of each component, and the links between them.

    `aliases` are names for several roles together.
    """

    roles: Mapping[str, str]
    links: Sequence[PlannedLink]
    aliases: Mapping[str, tuple[str, ...]] = {}

    def links_named(self, names: Collection[str]) -> list[PlannedLink]:
        """Return the links with these names."""
        return [link for link in self.links if link.name in names]

    @classmethod
    def from_cluster(
        cls, components: Iterable[Mapping[str, Any]], links: Sequence[PlannedLink]
    ) -> "StackPlan":
        """Build the plan from the `components` and `links` of the cluster's `plan` line."""
        return cls({row["name"]: row["role"] for row in components}, links)


def is_link(target: str) -> bool:
    """Whether a target names links rather than components."""
    return ">" in target


def acts_on_links(fault: Fault) -> bool:
    """Whether a fault acts on links, by its target or by its groups."""
    return is_link(fault.target) or "groups" in fault.params


def resolve_components(target: str, plan: StackPlan) -> list[str]:
    """Return the names of the components that a role or a name stands for, sorted.

    Raises ConfigError if there is none.
    """
    wanted = plan.aliases.get(target, (_hosting_role(target, plan),))
    names = sorted(name for name, role in plan.roles.items() if name in wanted or role in wanted)
    if not names:
        known = ", ".join(sorted({*plan.roles, *plan.roles.values()}))
        raise ConfigError(
            f"target {target!r} matches no component of this stack, which has: {known}"
        )
    return names


def resolve_links(target: str, plan: StackPlan) -> list[PlannedLink]:
    """Return the links that `source>component` or `source>role` stands for, sorted by name.

    Raises ConfigError if there is none.
    """
    source, _, component = target.partition(">")
    running = source == catalog.TOXIPROXY_SOURCE
    names = [component] if running else resolve_components(component, plan)
    source = source if running or source == "client" else _hosting_role(source, plan)
    links = [link for link in plan.links if link.source == source and link.component in names]
    if not links:
        known = ", ".join(sorted(f"{link.source}>{link.component}" for link in plan.links))
        raise ConfigError(f"target {target!r} matches no link of this stack, which has: {known}")
    return sorted(links, key=lambda link: link.name)


def links_of(fault: Fault, plan: StackPlan) -> list[PlannedLink]:
    """Return the links of a fault: those of its target, or those between its groups.

    Raises ConfigError if there is none.
    """
    groups = fault.params.get("groups")
    return resolve_links(fault.target, plan) if groups is None else links_between(groups, plan)


def links_between(groups: Mapping[str, Sequence[str]], plan: StackPlan) -> list[PlannedLink]:
    """Return the links from a member of one group to a member of another, sorted by name.

    A link is shared by all components of its source's role. Raises ConfigError if they are not in
    one group, or if there is no link between some two groups.
    """
    group_of = _groups_by_component(groups, plan)
    cut: dict[frozenset[str], list[PlannedLink]] = {}
    for link in sorted(plan.links, key=lambda link: link.name):
        to = group_of.get(link.component)
        sources = {group_of.get(name) for name in _components_of(link.source, plan)}
        if to is None or not sources - {None, to}:
            continue
        if len(sources) > 1:
            members = ", ".join(_components_of(link.source, plan))
            raise ConfigError(
                f"params.groups must have all of {members} in one group: they share the link "
                f"{link.name}, of which {to} has the other end"
            )
        cut.setdefault(frozenset({*sources, to}), []).append(link)  # type: ignore[arg-type]  # no None
    for pair in itertools.combinations(groups, 2):
        if frozenset(pair) not in cut:
            known = ", ".join(sorted(f"{link.source}>{link.component}" for link in plan.links))
            raise ConfigError(
                f"params.groups: no link connects {pair[0]} and {pair[1]} in this stack, which "
                f"has: {known}"
            )
    return sorted(itertools.chain.from_iterable(cut.values()), key=lambda link: link.name)


def _groups_by_component(groups: Mapping[str, Sequence[str]], plan: StackPlan) -> dict[str, str]:
    found: dict[str, str] = {}
    for group, members in groups.items():
        for member in members:
            for name in _CLIENTS if member == "client" else resolve_components(member, plan):
                if found.setdefault(name, group) != group:
                    raise ConfigError(
                        f"params.groups must have {name} in one group; it is in {found[name]} "
                        f"and in {group}"
                    )
    return found


def _components_of(source: str, plan: StackPlan) -> list[str]:
    """Return the components whose connections a link carries, as the groups name them."""
    return list(_CLIENTS) if source == "client" else resolve_components(source, plan)


def links_to_proxy(faults: Iterable[Fault], plan: StackPlan, mode: ProxyMode) -> set[str]:
    """Return the names of the links that must go through a proxy; resolves every fault's target.

    Raises ConfigError if a target does not exist in this stack, or if a fault needs a proxy that
    mode `none` forbids: the fault could not act, and the run would prove nothing.
    """
    needed: set[str] = set()
    for fault in faults:
        kind = catalog.FAULTS[fault.kind]
        if not kind.targets:
            continue  # it acts on no part of the stack
        if not acts_on_links(fault):
            resolve_components(fault.target, plan)
            continue
        links = {link.name for link in links_of(fault, plan)}
        if mode == "none" and kind.needs_link:
            raise ConfigError(
                f"fault {fault.id!r} acts on {fault.target or ', '.join(sorted(links))}, which "
                "needs a proxy; --proxy none forbids it"
            )
        if kind.needs_link or not kind.external:
            needed |= links
    if mode == "all":
        return {link.name for link in plan.links}
    return needed


def first_by_name(names: Iterable[str], count: int) -> list[str]:
    """Return the first `count` names in alphabetical order: the same in every run of a scenario."""
    return sorted(names)[:count]


def _hosting_role(role: str, plan: StackPlan) -> str:
    return role if role in plan.roles.values() else _HOST_ROLES.get(role, role)
