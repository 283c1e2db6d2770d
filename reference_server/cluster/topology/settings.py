"""Loads settings; a request overrides the environment, which overrides a file and the defaults."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import msgspec
import yaml

from gauntlet.reference_server.core.config import Settings

PREFIX = "IM_"
_CHARACTERS_MAX = 65_536


class SettingsError(ValueError):
    """A setting is invalid; the message names its source and key."""


def load_settings(
    file_values: Mapping[str, Any], environ: Mapping[str, str], request: Mapping[str, Any]
) -> Settings:
    """Return the settings that these sources give together; SettingsError.

    `IM_PING_MS=5000` in the environment sets `ping_ms`. Variables that name no setting are ignored,
    because other programs use the prefix too; an unknown key in another source is an error.
    """
    known = Settings.__struct_fields__
    environment = {
        name: environ[var] for name in known if (var := PREFIX + name.upper()) in environ
    }
    values: dict[str, Any] = {}
    sources = (
        ("the file", file_values),
        ("the environment", environment),
        ("the request", request),
    )
    for source, settings in sources:
        for key, value in settings.items():
            if key not in known:
                raise SettingsError(f"{source}: there is no setting {key}")
            try:
                msgspec.convert({key: value}, Settings, strict=False)
            except msgspec.ValidationError as error:
                name = PREFIX + key.upper() if settings is environment else key
                raise SettingsError(f"{source}: {name}: {error}") from error
        values |= settings
    return msgspec.convert(values, Settings, strict=False)


def read_file(path: Path) -> dict[str, str]:
    """Return the settings in a YAML (or JSON) file, as they are written; SettingsError.

    The error names the line. Values stay text, as those of the environment: YAML would read `1:30`
    as 90, and `010` as 8.
    """
    try:
        with path.open(encoding="utf-8") as stream:  # it may be a device without end
            text = stream.read(_CHARACTERS_MAX + 1)
        if len(text) > _CHARACTERS_MAX:
            raise SettingsError(f"{path}: has more than {_CHARACTERS_MAX} characters")
        root = yaml.compose(text, Loader=yaml.BaseLoader)
    except (OSError, UnicodeDecodeError, yaml.YAMLError) as error:
        raise SettingsError(f"{path}: {error}") from error
    except RecursionError as error:
        raise SettingsError(f"{path}: is nested too deep") from error
    if root is None:
        return {}
    if not isinstance(root, yaml.MappingNode):
        raise SettingsError(f"{path}: must contain a mapping of settings")
    values: dict[str, str] = {}
    for key, value in root.value:
        where = f"{path}:{key.start_mark.line + 1}"
        if not isinstance(key, yaml.ScalarNode) or not isinstance(value, yaml.ScalarNode):
            raise SettingsError(f"{where}: every line must be a setting and its value")
        if key.value in values:
            raise SettingsError(f"{where}: {key.value} is set twice")
        values[key.value] = value.value
    return values
