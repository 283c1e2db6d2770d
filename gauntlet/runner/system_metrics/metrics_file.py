"""The file of `--metrics`: where a system exports metrics, and which series mean what."""

import hashlib
import math
from pathlib import Path
from typing import Literal, NamedTuple
from urllib.parse import urlsplit

import msgspec

from gauntlet.core import hosts
from gauntlet.core.clock import parse_duration_s
from gauntlet.core.errors import ConfigError
from gauntlet.core.scenario import loader, secrets
from gauntlet.core.scenario.model import Scenario

_EVERY_MIN_S = 0.5
_GB = 1e9

# Costs are learned from all but the connections, which reports show only.
Resource = Literal["cpu_s", "memory_bytes", "network_bytes", "database_bytes", "connections"]


class Size(NamedTuple):
    """What a component can use; None if it is not known."""

    cores: float | None = None
    memory_bytes: float | None = None


class Series(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """What one series means: the use of a resource by a component.

    `cpu_s` and `network_bytes` are counters, the others are gauges. The samples that have all of
    `labels` are summed, and multiplied by `scale`. `cores` and `memory_gb` are what the whole
    component can use.
    """

    component: str
    resource: Resource
    series: str
    tier: str = ""  # default: the component
    labels: dict[str, str] = {}
    scale: float = 1.0
    cores: float | None = None
    memory_gb: float | None = None


class Metrics(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """The content of the file, version 1: a page, or a command that prints one."""

    version: Literal[1]
    series: list[Series]
    prometheus: str | None = None
    command: list[str] | None = None
    every: str = "2s"

    @property
    def source(self) -> str:
        """Where the figures come from, as the record says it."""
        return self.prometheus or f"command {' '.join(self.command or [])[:80]}"

    @property
    def digest(self) -> str:
        """A digest of all that samples depend on; the size of a component may be stated later."""
        series = [msgspec.structs.replace(each, cores=None, memory_gb=None) for each in self.series]
        content = msgspec.structs.replace(self, series=series)
        return hashlib.sha256(msgspec.json.encode(content, order="sorted")).hexdigest()

    @property
    def sizes(self) -> dict[str, Size]:
        """What each component can use; one series of a component that states it is enough."""
        found = dict[str, Size]()
        for each in self.series:
            cores, memory_bytes = found.get(each.component, Size())
            memory_bytes = memory_bytes or (each.memory_gb * _GB if each.memory_gb else None)
            found[each.component] = Size(cores or each.cores, memory_bytes)
        return found

    @property
    def every_s(self) -> float:
        """The time between two samples."""
        return parse_duration_s(self.every)


def read(file: Path, scenario: Scenario, *, allow_exec: bool) -> Metrics:
    """Return the content of a file; ConfigError if it is not valid, or not allowed."""
    document = loader.read_as(file, "the file of metrics", Metrics)
    found = document.content
    try:
        every_s = found.every_s
    except ValueError as error:
        raise ConfigError(f"{document.place('every')} {error}") from error
    if (found.prometheus is None) == (not found.command):
        raise ConfigError(f"{file}: the file must have either `prometheus` or `command`")
    if not found.series:
        raise ConfigError(f"{file}: series must name at least one series")
    _check_sizes(file, found)
    if every_s < _EVERY_MIN_S:
        raise ConfigError(f"{file}: every must be at least {_EVERY_MIN_S:g} s; got {found.every}")
    if found.command and not allow_exec:
        raise ConfigError(f"{file}: --allow-exec must be given for metrics from a command")
    if found.prometheus is not None:
        _check_host(file, found.prometheus, scenario)
    return found


def _check_sizes(file: Path, metrics: Metrics) -> None:
    for each in metrics.series:
        for key, value in (("cores", each.cores), ("memory_gb", each.memory_gb)):
            if value is not None and not 0 < value < math.inf:
                raise ConfigError(
                    f"{file}: {key} of {each.component!r:.60} must be above zero; got {value:g}"
                )


def _check_host(file: Path, url: str, scenario: Scenario) -> None:
    not_valid = f"prometheus must be an http or https URL; got {secrets.redact_url(url)!r:.80}"
    try:
        parts = urlsplit(url)
        port = parts.port
    except ValueError as error:
        raise ConfigError(f"{file}: {not_valid} ({error})") from error
    host = parts.hostname or ""
    is_plain = url.isascii() and url.isprintable() and " " not in url
    if parts.scheme not in ("http", "https") or not host or port == 0 or not is_plain:
        raise ConfigError(f"{file}: {not_valid}")
    if parts.username or parts.password:
        raise ConfigError(f"{file}: prometheus must not contain a user name or a password")
    if not hosts.is_loopback(host) and host not in scenario.target.allow_hosts:
        raise ConfigError(
            f"{file}: the host of prometheus must be this machine, or one of target.allow_hosts; "
            f"got {host:.80}"
        )
