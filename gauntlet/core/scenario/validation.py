"""Validate a well-typed scenario: names must exist, and times and numbers must be possible."""

import itertools
import math
import re
from collections.abc import Callable, Iterable, Iterator
from typing import NamedTuple
from urllib.parse import urlsplit

import msgspec

from gauntlet.core import clock, plugins, run_directory
from gauntlet.core.printable import printable, shortened
from gauntlet.core.scenario import accounts as account_files
from gauntlet.core.scenario import catalog, guards, rate_profiles, secrets, yaml_reader
from gauntlet.core.scenario.capabilities import OUT_OF_TREE, is_out_of_tree
from gauntlet.core.scenario.model import (
    Accounts,
    Bodies,
    ConstantProfile,
    DiurnalProfile,
    Fault,
    Load,
    RampProfile,
    RecordedProfile,
    Scenario,
    SpikeProfile,
    StepProfile,
    Target,
    WorkloadShare,
)
from gauntlet.core.scenario.rules import external_target, fault_schedule, load_size

Path = tuple[str | int, ...]

_ABOUT_CHARACTERS_MAX = 2_000  # one line of `gauntlet list`
_FOUND_CHARACTERS = 200
_KEY_CHARACTERS = 120


class Problem(NamedTuple):
    """One invalid value: its place in the scenario, what is allowed there, and what was found.

    `allowed` completes the sentence "… must be".
    """

    path: Path
    found: str
    allowed: str

    @property
    def sentence(self) -> str:
        """The error message, without the file and the line."""
        found = printable(str(self.found))
        got = shortened(found, _FOUND_CHARACTERS)
        return f"{key_of(self.path)} must be {self.allowed}; got {got}"


def key_of(path: Path) -> str:
    """Return a path as messages show it: `faults[0].at` for `("faults", 0, "at")`."""
    text = "".join(f"[{step}]" if isinstance(step, int) else f".{step}" for step in path)
    return shortened(printable(text.lstrip(".")), _KEY_CHARACTERS) or "the scenario"


def problems(scenario: Scenario) -> Iterator[Problem]:
    """Yield all problems of a scenario that is well typed."""
    if not run_directory.is_slug(scenario.name):
        yield Problem(("name",), scenario.name, _SLUG)
    if scenario.seed.bit_length() > yaml_reader.BITS_MAX:
        allowed = f"a number of at most {yaml_reader.BITS_MAX} bits"
        yield Problem(("seed",), str(scenario.seed), allowed)
    if len(scenario.about) > _ABOUT_CHARACTERS_MAX:
        allowed = f"at most {_ABOUT_CHARACTERS_MAX} characters long"
        yield Problem(("about",), f"{len(scenario.about)}", allowed)
    yield from _target_problems(scenario.target)
    if scenario.accounts is not None:
        yield from _accounts_problems(scenario.accounts)
    yield from _load_problems(scenario.load)
    for index, check in enumerate(scenario.checks.required):
        yield from _unless_one_of(catalog.CHECKS, check, ("checks", "required", index))
    yield from itertools.starmap(Problem, load_size.problems(scenario))
    # Unique also after repeated faults have been resolved into `ID-1`, `ID-2`, and so on.
    yield from _repeated("faults", map(fault_schedule.fault_ids, scenario.faults))
    ids = (fault_schedule.objective_ids(each, scenario.faults) for each in scenario.sla)
    yield from _repeated("sla", ids)
    for index, fault in enumerate(scenario.faults):
        for problem in _fault_problems(fault, scenario):
            yield problem._replace(path=("faults", index, *problem.path))
    for index, guard in enumerate(scenario.guards):
        for step, found, allowed in guards.guard_problems(guard):
            yield Problem(("guards", index, *step), found, allowed)
    for index, objective in enumerate(scenario.sla):
        path = ("sla", index)
        yield from _unless_one_of(catalog.INDICATORS, objective.indicator, (*path, "indicator"))
        yield from _unless_one_of(scenario.windows(), objective.window, (*path, "window"))
        if not math.isfinite(objective.value):
            yield Problem((*path, "value"), str(objective.value), "a finite number")


def target_fits(target: str, accepted: tuple[str, ...]) -> bool:
    """Return whether a fault with the targets `accepted` (`FaultKind`) can act on `target`."""
    source, arrow, component = target.partition(">")
    if arrow:
        role = role_of(component)
        if source not in catalog.LINK_SOURCES or role not in catalog.ROLES:
            return False
        return "link" in accepted or f"{source}>{role}" in accepted
    return role_of(target) in (catalog.ROLES if "role" in accepted else accepted)


def role_of(component: str) -> str:
    """Return the role of a component (`edge` for `edge-blue-1`), or any other name unchanged."""
    for role in catalog.ROLES:
        if re.fullmatch(rf"{role}(-(blue|green))?(-\d+)?", component):
            return role
    return component


def _target_problems(target: Target) -> Iterator[Problem]:
    yield from _unless_one_of(catalog.LAYOUTS, target.layout, ("target", "layout"))
    known = target.adapter in catalog.ADAPTER_STACKS or is_out_of_tree(target.adapter)
    if not known:
        allowed = one_of([*catalog.ADAPTER_STACKS, OUT_OF_TREE])
        yield Problem(("target", "adapter"), target.adapter, allowed)
    stacks = ("external", *catalog.ADAPTER_STACKS.get(target.adapter, ()))
    if known and target.stack not in stacks:
        allowed = f"{one_of(stacks)} (with the adapter {target.adapter})"
        yield Problem(("target", "stack"), target.stack, allowed)
    for key, urls in (("url", target.url), ("edges", target.edges)):
        for index, url in enumerate(urls):
            yield from _url_problems(url, ("target", key, index))
    yield from itertools.starmap(Problem, external_target.target_problems(target))
    for name, value in target.headers.items():
        if not re.fullmatch(r"[!#$%&'*+.^_`|~0-9A-Za-z-]+", name):
            yield Problem(("target", "headers", name), repr(name), "a name of an HTTP header")
        if isinstance(value, str) and not secrets.is_header_value(value):
            found = secrets.REDACTED if secrets.is_secret_key(name) else repr(value)
            yield Problem(("target", "headers", name), found, "text on one line")
    if target.tls.key is not None and target.tls.cert is None:
        yield Problem(
            ("target", "tls", "key"), target.tls.key, "given together with target.tls.cert"
        )


def _url_problems(url: str, path: Path) -> Iterator[Problem]:
    try:
        parts = urlsplit(url)
        complete = bool(parts.hostname) and parts.port != 0
    except ValueError:
        complete = False
    shown_url = secrets.redact_url(url)
    if not complete:
        yield Problem(path, shown_url, "an address such as wss://chat.example/ws")
    elif parts.scheme not in _URL_SCHEMES:
        schemes = ", ".join(f"{scheme}://" for scheme in _URL_SCHEMES)
        yield Problem(path, shown_url, f"an address that begins with one of: {schemes}")
    elif parts.scheme in ("tcp", "tls") and parts.port is None:
        yield Problem(path, shown_url, "an address with a port, such as tcp://127.0.0.1:1883")


def _accounts_problems(accounts: Accounts) -> Iterator[Problem]:
    if accounts.pattern and accounts.file:
        allowed = "empty where accounts.pattern names the accounts"
        yield Problem(("accounts", "file"), accounts.file, allowed)
    if not (accounts.pattern or accounts.file or accounts.sign_up):
        yield Problem(("accounts",), "neither", "a mapping with pattern, file or sign_up")
    if accounts.pattern and (allowed := account_files.pattern_problem(accounts.pattern)):
        yield Problem(("accounts", "pattern"), accounts.pattern, allowed)
    if accounts.file and not accounts.file.endswith(account_files.SUFFIXES):
        yield Problem(("accounts", "file"), accounts.file, "a .csv or .jsonl file")
    for part in accounts.columns:
        yield from _unless_one_of(account_files.COLUMNS, part, ("accounts", "columns", part))
    if accounts.columns and not accounts.file:
        yield Problem(("accounts", "columns"), "columns", "empty without accounts.file")


def _load_problems(load: Load) -> Iterator[Problem]:
    if not 2 <= load.users <= 100_000:
        yield Problem(("load", "users"), str(load.users), "between 2 and 100000")
    if not 1 <= load.devices <= 8:
        yield Problem(("load", "devices"), str(load.devices), "between 1 and 8")
    if not 0 <= load.acked_floor <= 1:
        yield Problem(("load", "acked_floor"), f"{load.acked_floor:g}", "between 0 and 1")
    if load.steady <= 0:
        yield Problem(("load", "steady"), clock.format_s(load.steady), "longer than 0 s")
    yield from _bodies_problems(load)
    yield from _profile_problems(load)
    for key in ("attempt_timeout", "give_up_after"):
        if not getattr(load, key):
            yield Problem(("load", key), "0 s", "longer than 0 s")
    if not 0 < load.lag_budget_ms < math.inf:
        yield Problem(("load", "lag_budget_ms"), f"{load.lag_budget_ms:g}", "above zero")
    for key in ("queue_max", "backlog_max"):
        if (limit := getattr(load, key)) < 1:
            yield Problem(("load", key), str(limit), "1 or more")
    if not load.workload:
        allowed = f"at least one of: {_list(catalog.WORKLOADS)}"
        yield Problem(("load", "workload"), "nothing", allowed)
    for name, share in load.shares().items():
        path = ("load", "workload", name)
        yield from _unless_one_of(catalog.WORKLOADS, name, path)
        yield from _share_problems(name, share, load.users, path)


def _bodies_problems(load: Load) -> Iterator[Problem]:
    bodies = load.bodies
    sizes = {
        ("load", "body_bytes"): load.body_bytes,
        ("load", "bodies", "bytes"): bodies.fixed_bytes,
        ("load", "bodies", "max_bytes"): bodies.max_bytes,
    }
    for path, size in sizes.items():
        if size is not None and not 100 <= size <= 65_536:
            yield Problem(path, str(size), "between 100 and 65536")
    if load.body_bytes is not None and bodies != Bodies():
        yield Problem(("load", "body_bytes"), str(load.body_bytes), "absent if bodies is given")
    if bodies.kind == "fixed" and bodies.max_bytes is not None:
        yield Problem(("load", "bodies", "max_bytes"), str(bodies.max_bytes), "absent if fixed")
    if bodies.kind == "realistic" and bodies.fixed_bytes is not None:
        got = str(bodies.fixed_bytes)
        yield Problem(("load", "bodies", "bytes"), got, "absent unless kind is fixed")


def _share_problems(name: str, share: WorkloadShare, users: int, path: Path) -> Iterator[Problem]:
    if not 0 < share.weight < math.inf:
        yield Problem((*path, "weight"), f"{share.weight:g}", "above zero")
    yield from _sizes_problems(share, users, (*path, "sizes"))
    if name in catalog.WORKLOADS and catalog.WORKLOADS[name].sized and not 2 <= share.size <= users:
        allowed = f"between 2 and {users} (load.users)"
        yield Problem((*path, "size"), str(share.size), allowed)
    if not 0 < share.percent <= 100:
        yield Problem((*path, "percent"), f"{share.percent:g}", "above 0 and at most 100")
    least_per_s, most_per_s = _EXITS_PER_S
    for key, rate in (("exits", share.exits), ("removals", share.removals)):
        if rate is not None and not least_per_s <= rate <= most_per_s:
            allowed = f"between {least_per_s:f}/s and {most_per_s:g}/s"
            yield Problem((*path, key), f"{rate:g}/s", allowed)


def _profile_problems(load: Load) -> Iterator[Problem]:
    path: Path = ("load", "profile")
    profile, end = load.profile, clock.format_s(load.duration_s)
    match profile:
        case StepProfile():
            times_s = [float(step.at) for step in profile.steps]
            if not times_s:
                yield Problem((*path, "steps"), "an empty list", "a list of at least one step")
            for index, (before_s, at_s) in enumerate(itertools.pairwise(times_s), 1):
                if at_s <= before_s:
                    allowed = f"later than the step before it ({clock.format_s(before_s)})"
                    found = clock.format_s(at_s)
                    yield Problem((*path, "steps", index, "at"), found, allowed)
        case SpikeProfile() | RampProfile() if profile.at is not None:
            if profile.at >= load.duration_s:
                allowed = f"before the end of the load ({end})"
                yield Problem((*path, "at"), clock.format_s(profile.at), allowed)
        case DiurnalProfile() if load_size.diurnal_problem(load):
            return  # reported with the other sizes; its lines could be too many to count
        case _:
            pass
    # The loader checks traces: this module opens no files.
    if isinstance(profile, ConstantProfile | RecordedProfile) or load.steady <= 0:
        return
    sends = rate_profiles.total(rate_profiles.pieces(msgspec.structs.replace(load, rate=None)))
    if sends < 1:
        allowed = "a profile that sends at least one message after the ramp"
        yield Problem(path, f"one that sends {sends:g}", allowed)


def _sizes_problems(share: WorkloadShare, users: int, path: Path) -> Iterator[Problem]:
    if isinstance(share.sizes, str):
        return
    if not share.sizes:
        yield Problem(path, "an empty list", "fixed, lognormal, or a list of [size, weight]")
    for index, (size, weight) in enumerate(share.sizes):
        if not 2 <= size <= users:
            allowed = f"[size, weight] with a size between 2 and {users} (load.users)"
            yield Problem((*path, index), f"size {size}", allowed)
        if not 0 < weight < math.inf:
            allowed = "[size, weight] with a weight above zero"
            yield Problem((*path, index), f"weight {weight:g}", allowed)


def _fault_problems(fault: Fault, scenario: Scenario) -> Iterator[Problem]:
    if not run_directory.is_slug(fault.id):
        yield Problem(("id",), fault.id, _SLUG)
    kind = catalog.FAULTS.get(fault.kind)
    if kind is None:
        known = one_of(catalog.FAULTS)
        instead = catalog.INSTEAD.get(fault.kind.lower().replace("-", "_"))
        yield Problem(("kind",), fault.kind, f"{instead}, or {known}" if instead else known)
        return
    yield from itertools.starmap(Problem, external_target.fault_problems(fault, kind, scenario))
    booted = scenario.target.stack != "external"
    if "groups" in fault.params and "groups" in kind.params:
        if fault.target:
            yield Problem(("target",), fault.target, "absent where params.groups is given")
    elif booted and kind.targets and not target_fits(fault.target, kind.targets):
        found = fault.target or "nothing"
        yield Problem(("target",), found, _allowed_targets(kind.targets))
    if kind.stack not in ("", scenario.target.stack):
        stack = scenario.target.stack
        allowed = f"available on the stack {stack} ({fault.kind} needs the stack {kind.stack})"
        yield Problem(("kind",), fault.kind, allowed)
    if kind.standby and scenario.target.stack == "embedded" and fault.target in _DATABASES:
        allowed = "registry (on the stack embedded, databases are files without a standby)"
        yield Problem(("target",), fault.target, allowed)
    if booted and kind.supervised and scenario.target.stack not in _SUPERVISED_STACKS:
        allowed = (
            f"available on the stack {scenario.target.stack} ({fault.kind} needs one of the "
            f"stacks: {', '.join(_SUPERVISED_STACKS)}); use {kind.instead}"
        )
        yield Problem(("kind",), fault.kind, allowed)
    if fault.kind == "surge" and scenario.load.model == "closed":
        allowed = "another kind in a closed load, which has no arrivals to multiply"
        yield Problem(("kind",), fault.kind, allowed)
    if fault.kind == "surge" and fault.params.get("factor") == 1:
        yield Problem(("params", "factor"), "1", "above 1, because a surge by 1 changes nothing")
    yield from itertools.starmap(Problem, fault_schedule.problems(fault, scenario))
    if kind.lasts and not fault.for_:
        yield Problem(("for",), "0 s", f"longer than 0, because {fault.kind} acts while it lasts")
    yield from _params_problems(fault, kind)


def _params_problems(fault: Fault, kind: plugins.FaultKind) -> Iterator[Problem]:
    for name, required in kind.params.items():
        if required.required and name not in fault.params:
            yield Problem(("params", name), "nothing", _param_rule(required)[1])
    for name, value in fault.params.items():
        param = kind.params.get(name)
        if param is None:
            known = f"one of: {_list(kind.params)}" if kind.params else "it has none"
            yield Problem(("params", name), repr(name), f"a parameter of {fault.kind} ({known})")
            continue
        accepts, allowed = _param_rule(param)
        if not accepts(value):
            yield Problem(("params", name), repr(value), allowed)
    for name, limit in kind.at_most:
        value, most = (
            _quantity(fault.params.get(key, kind.params[key].default)) for key in (name, limit)
        )
        if value > most:
            is_duration = kind.params[name].kind == "duration"
            found = clock.format_s(value) if is_duration else f"{value:g}"
            yield Problem(("params", name), found, f"at most {limit}")
    yield from _combination_problems(fault, kind)


def _combination_problems(fault: Fault, kind: plugins.FaultKind) -> Iterator[Problem]:
    for name, other in kind.exclusive:
        if name in fault.params and other in fault.params:
            found = repr(fault.params[name])
            yield Problem(("params", name), found, f"absent where params.{other} is given")
    for names in kind.together:
        given = [name for name in names if name in fault.params]
        for name in names if given else ():
            if name not in given:
                yield Problem(("params", name), "nothing", f"given together with {given[0]}")
    for name, otherwise in kind.within:
        value = fault.params.get(name, kind.params[name].default)
        too_short = fault.for_ <= _duration_s(value) and (fault.for_ or not kind.lasts)
        if value is not None and too_short:
            length = clock.format_s(fault.for_)
            allowed = f"shorter than the fault itself (for: {length}), which otherwise {otherwise}"
            yield Problem(("params", name), repr(value), allowed)


def _duration_s(value: object) -> float:
    """Return a duration in seconds; 0 for one that has been reported already."""
    return clock.parse_duration_s(value) if _is_duration(value) else 0.0  # type: ignore[arg-type]  # checked


def _quantity(value: object) -> float:
    """Return a number or a duration in seconds; 0 for what has been reported already."""
    return float(value) if _is_number(value) else _duration_s(value)  # type: ignore[arg-type]  # checked


def _is_command(value: object) -> bool:
    return (
        isinstance(value, list)
        and all(isinstance(word, str) and "\0" not in word for word in value)
        and bool(value and value[0])
    )


def _is_groups(value: object) -> bool:
    return (
        isinstance(value, dict)
        and len(value) >= 2
        and all(isinstance(members, list) and members for members in value.values())
        and all(
            member == "client" or (isinstance(member, str) and role_of(member) in catalog.ROLES)
            for members in value.values()
            for member in members
        )
    )


def _param_rule(param: plugins.Param) -> tuple[Callable[..., bool], str]:
    if param.kind == "choice":
        return lambda value: value in param.choices, one_of(param.choices)
    if param.kind == "percent" and param.default == 0:
        return lambda value: _is_number(value) and 0 <= value <= 100, "between 0 and 100"
    if param.positive:
        return lambda value: _duration_s(value) > 0, f"{clock.DURATION_FORM}, longer than 0"
    accepts, allowed = _PARAM_RULES[param.kind]
    return accepts, f"{allowed} ({param.instead})" if param.instead else allowed


def _allowed_targets(accepted: tuple[str, ...]) -> str:
    roles = _list(catalog.ROLES)
    if "link" in accepted:
        sources = _list(catalog.LINK_SOURCES)
        return f"a link `source>component` (source: {sources}; component: {roles})"
    if "role" in accepted:
        return f"one of: {roles}; or one component such as gateway-1"
    return one_of(accepted)


def _unless_one_of(words: Iterable[str], found: str, path: Path) -> Iterator[Problem]:
    if found not in words:
        yield Problem(path, found, one_of(words))


def _repeated(key: str, names_of_each: Iterable[list[str]]) -> Iterator[Problem]:
    seen: set[str] = set()
    for index, names in enumerate(names_of_each):
        for name in seen.intersection(names):
            yield Problem((key, index, "id"), name, "unique")
        seen.update(names)


def _is_number(value: object) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool)


def _is_duration(value: object) -> bool:
    try:
        clock.parse_duration_s(value)  # type: ignore[arg-type]  # a file may contain any type
    except ValueError:
        return False
    return True


def _list(words: Iterable[str]) -> str:
    return ", ".join(words)


def one_of(words: Iterable[str]) -> str:
    """Return what is allowed as messages show it: `one of: a, b`, or the only word."""
    names = list(words)
    return f"one of: {_list(names)}" if len(names) > 1 else _list(names)


_URL_SCHEMES = ("http", "https", "ws", "wss", "tcp", "tls")

_SLUG = run_directory.SLUG_FORM

_SUPERVISED_STACKS = ("embedded", "full")  # those of the reference server
_DATABASES = ("messages-db", "users-db")

# The range for each member. A run schedules all exits and removals when it starts, so a higher
# rate would take too much memory.
_EXITS_PER_S = (1e-6, load_size.EXITS_MAX_PER_S)

_PARAM_RULES: dict[str, tuple[Callable[..., bool], str]] = {
    "number": (
        lambda value: _is_number(value) and 1 <= value <= plugins.NUMBER_MAX,
        f"a number between 1 and {plugins.NUMBER_MAX}",
    ),
    "whole": (
        lambda value: (
            _is_number(value) and 1 <= value <= plugins.NUMBER_MAX and float(value).is_integer()
        ),
        f"a whole number between 1 and {plugins.NUMBER_MAX}",
    ),
    "percent": (
        lambda value: _is_number(value) and 0 < value <= 100,
        "above 0 and at most 100",
    ),
    "duration": (_is_duration, clock.DURATION_FORM),
    "flag": (lambda value: isinstance(value, bool), "true or false"),
    "groups": (
        _is_groups,
        "two or more names, each with roles, components or client: {a: [edge], b: [broker]}",
    ),
    "command": (_is_command, "a list of arguments such as [systemctl, restart, chat]"),
}
