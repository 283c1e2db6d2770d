"""What a fault's target names: components by role or name, or the links between them (pure)."""

from collections.abc import Iterable, Mapping, Sequence
from typing import Any, Literal, NamedTuple, Protocol

from gauntlet.core.errors import ConfigError
from gauntlet.core.scenario import catalog
from gauntlet.core.scenario.model import Fault

ProxyMode = Literal["needed", "all", "none"]

# Where a role has no process of its own, its service lives in another's: on `full`, the gateways
# host the message service, and a scenario that names `message` means them. The `split` layout
# gives every service its own process.
_HOSTS = {"message": "gateway", "sessions": "social", "friend": "social", "sticker": "social"}


class PlannedLink(Protocol):
    """One link of the cluster's plan."""

    @property
    def name(self) -> str:
        """`client>edge-blue-1`."""

    @property
    def source(self) -> str:
        """The role that dials."""

    @property
    def component(self) -> str:
        """The component that listens."""

    @property
    def kind(self) -> str:
        """`http`, `ws`, `redis`, `amqp` or `postgres`."""


class StackPlan(NamedTuple):
    """What the cluster said it will run: the role of each component, and the links."""

    roles: Mapping[str, str]
    links: Sequence[PlannedLink]

    @classmethod
    def from_cluster(
        cls, components: Iterable[Mapping[str, Any]], links: Sequence[PlannedLink]
    ) -> "StackPlan":
        """The plan from the `components` and `links` of the cluster's `plan` line."""
        return cls({row["name"]: row["role"] for row in components}, links)


def is_link(target: str) -> bool:
    """Whether a target names links rather than components."""
    return ">" in target


def resolve_components(target: str, plan: StackPlan) -> list[str]:
    """The components a role or a component's name stands for, by name; ConfigError if none."""
    role = _hosted(target, plan)
    found = sorted(name for name, its in plan.roles.items() if role in (name, its))
    if not found:
        known = ", ".join(sorted({*plan.roles, *plan.roles.values()}))
        raise ConfigError(f"target {target!r} names nothing of this stack, which has: {known}")
    return found


def resolve_links(target: str, plan: StackPlan) -> list[PlannedLink]:
    """The links that `source>component` or `source>role` names; ConfigError if none."""
    source, _, component = target.partition(">")
    names = resolve_components(component, plan)
    source = source if source == "client" else _hosted(source, plan)
    found = [link for link in plan.links if link.source == source and link.component in names]
    if not found:
        known = ", ".join(sorted(f"{link.source}>{link.component}" for link in plan.links))
        raise ConfigError(f"target {target!r} is no link of this stack, which has: {known}")
    return sorted(found, key=lambda link: link.name)


def links_to_proxy(faults: Iterable[Fault], plan: StackPlan, mode: ProxyMode) -> set[str]:
    """The links that must go through a proxy; every fault's target is looked up on the way.

    ConfigError if a target names nothing of this stack, or a fault needs a proxy that `none`
    forbids: such a fault could not act, and the run would prove nothing.
    """
    needed: set[str] = set()
    for fault in faults:
        if not is_link(fault.target):
            resolve_components(fault.target, plan)
            continue
        links = {link.name for link in resolve_links(fault.target, plan)}
        if mode == "none" and catalog.FAULTS[fault.kind].needs_link:
            raise ConfigError(f"fault {fault.id!r} acts on {fault.target}, which needs a proxy")
        needed |= links
    if mode == "all":
        return {link.name for link in plan.links}
    return needed


def pick(names: Iterable[str], count: int) -> list[str]:
    """The first `count` by name: the same ones in every run of a scenario."""
    return sorted(names)[:count]


def _hosted(role: str, plan: StackPlan) -> str:
    return role if role in plan.roles.values() else _HOSTS.get(role, role)
