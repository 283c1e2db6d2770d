"""The version of an adapter outside this tree, so that all workers of a run have the same one."""

import contextlib
import hashlib
import importlib
from importlib import metadata
from pathlib import Path
from types import ModuleType

from gauntlet.core.scenario.capabilities import is_out_of_tree
from gauntlet.scenarios.adapters import find


def version_of(adapter: str) -> str:
    """Return the package of an adapter with its version and a digest of its code.

    The text is empty for Gauntlet's own adapters, which belong to its own version. The digest
    covers every Python file of the top-level package, or the one file of a module that is in no
    package. ConfigError if the adapter cannot be imported.
    """
    if not is_out_of_tree(adapter):
        return ""
    find(adapter)
    module = adapter.partition(":")[0]
    name, files = _files(module)
    digest = hashlib.sha256()
    for path, file in files:
        content = b""
        with contextlib.suppress(OSError):  # a link that leads nowhere
            content = file.read_bytes()
        digest.update(f"{path} {len(content)} ".encode() + content)
    return f"{_installed(module.partition('.')[0]) or name} (code {digest.hexdigest()[:8]})"


def _files(module: str) -> tuple[str, list[tuple[str, Path]]]:
    """Return the outermost regular package of a module, or the module, and its Python files."""
    parts = module.split(".")
    for depth in range(1, len(parts) + 1):
        name = ".".join(parts[:depth])
        found = importlib.import_module(name)
        if found.__file__ is not None:  # a namespace package has no file, and many owners
            return name, _python_files(found, Path(found.__file__))
    return module, []


def _python_files(module: ModuleType, file: Path) -> list[tuple[str, Path]]:
    if not hasattr(module, "__path__"):
        return [(file.name, file)]
    root = file.parent
    return [(str(path.relative_to(root)), path) for path in sorted(root.rglob("*.py"))]


def _installed(top: str) -> str:
    """Return the name and the version of the distribution that provides a top-level package."""
    names = metadata.packages_distributions().get(top, [])
    return ", ".join(f"{name} {metadata.version(name)}" for name in sorted(set(names)))
