"""Validate what is special about an external system: its addresses, and the faults it allows."""

from collections.abc import Iterator
from urllib.parse import urlsplit

from gauntlet.core.plugins import FaultKind
from gauntlet.core.scenario import catalog
from gauntlet.core.scenario.model import Fault, Scenario, Target

# The place of an invalid value, what was found there, and what is allowed.
Found = tuple[tuple[str | int, ...], str, str]


def target_problems(target: Target) -> Iterator[Found]:
    """Yield what is wrong with `target.edges`, `target.toxiproxy` and `target.limits`."""
    for key, value in (("edges", target.edges), ("toxiproxy", target.toxiproxy)):
        if value and target.stack != "external":
            yield ("target", key), f"the stack {target.stack}", "used with `stack: external` only"
    if target.toxiproxy is not None and not _is_api(target.toxiproxy):
        yield ("target", "toxiproxy"), target.toxiproxy, "an address such as http://127.0.0.1:8474"
    if target.limits is not None and target.limits.users is not None and target.limits.users < 2:
        yield ("target", "limits", "users"), str(target.limits.users), "2 or more"


def fault_problems(fault: Fault, kind: FaultKind, scenario: Scenario) -> Iterator[Found]:
    """Yield what is wrong with a fault on the stack `external`; paths begin at the fault."""
    if scenario.target.stack != "external" or not kind.targets:
        return
    if not kind.external:
        usable = [
            name for name, each in catalog.FAULTS.items() if each.external or not each.targets
        ]
        allowed = f"one of: {', '.join(usable)} (on the stack external)"
        yield ("kind",), fault.kind, allowed
        return
    if "groups" in fault.params:
        allowed = "absent on the stack external, whose components Gauntlet does not know"
        yield ("params", "groups"), repr(fault.params["groups"]), allowed
        return
    source, _, name = fault.target.partition(">")
    if source == catalog.TOXIPROXY_SOURCE and "toxiproxy" in kind.external:
        if scenario.target.toxiproxy is None:
            yield ("target",), fault.target, "client>target, unless target.toxiproxy is given"
        elif not name:
            yield ("target",), fault.target, "toxiproxy>NAME with the name of a proxy"
    elif fault.target not in kind.external:
        there = source == catalog.TOXIPROXY_SOURCE and kind.instead
        instead = f", or the fault {kind.instead}" if there else ""
        words = [word if word != "toxiproxy" else "toxiproxy>NAME" for word in kind.external]
        yield ("target",), fault.target or "nothing", f"one of: {', '.join(words)}{instead}"


def _is_api(url: str) -> bool:
    try:
        parts = urlsplit(url)
        return parts.scheme == "http" and bool(parts.hostname) and bool(parts.port)
    except ValueError:
        return False
