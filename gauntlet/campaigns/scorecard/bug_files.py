"""Reads what a bug's file states about itself; the file is not executed here."""

import ast
import hashlib
from pathlib import Path
from typing import Any, NamedTuple

from gauntlet.core.errors import ConfigError


class BugFile(NamedTuple):
    """A server bug: what is broken, which first reasons are right, and what its runs need."""

    name: str
    file: Path
    sentence: str
    anomalies: tuple[str, ...]
    options: dict[str, Any]
    digest: str


def read_folder(folder: Path) -> list[BugFile]:
    """Return the bugs of a folder by name; files that begin with an underscore are no bugs."""
    return [read(file) for file in sorted(folder.glob("*.py")) if not file.name.startswith("_")]


def read(file: Path) -> BugFile:
    """Return the bug of a file; ConfigError if it does not state ANOMALIES and SENTENCE."""
    try:
        text = file.read_text(encoding="utf-8")
        tree = ast.parse(text, str(file))
    except (OSError, ValueError, SyntaxError) as error:
        raise ConfigError(f"{file} must be a readable Python file; got: {error}") from error
    values = _constants(tree)
    anomalies: Any = values.get("ANOMALIES")
    sentence = values.get("SENTENCE")
    options = values.get("OPTIONS", {})
    if not _is_names(anomalies):
        raise ConfigError(f"{file}: ANOMALIES must be a tuple of names; got {anomalies!r}")
    if not isinstance(sentence, str):
        raise ConfigError(f"{file}: SENTENCE must be a text; got {sentence!r}")
    if not isinstance(options, dict):
        raise ConfigError(f"{file}: OPTIONS must be a dict; got {options!r}")
    digest = hashlib.sha256(text.encode()).hexdigest()
    return BugFile(file.stem, file, sentence, anomalies, options, digest)


def _is_names(value: object) -> bool:
    names = value if isinstance(value, tuple) else ()
    return bool(names) and all(isinstance(name, str) for name in names)


def _constants(tree: ast.Module) -> dict[str, Any]:
    found: dict[str, Any] = {}
    for part in tree.body:
        if isinstance(part, ast.AnnAssign) and part.value is not None:
            target: ast.expr = part.target
            value = part.value
        elif isinstance(part, ast.Assign):
            target, value = part.targets[0], part.value
        else:
            continue
        if isinstance(target, ast.Name) and target.id in ("ANOMALIES", "SENTENCE", "OPTIONS"):
            try:
                found[target.id] = ast.literal_eval(value)
            except ValueError as error:
                rule = f"{target.id} must be a constant"
                raise ConfigError(f"{rule}; got {ast.unparse(value)}") from error
    return found
