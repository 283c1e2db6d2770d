"""The descriptions of plug-ins: faults, workloads, adapters, checks, indicators and sections.

Each plug-in contains its own description. `make docs` collects them in `catalog.json`, from which
`gauntlet.core.scenario.catalog` reads them, so that neither the command nor the validation of
scenarios has to import any plug-in.
"""

from typing import Literal

import msgspec

# Which fault proxy a run uses.
ProxyBackend = Literal["auto", "toxiproxy", "embedded"]

ParamKind = Literal["duration", "number", "whole", "percent", "flag", "choice", "command", "groups"]
NUMBER_MAX = 1_000_000_000  # of parameters that are numbers


class _Description(msgspec.Struct, frozen=True, omit_defaults=True):
    """The common fields: `name`, which users write in scenarios, and `about`, one line of text."""

    name: str
    about: str


class Param(msgspec.Struct, frozen=True, omit_defaults=True):
    """One parameter of a fault.

    A `number` is between 1 and `NUMBER_MAX`, and so is a `whole` one. A `command` is a list of
    arguments. `groups` are lists of roles and components by name; a fault that has them has no
    target.
    """

    kind: ParamKind
    # Written as in a scenario: `100ms` for a duration.
    default: str | int | float | bool | None
    about: str
    # The values of a parameter of the kind `choice`.
    choices: tuple[str, ...] = ()
    # The hook that the server needs if the flag is set; see `FaultKind.hook`.
    hook: str = ""
    required: bool = False
    # A duration must be longer than 0.
    positive: bool = False
    # What to use for a value that is out of range, as part of the error message.
    instead: str = ""


class FaultKind(_Description, frozen=True):
    """A fault: what it can act on, its parameters, and its requirements."""

    # Roles, links such as `client>edge`, or the words `role` and `link`, which mean any role and
    # any link. A kind without any targets acts on no part of a stack, and works on every stack.
    targets: tuple[str, ...] = ()
    params: dict[str, Param] = {}
    # The target must be connected through the fault proxy.
    needs_link: bool = False
    # The hook in the server that the fault needs (`gauntlet.chaos.server_hooks.faults`).
    hook: str = ""
    # The stack on which the fault's target exists, if it exists on only one.
    stack: str = ""
    # The targets on the stack `external`; `toxiproxy` means any proxy of `target.toxiproxy`.
    external: tuple[str, ...] = ()
    # Without a length (`for`) the fault would end before it could act.
    lasts: bool = False
    # The fault ends by itself, and its length only states when its end is verified, so it is not
    # healed before it is proven.
    own_end: bool = False
    # Of each pair, the first parameter, a duration or a number, must not exceed the second.
    at_most: tuple[tuple[str, str], ...] = ()
    # Of each pair, a scenario may give only one.
    exclusive: tuple[tuple[str, str], ...] = ()
    # Durations that must be shorter than the fault, each with what else never happens.
    within: tuple[tuple[str, str], ...] = ()
    # Of each tuple, a scenario gives all or none.
    together: tuple[tuple[str, ...], ...] = ()
    # The only fault proxy that can do it, if there is only one.
    backend: str = ""
    # The fault to use where this one is not possible: with another `backend`, or not `supervised`.
    instead: str = ""
    # Nothing answers on a link while the fault acts.
    silences: bool = False
    # It acts on the data folder of its target, which must be a disk of its own
    # (`gauntlet.chaos.disks`).
    disk: bool = False
    # It acts on the wall clock of its target, which must be one of its own
    # (`gauntlet.chaos.clocks`).
    clock: bool = False
    # The stack must start a standby of the target.
    standby: bool = False
    # The stack must start components that have ended, and delay a start; those of the reference
    # server do.
    supervised: bool = False


class WorkloadKind(_Description, frozen=True):
    """A workload: the capabilities that it needs, and whether it has the parameter `size`."""

    needs: tuple[str, ...] = ()
    sized: bool = False


class AdapterKind(_Description, frozen=True):
    """An adapter: the capabilities of its system, and the stacks for it, the default one first."""

    capabilities: tuple[str, ...] = ()
    stacks: tuple[str, ...] = ()


# The promises of an IM system that checks grade, in the order of the table of grades.
Aspect = Literal["loss", "order", "duplicates", "re-sync", "content", "attendance", "contacts"]


class CheckKind(_Description, frozen=True):
    """A check."""

    # The promise that it grades.
    aspect: Aspect
    # Scenarios require it by default.
    required: bool = False
    # The capabilities without which the check is not applicable to a system.
    needs: tuple[str, ...] = ()
    # The pages of a history that suffice in place of capabilities: those whose entries are
    # `listed`, or also in a known order (`ordered`).
    pages_suffice: Literal["listed", "ordered", ""] = ""
    # With fewer examined items the check is unknown: too few could have shown a violation.
    examined_min: int = 1


class IndicatorKind(_Description, frozen=True):
    """An indicator; its name ends with its unit.

    `punctual`: late sends of the load generator distort the indicator, so its value is unknown in
    runs in which they occurred.
    """

    punctual: bool = False


class SectionKind(_Description, frozen=True):
    """A section of the report."""


class Catalog(msgspec.Struct, frozen=True):
    """The descriptions of all plug-ins by kind and name, in the order of their registries."""

    faults: dict[str, FaultKind] = {}
    workloads: dict[str, WorkloadKind] = {}
    adapters: dict[str, AdapterKind] = {}
    checks: dict[str, CheckKind] = {}
    indicators: dict[str, IndicatorKind] = {}
    sections: dict[str, SectionKind] = {}
