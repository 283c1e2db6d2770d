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

    `default` is written as in a scenario: `100ms` for a duration. A `number` is between 1 and
    `NUMBER_MAX`, and so is a `whole` one. `choices` are the values of a
    parameter of the kind `choice`. A `command` is a list of arguments. `groups` are lists of roles
    and components by name; a fault that has them has no target. `hook` is the hook that the
    server needs if a flag is set; see `FaultKind`. A `positive` duration must be longer than 0.
    `instead` is what to use for a value that is out of range, as part of the error message.
    """

    kind: ParamKind
    default: str | int | float | bool | None
    about: str
    choices: tuple[str, ...] = ()
    hook: str = ""
    required: bool = False
    positive: bool = False
    instead: str = ""


class FaultKind(_Description, frozen=True):
    """A fault: what it can act on, its parameters, and its requirements.

    `targets` are roles, links such as `client>edge`, or the words `role` and `link`, which mean any
    role and any link. `needs_link`: the target must be connected through the fault proxy. `hook`:
    the hook in the server that the fault needs (`gauntlet.chaos.server_hooks.faults`). `stack`: the
    stack on which the fault's target exists, if it exists on only one. `external`: the targets on
    the stack `external`; the word `toxiproxy` means any proxy of `target.toxiproxy`. A kind without
    any targets acts on no part of a stack, and can be used on every stack. `lasts`: without a
    length (`for`) the fault would end before it could act. `own_end`: the fault ends by itself, and
    its length only states when its end is verified, so it is not healed before it is proven. Of
    each pair in `at_most`, the first parameter, a duration or a number, must not exceed the second.
    Of each pair in `exclusive`, a scenario may give only one; of each tuple in `together`, all or
    none. `backend`: the only fault proxy that can do it, if there is only one, and `instead`: the
    fault to use with another one. `silences`: nothing answers on a link while the fault acts.
    `disk`: the fault acts on the data folder of its target, which must be a disk of its own
    (`gauntlet.chaos.disks`). `clock`: it acts on the wall clock of its target, which must be one of
    its own (`gauntlet.chaos.clocks`). `standby`: the stack must start a standby of the target.
    `supervised`: the stack must start components that have ended, and delay a start; those of the
    reference server do, and elsewhere `instead` is the fault to use.
    """

    targets: tuple[str, ...] = ()
    params: dict[str, Param] = {}
    needs_link: bool = False
    hook: str = ""
    stack: str = ""
    external: tuple[str, ...] = ()
    lasts: bool = False
    own_end: bool = False
    at_most: tuple[tuple[str, str], ...] = ()
    exclusive: tuple[tuple[str, str], ...] = ()
    together: tuple[tuple[str, ...], ...] = ()
    backend: str = ""
    instead: str = ""
    silences: bool = False
    disk: bool = False
    clock: bool = False
    standby: bool = False
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
Aspect = Literal["loss", "order", "duplicates", "re-sync", "content", "attendance"]


class CheckKind(_Description, frozen=True):
    """A check.

    `aspect` is the promise that it grades. `required`: scenarios require it by default. `needs` are
    the capabilities without which the check is not applicable to a system, unless a history has
    pages that suffice instead: those whose entries are `listed`, or also in a known order
    (`ordered`). With fewer than `examined_min` examined items
    the check is unknown: too few could have shown a violation.
    """

    aspect: Aspect
    required: bool = False
    needs: tuple[str, ...] = ()
    pages_suffice: Literal["listed", "ordered", ""] = ""
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
