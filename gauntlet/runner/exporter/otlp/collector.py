"""Where a run is exported to: the address of a collector, and the headers that it asks for.

The values of headers are references to secrets, in the notation of scenarios, because the manifest
of a run contains its command line.
"""

import re
from collections.abc import Iterable
from typing import NamedTuple
from urllib.parse import SplitResult, urlsplit

import msgspec

from gauntlet.core.errors import ConfigError
from gauntlet.core.scenario import secrets, yaml_reader
from gauntlet.core.scenario.secrets import Secret
from gauntlet.runner.private_values import run_command

METRICS_PATH = "/v1/metrics"
_NAME = re.compile(r"[A-Za-z0-9!#$%&'*+.^_`|~-]+")
_OURS = ("content-type", "content-length", "transfer-encoding", "host", "user-agent")


class Collector(NamedTuple):
    """The parts of the address, and the headers of each request with their secret values."""

    scheme: str
    host: str
    port: int
    path: str
    headers: dict[str, str] = {}  # noqa: RUF012 - never changed

    @property
    def url(self) -> str:
        """The address, as messages show it."""
        host = f"[{self.host}]" if ":" in self.host else self.host
        return f"{self.scheme}://{host}:{self.port}{self.path}"

    def without_secrets(self, text: str) -> str:
        """Return a text with `***` in place of the values of the headers, and of their words."""
        words = [word for value in self.headers.values() for word in (value, *value.split())]
        return secrets.scrub(text, {word: word for word in words})


def parse(url: str, headers: Iterable[str] = (), *, allow_exec: bool = False) -> Collector:
    """Return the collector of `--otlp URL` and `--otlp-header NAME=REFERENCE`; or a ConfigError.

    The path of metrics is added to an address without it.
    """
    parts, port = _parts(url)
    path = parts.path.rstrip("/")
    if not path.endswith(METRICS_PATH):
        path += METRICS_PATH
    found: dict[str, str] = {}
    for given in headers:
        name, value = _header(given, allow_exec=allow_exec)
        if name.lower() in _OURS:
            raise ConfigError(f"--otlp-header must not be {name}, which each export sets itself")
        if name.lower() in map(str.lower, found):
            raise ConfigError(f"--otlp-header must name each header once; got {name} twice")
        found[name] = value
    return Collector(parts.scheme, parts.hostname or "", port, path, found)


def _parts(url: str) -> tuple[SplitResult, int]:
    must = "--otlp must be an http or https URL without user name, query and fragment"
    got = f"got {secrets.redact_url(url)!r:.80}"
    try:
        parts = urlsplit(url)
        port = parts.port
    except ValueError as error:
        raise ConfigError(f"{must}; {got} ({error})") from error
    is_plain = url.isascii() and url.isprintable() and " " not in url
    is_bare = "@" not in parts.netloc and not parts.query and not parts.fragment
    if parts.scheme not in ("http", "https") or not parts.hostname or port == 0:
        raise ConfigError(f"{must}; {got}")
    if not (is_plain and is_bare):
        raise ConfigError(f"{must} (--otlp-header takes a secret); {got}")
    return parts, port or (443 if parts.scheme == "https" else 80)


def _header(given: str, *, allow_exec: bool) -> tuple[str, str]:
    """Return the name of a header and its value. No message shows what was given as the value."""
    name, _, text = given.partition("=")
    if not _NAME.fullmatch(name):
        raise ConfigError(f"--otlp-header must begin with the name of a header; got {name!r:.60}")
    subject = f"--otlp-header {name}"
    try:
        secret = msgspec.convert(yaml_reader.read(text, subject)[1], Secret)
    except (ConfigError, ValueError) as error:
        raise ConfigError(
            f"{subject} must be a reference to a secret, not the secret itself: "
            f"'{name}={{env: VARIABLE}}', {{file: FILE}} or {{command: [PROGRAM]}}"
        ) from error
    value = secrets.value_of(subject, secret, run_command if allow_exec else None)
    if not secrets.is_header_value(value):
        raise ConfigError(f"{subject}: the secret must be text on one line")
    return name, value
