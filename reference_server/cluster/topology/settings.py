"""Where settings come from: a request before the environment before a file before the default."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import msgspec
import yaml

from gauntlet.reference_server.core.config import Settings

PREFIX = "IM_"


class SettingsError(ValueError):
    """A setting cannot be used; the message names its source and key."""


def load_settings(
    file_values: Mapping[str, Any], environ: Mapping[str, str], request: Mapping[str, Any]
) -> Settings:
    """The settings that these sources give together; SettingsError.

    `IM_PING_MS=5000` in the environment is `ping_ms`. Variables that name no setting are left
    alone, because other programs use the prefix too; an unknown key elsewhere is an error.
    """
    known = Settings.__struct_fields__
    named = {name: environ[var] for name in known if (var := PREFIX + name.upper()) in environ}
    values: dict[str, Any] = {}
    sources = (("the file", file_values), ("the environment", named), ("the request", request))
    for source, given in sources:
        for key, value in given.items():
            if key not in known:
                raise SettingsError(f"{source}: no setting is called {key}")
            try:
                msgspec.convert({key: value}, Settings, strict=False)
            except msgspec.ValidationError as error:
                shown = PREFIX + key.upper() if given is named else key
                raise SettingsError(f"{source}: {shown}: {error}") from error
        values |= given
    return msgspec.convert(values, Settings, strict=False)


def read_file(path: Path) -> dict[str, Any]:
    """The settings in a file of YAML, and so of JSON; SettingsError."""
    try:
        values = yaml.safe_load(path.read_text())
    except (OSError, UnicodeDecodeError, yaml.YAMLError) as error:
        raise SettingsError(f"{path}: {error}") from error
    if not isinstance(values, dict | None):
        raise SettingsError(f"{path}: found no mapping of settings")
    return values or {}
