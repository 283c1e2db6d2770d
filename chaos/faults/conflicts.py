"""Refuses faults that cannot act as written, before anything is broken.

The victims of such faults as `kill` and `pause` follow from the scenario and its seed: the first
components of the target, in the order of the fault, that no earlier fault holds down. A fault that
finds too few of them would fail in the middle of the load. Behind a fault that changes which
components run, such as a cutover, the victims are not known in advance, and nothing is refused. The
same holds for faults that begin after an event of the run. More victims than the stack has
components are always refused.
"""

import itertools
from collections.abc import Iterable, Sequence

from gauntlet.chaos.faults import victims
from gauntlet.chaos.faults.base import param
from gauntlet.chaos.faults.targets import (
    StackPlan,
    links_of,
    resolve_components,
)
from gauntlet.core import clock
from gauntlet.core.errors import ConfigError
from gauntlet.core.plugins import ProxyBackend
from gauntlet.core.scenario import catalog
from gauntlet.core.scenario.model import Fault
from gauntlet.core.scenario.moments import FixedTime

# Kinds that hold down as many components as their parameters say, or all.
_SOME, _ALL = (
    ("kill", "pause", "restart", "slow-start", "oom-kill"),
    ("broker-failure", "power-loss", "failover"),
)
# What each kind changes: the heal of one fault would undo another that changes the same.
_SETTINGS = {
    "client-pause": "settings",
    "memory-limit": "settings",
    "disk-alarm": "settings",
    "read-only": "settings",
    "lock-table": "locks",
    "connection-churn": "connections",
    "block": "the memory alarm",
    "cpu-limit": "control groups",
    "oom-kill": "control groups",
    "memory-pressure": "control groups",
    "descriptor-limit": "limits",
    "power-loss": "the disk",
    "disk-full": "the disk",
    "disk-read-only": "the disk",
    "disk-slow-fsync": "the disk",
    "disk-error": "the disk",
    "certificate-expiry": "the certificate",
    "clock-step": "the clock",
    "clock-skew": "the clock",
}
_CLOCKS = ("clock-step", "clock-skew")
# These end connections at once, and need links that answer.
_CUTS = ("disconnect", "reset")
# These read their clock whenever they need the time; services keep the one of their start.
_STORES = ("registry", "broker", "messages-db", "users-db")
_CHANGES = ("cutover", "rolling-update", "scale-in", "scale-out")
_START_DELAY_MAX_S = 30.0  # the control API refuses a longer one


def check(faults: Iterable[Fault], plan: StackPlan, seed: int = 1) -> None:
    """Raise ConfigError, which names both faults, if one cannot act because of another."""
    faults = list(faults)
    _check_counts((fault for fault in faults if "count" in fault.params), plan)
    _check_start_delays(fault for fault in faults if fault.kind == "slow-start")
    timed = (fault for fault in faults if isinstance(fault.at, FixedTime))
    _check_failovers(fault for fault in faults if fault.kind == "failover")
    in_order = sorted(timed, key=lambda fault: fault.begins_s)
    known = itertools.takewhile(lambda fault: fault.kind not in _CHANGES, in_order)
    kinds = (*_SOME, *_ALL, *_CLOCKS)
    victims_of = _check_victims([fault for fault in known if fault.kind in kinds], plan, seed)
    updates = [(fault, {*plan.roles}) for fault in in_order if fault.kind == "rolling-update"]
    _check_clocks([*victims_of, *updates], plan)
    _check_silenced([each for each in in_order if _silences(each) or each.kind in _CUTS], plan)
    _check_settings([fault for fault in in_order if fault.kind in _SETTINGS], plan)


def _check_counts(faults: Iterable[Fault], plan: StackPlan) -> None:
    """Raise ConfigError for more victims than there are, whenever the fault begins."""
    for fault in faults:
        names = resolve_components(fault.target, plan)
        if (count := victims.victim_count(fault, len(names))) > len(names):
            raise ConfigError(
                f"fault {fault.id!r}: params.count must be at most {len(names)}, the number of "
                f"components of {fault.target} in this stack ({', '.join(sorted(names))}); "
                f"got {count}"
            )


def _check_start_delays(faults: Iterable[Fault]) -> None:
    for fault in faults:
        delay_s: float = param(fault, "start_delay")
        if delay_s > _START_DELAY_MAX_S:
            raise ConfigError(
                f"fault {fault.id!r}: params.start_delay must be at most "
                f"{clock.format_s(_START_DELAY_MAX_S)}; got {clock.format_s(delay_s)}"
            )


def _check_failovers(faults: Iterable[Fault]) -> None:
    """Raise ConfigError for a second failover: the store that was killed is the standby then."""
    first: dict[str, Fault] = {}
    for fault in faults:
        if (earlier := first.setdefault(fault.target, fault)) is not fault:
            raise ConfigError(
                f"fault {fault.id!r}: {fault.target} can fail over once in a run, and fault "
                f"{earlier.id!r} does so; use kill for one of them"
            )


def backend_for(faults: Iterable[Fault], wanted: ProxyBackend) -> ProxyBackend:
    """Return the fault proxy that all faults can use.

    Raises ConfigError if `wanted` names another one.
    """
    for fault in faults:
        kind = catalog.FAULTS[fault.kind]
        needed = kind.backend
        if needed == "embedded" and wanted not in ("auto", needed):
            raise ConfigError(
                f"fault {fault.id!r} ({fault.kind}) needs the embedded fault proxy; use "
                f"--proxy-backend embedded or auto, or the fault {kind.instead}"
            )
        if needed == "embedded":
            wanted = "embedded"
    return wanted


def _check_victims(
    faults: Iterable[Fault], plan: StackPlan, seed: int
) -> list[tuple[Fault, set[str]]]:
    """Return each fault with its victims; ConfigError if it finds too few of them."""
    found = []
    holders: dict[str, Fault] = {}
    for fault in faults:
        names = victims.in_order(resolve_components(fault.target, plan), fault, seed)
        held = {name for name in names if name in holders and holders[name].ends_s > fault.begins_s}
        free = [name for name in names if name not in held]
        count = len(names) if fault.kind in _ALL else victims.victim_count(fault, len(free))
        if held and (len(free) < count):
            blocking = holders[min(held)]
            raise ConfigError(
                f"fault {fault.id!r} needs {_components(count)} of {fault.target} at "
                f"{clock.format_s(fault.begins_s)}, but fault {blocking.id!r} holds "
                f"{min(held)} until {clock.format_s(blocking.ends_s)}; let one of them begin "
                "after the other has ended, or choose another target"
            )
        found.append((fault, {*free[:count]}))
        if fault.kind not in _CLOCKS:
            holders |= dict.fromkeys(free[:count], fault)
    return found


def _check_clocks(faults: Iterable[tuple[Fault, set[str]]], plan: StackPlan) -> None:
    """Raise ConfigError for a service that is started while its clock is wrong.

    It takes its time from the clock at its start and follows later steps slowly, so that it would
    be wrong long after the heal. Foreign servers, whose plan has no registry, are not known to.
    """
    faults = list(faults)
    is_reference = "registry" in plan.roles.values()
    services = {name for name, role in plan.roles.items() if is_reference and role not in _STORES}
    shifts = [(fault, names & services) for fault, names in faults if fault.kind in _CLOCKS]
    starts = [each for each in faults if each[0].kind not in (*_CLOCKS, "pause")]
    for (shift, shifted), (fault, started) in itertools.product(shifts, starts):
        both = shifted & started
        # The others start a component when they end.
        first_s = fault.begins_s if fault.kind == "slow-start" else fault.ends_s
        if both and shift.begins_s <= fault.ends_s and first_s < shift.ends_s:
            raise ConfigError(
                f"fault {fault.id!r} starts {min(both)} while fault {shift.id!r} has set its clock "
                f"(until {clock.format_s(shift.ends_s)}), so that it would have the wrong time "
                "after that, too; let one of them end before the other begins"
            )


def _check_silenced(faults: Iterable[Fault], plan: StackPlan) -> None:
    cut: dict[str, Fault] = {}
    for fault in faults:
        links = links_of(fault, plan)
        if fault.kind in _CUTS:
            _check_cut(fault, [cut.get(link.name) for link in links])
            continue
        for link in links:
            earlier = cut.get(link.name)
            if earlier is not None and earlier.ends_s > fault.begins_s:
                raise ConfigError(
                    f"fault {fault.id!r} silences {link.name} at "
                    f"{clock.format_s(fault.begins_s)}, but fault {earlier.id!r} does so "
                    f"until {clock.format_s(earlier.ends_s)}; make "
                    "one longer fault of the two"
                )
            cut[link.name] = fault


def _check_cut(fault: Fault, earlier: Sequence[Fault | None]) -> None:
    """Raise ConfigError if all links of the fault are silent when it begins."""
    silent = [each for each in earlier if each is not None and each.ends_s > fault.begins_s]
    if silent and len(silent) == len(earlier):
        raise ConfigError(
            f"fault {fault.id!r} cuts connections of {fault.target} at "
            f"{clock.format_s(fault.begins_s)}, but fault {silent[0].id!r} lets nothing pass there "
            f"until {clock.format_s(silent[0].ends_s)}; let it begin after that"
        )


def _check_settings(faults: Iterable[Fault], plan: StackPlan) -> None:
    changed: dict[tuple[str, str], Fault] = {}
    for fault in faults:
        what = _SETTINGS[fault.kind]
        for name in resolve_components(fault.target, plan):
            earlier = changed.get((what, name))
            if earlier is not None and earlier.ends_s > fault.begins_s:
                raise ConfigError(
                    f"fault {fault.id!r} ({fault.kind}) changes {what} of {name} at "
                    f"{clock.format_s(fault.begins_s)}, but fault {earlier.id!r} "
                    f"({earlier.kind}) does so until {clock.format_s(earlier.ends_s)}; "
                    "let one of them begin after the other has ended"
                )
            changed[what, name] = fault


def _silences(fault: Fault) -> bool:
    """Whether nothing answers on the target while the fault acts."""
    kind = catalog.FAULTS[fault.kind]
    return kind.silences and ("percent" not in kind.params or param(fault, "percent") == 100)


def _components(count: int) -> str:
    return "a running component" if count == 1 else f"{count} running components"
