"""How plug-ins describe themselves: faults, workloads, adapters, checks, indicators and sections.

Each plug-in holds one description in its own file. `make docs` collects them into `catalog.json`,
from which `gauntlet.core.scenario.catalog` serves them to the command and to the validation of
scenarios: neither imports a plug-in.
"""

from typing import Literal

import msgspec

ParamKind = Literal["duration", "number", "percent", "flag", "choice"]


class _Description(msgspec.Struct, frozen=True, omit_defaults=True):
    """What all descriptions have: the name that users write, and one line that says what it is."""

    name: str
    about: str


class Param(msgspec.Struct, frozen=True, omit_defaults=True):
    """One parameter of a fault.

    `default` is written as in a scenario: `100ms` for a duration. A flag that is set may need a
    hook in the server, as a fault may (`FaultKind`).
    """

    kind: ParamKind
    default: str | int | float | bool | None
    about: str
    choices: tuple[str, ...] = ()
    hook: str = ""


class FaultKind(_Description, frozen=True):
    """A fault: what it can act on, its parameters, and what it needs.

    `targets` are roles, links such as `client>edge`, or the words `role` and `link`, which stand
    for any of them. `needs_link`: its target must go through the fault proxy. `hook`: the hook that
    it needs in the server (`gauntlet.chaos.server_hooks.faults`). `stack`: the only stack that has
    what it acts on, if others lack it.
    """

    targets: tuple[str, ...] = ()
    params: dict[str, Param] = {}
    needs_link: bool = False
    hook: str = ""
    stack: str = ""


class WorkloadKind(_Description, frozen=True):
    """A workload: the capabilities that it needs, and whether its conversations have a `size`."""

    needs: tuple[str, ...] = ()
    sized: bool = False


class AdapterKind(_Description, frozen=True):
    """An adapter: what its system can do, and the stacks that can be booted for it, in order."""

    capabilities: tuple[str, ...] = ()
    stacks: tuple[str, ...] = ()


class CheckKind(_Description, frozen=True):
    """A check: the promise that it grades, whether scenarios require it by default, what it needs.

    A system whose adapter does not declare what a check `needs` is not judged by it.
    """

    aspect: str = ""
    required: bool = False
    needs: tuple[str, ...] = ()


class IndicatorKind(_Description, frozen=True):
    """An indicator: its unit ends its name.

    `punctual`: a generator that sends late falsifies it, so that it is unknown in such a run.
    """

    punctual: bool = False


class SectionKind(_Description, frozen=True):
    """A section of the report."""


class Catalog(msgspec.Struct, frozen=True):
    """All plug-ins by kind, each in the order of its registry."""

    faults: dict[str, FaultKind] = {}
    workloads: dict[str, WorkloadKind] = {}
    adapters: dict[str, AdapterKind] = {}
    checks: dict[str, CheckKind] = {}
    indicators: dict[str, IndicatorKind] = {}
    sections: dict[str, SectionKind] = {}
