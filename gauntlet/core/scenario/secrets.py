"""Secrets of a scenario: values by reference, and values that no artefact may contain.

A scenario names a secret by reference (`{env: X}`, `{file: F}`, `{command: [argv]}`). A reference
stays one in every file, log and report; its value exists only in the memory of the processes that
need it. A literal value whose key looks like a secret, and the user information and query of a URL,
are replaced by `***` before anything is written. `separate` does both; `private.Private` carries
the values from process to process.

The functions work on a scenario as plain data (`model.to_builtins`), because that is what is
written and sent. Values are identified by their path in the scenario, such as
`target.server.password`.
"""

import copy
import os
import re
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Any, NamedTuple, TypeVar
from urllib.parse import urlsplit, urlunsplit

import msgspec

from gauntlet.core.errors import ConfigError

REDACTED = "***"
_KINDS = ("env", "file", "command")
# Mappings of a scenario whose values may be secrets, and keys that always are.
_MAPPINGS = (("target", "server"), ("target", "headers"))
_KEYS = (("accounts", "password"), ("accounts", "token"))
_URLS = ("target", "url")
_SECRET_KEY = re.compile(
    r"(^|[_.-])(pass|password|passwd|pwd|passphrase|secret|token|authorization|auth|cookie|jwt"
    r"|bearer|credentials?|(api|access|secret|private|signing|auth|shared|hmac)[_.-]?key)$",
    re.IGNORECASE,
)
_CAMEL_CASE = re.compile(r"(?<=[a-z0-9])(?=[A-Z])")
_URL_IN_TEXT = re.compile(r"\b(?:https?|wss?|tcp|mqtts?|amqps?)://[^\s'\"<>]+")
_CHARACTERS_MAX = 65_536  # of a file with a secret
_SCRUBBED_MIN_CHARACTERS = 4  # a shorter value would also match words that are not the secret


class Secret(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """A reference to a value that the scenario does not contain: exactly one of its keys is set.

    `env` is the name of an environment variable, `file` a file with the value (relative to the
    scenario file; line breaks at its end do not count), and `command` a command that prints it.
    """

    env: str | msgspec.UnsetType = msgspec.UNSET
    file: str | msgspec.UnsetType = msgspec.UNSET
    command: list[str] | msgspec.UnsetType = msgspec.UNSET

    def __post_init__(self) -> None:
        named = [name for name in _KINDS if getattr(self, name)]
        if len(named) != 1:
            raise ValueError(
                "must be a value, or exactly one of: {env: VARIABLE}, {file: FILE}, "
                "{command: [PROGRAM, ARGUMENT…]}"
            )


Value = str | int | float | bool
T = TypeVar("T", bound=Value)
RunCommand = Callable[[list[str]], str]


def is_secret_key(key: str) -> bool:
    """Return whether a key looks like that of a secret: `password`, `apiKey`, `Authorization`."""
    return _SECRET_KEY.search(_CAMEL_CASE.sub("_", key)) is not None


def is_header_value(text: str) -> bool:
    """Return whether a text can be the value of an HTTP header."""
    return re.fullmatch(r"[\t\x20-\x7e\x80-\xff]*", text) is not None


def redact_url(url: str) -> str:
    """Return a URL with `***` in place of its user information and the values of its query."""
    try:
        parts = urlsplit(url)
    except ValueError:
        return url.partition("?")[0] if "@" not in url else REDACTED
    host = parts.netloc.rpartition("@")[2]
    netloc = f"{REDACTED}@{host}" if host != parts.netloc else host
    pairs = [pair.partition("=") for pair in parts.query.split("&") if pair]
    query = "&".join(f"{name}={REDACTED}" if equals else REDACTED for name, equals, _ in pairs)
    return urlunsplit((parts.scheme, netloc, parts.path, query, parts.fragment and REDACTED))


def redact_text(text: str) -> str:
    """Return a text with every URL in it redacted."""
    return _URL_IN_TEXT.sub(lambda match: redact_url(match[0]), text)


def separate(scenario: Mapping[str, Any]) -> tuple[dict[str, Any], dict[str, Value]]:
    """Return a copy of a plain scenario that may be written, and the literals left out of it."""
    public = copy.deepcopy(dict(scenario))
    literals: dict[str, Value] = {}
    for place in _places(public):
        redacted = _redacted(place)
        if redacted != place.value:
            literals[place.path] = place.value
            place.holder[place.key] = redacted
    return public, literals


def redacted(scenario: Mapping[str, Any]) -> dict[str, Any]:
    """Return a copy of a plain scenario that may be written."""
    return separate(scenario)[0]


def refuse_literals(scenario: Mapping[str, Any], writer: str) -> None:
    """Raise a ConfigError if a plain scenario contains a secret itself, and `writer` writes it."""
    if redacted(scenario) != scenario:
        raise ConfigError(
            f"{writer} writes its scenarios to files, so {scenario['name']} must not contain a "
            "secret itself; use {env: NAME} or {file: PATH} in its place"
        )


def resolve(scenario: Mapping[str, Any], run_command: RunCommand | None) -> dict[str, Value]:
    """Return the values of all references of a plain scenario by path; ConfigError if one has none.

    Without `run_command`, commands are refused.
    """
    return {
        place.path: value_of(place.path, msgspec.convert(place.value, Secret), run_command)
        for place in _places(scenario)
        if _is_reference(place.value)
    }


def value_of(path: str, secret: Secret, run_command: RunCommand | None) -> str:
    """Return the value of a reference, which errors call `path`; ConfigError if it has none."""
    if isinstance(secret.env, str):
        value = os.environ.get(secret.env, "")
        if not value:
            raise ConfigError(f"{path}: the environment variable {secret.env} must be set")
    elif isinstance(secret.file, str):
        value = _read(path, secret.file)
    else:
        assert isinstance(secret.command, list)
        if run_command is None:
            raise ConfigError(f"{path} is a command, which runs only with --allow-exec")
        try:
            value = run_command(secret.command).rstrip("\r\n")
        except (OSError, ValueError) as error:
            raise ConfigError(f"{path}: {secret.command[0]} {error}") from error
        if not value:
            raise ConfigError(f"{path}: {secret.command[0]} must print the secret; got nothing")
    if path.startswith("target.headers.") and not is_header_value(value):
        raise ConfigError(f"{path}: the secret must be text on one line")
    return value


def filled(scenario: Mapping[str, Any], values: Mapping[str, Value]) -> dict[str, Any]:
    """Return a copy of a plain scenario with values in the places that their paths name."""
    whole = copy.deepcopy(dict(scenario))
    for place in _places(whole):
        if place.path in values:
            place.holder[place.key] = values[place.path]
    return whole


def missing(scenario: Mapping[str, Any]) -> list[str]:
    """Return the paths of a filled scenario that still hold `***` or a reference."""
    return [
        place.path
        for place in _places(scenario)
        if _is_reference(place.value)
        or (place.value == REDACTED if place.url is False else REDACTED in str(place.value))
    ]


def settings(values: Mapping[str, T | Secret]) -> dict[str, T]:
    """Return settings without references, which must have been filled before; ConfigError if not.

    Adapters, servers and requests receive values only.
    """
    plain: dict[str, T] = {}
    for key, value in values.items():
        if isinstance(value, Secret):
            raise ConfigError(f"{key} is a reference to a secret that has not been resolved")
        plain[key] = value
    return plain


def located(scenario: Mapping[str, Any], folder: Path) -> dict[str, Any]:
    """Return a copy of a plain scenario in which the files of references are absolute."""
    whole = copy.deepcopy(dict(scenario))
    for place in _places(whole):
        if _is_reference(place.value) and "file" in place.value:
            place.holder[place.key] = {"file": str((folder / place.value["file"]).resolve())}
    return whole


def scrub(text: str, values: Mapping[str, Value]) -> str:
    """Return a text with `***` in place of every secret value in it, and of parts of URLs."""
    for value in sorted({str(value) for value in values.values()}, key=len, reverse=True):
        if len(value) >= _SCRUBBED_MIN_CHARACTERS:
            text = text.replace(value, REDACTED)
    return redact_text(text)


class _Place(NamedTuple):
    """A value of a scenario that may be secret: its path, the object that holds it, and its key."""

    path: str
    holder: Any
    key: str | int
    value: Any
    url: bool = False


def _places(scenario: Mapping[str, Any]) -> Iterator[_Place]:
    """Yield all places of secrets. The holders may be changed meanwhile."""
    for path in _MAPPINGS:
        holder = _at(scenario, path)
        for key, value in list(holder.items()) if isinstance(holder, dict) else ():
            yield _Place(".".join((*path, str(key))), holder, key, value)
    for section, key in _KEYS:
        holder = scenario.get(section)
        if isinstance(holder, dict) and holder.get(key):
            yield _Place(f"{section}.{key}", holder, key, holder[key])
    urls = _at(scenario, _URLS)
    for index, url in enumerate(urls if isinstance(urls, list) else ()):
        yield _Place(".".join((*_URLS, str(index))), urls, index, url, url=True)


def _at(scenario: Mapping[str, Any], path: tuple[str, ...]) -> Any:
    found: Any = scenario
    for key in path:
        found = found.get(key) if isinstance(found, dict) else None
    return found


def _is_reference(value: object) -> bool:
    return isinstance(value, dict) and len(value) == 1 and next(iter(value)) in _KINDS


def _redacted(place: _Place) -> Any:
    value = place.value
    if place.url:
        return redact_url(str(value))
    if _is_reference(value) or isinstance(value, bool) or value in ("", None):
        return value
    if is_secret_key(str(place.key)):
        return REDACTED
    return redact_text(value) if isinstance(value, str) else value


def _read(path: str, file: str) -> str:
    try:
        with Path(file).open(encoding="utf-8") as stream:
            value = stream.read(_CHARACTERS_MAX + 1).rstrip("\r\n")  # it may be a device
    except (OSError, UnicodeDecodeError) as error:
        reason = getattr(error, "strerror", None) or "it is not UTF-8 text"
        raise ConfigError(f"{path}: the file {file} cannot be read: {reason}") from error
    if not value:
        raise ConfigError(f"{path}: the file {file} must contain the secret; it is empty")
    if len(value) > _CHARACTERS_MAX:
        allowed = f"must have at most {_CHARACTERS_MAX} characters"
        raise ConfigError(f"{path}: the file {file} {allowed}; it has more")
    return value
