"""The import names of version 0.1, for adapters outside this tree; kept for one release.

Adapters for 0.1 import `scenarios.adapters.base` and `gauntlet.kernel.capabilities`. Both names
lead to the present modules, and not to copies of them: an event of a second copy of `base` would
be an instance of another class, and the session would ignore it.
"""

import importlib
import importlib.util
import sys
import warnings
from collections.abc import Sequence
from importlib.abc import Loader, MetaPathFinder
from importlib.machinery import ModuleSpec
from pathlib import Path
from types import ModuleType

_TOP = "scenarios"
_KERNEL = "gauntlet.kernel"
_CAPABILITIES = "gauntlet.kernel.capabilities"
_BASE = "gauntlet.scenarios.adapters.base"
# Each of these is imported once per adapter, whichever module below it the adapter names.
_WARNINGS = {
    _TOP: f"importing `scenarios.adapters.base` is deprecated; import `{_BASE}` instead",
    _CAPABILITIES: f"importing `{_CAPABILITIES}` is deprecated; import the names from `{_BASE}`",
}


def install() -> None:
    """Make the old names importable, once per process; modules that exist take precedence.

    The warnings are shown unless the user has chosen otherwise with `-W` or `PYTHONWARNINGS`:
    Python hides a DeprecationWarning outside `__main__`, and an adapter is never `__main__`.
    """
    if not any(isinstance(finder, _OldNames) for finder in sys.meta_path):
        # In front, because with the repository root on `sys.path` the path finder would import
        # the folder `scenarios/` a second time.
        sys.meta_path.insert(0, _OldNames())
        if not sys.warnoptions:
            warnings.filterwarnings("default", "importing `", DeprecationWarning)


class _OldNames(MetaPathFinder):
    def find_spec(
        self, fullname: str, path: Sequence[str] | None, target: ModuleType | None = None
    ) -> ModuleSpec | None:
        if fullname == _KERNEL:
            return ModuleSpec(fullname, _EmptyPackage(), is_package=True)
        present_name = _present_name(fullname)
        if present_name is None or importlib.util.find_spec(present_name) is None:
            return None
        if fullname in _WARNINGS:
            warnings.warn(_WARNINGS[fullname], DeprecationWarning, stacklevel=2)
        return ModuleSpec(fullname, _Alias(present_name))


def _present_name(fullname: str) -> str | None:
    """Return the present name of a module of 0.1; None for any other module."""
    if fullname == _CAPABILITIES:
        return "gauntlet.core.scenario.capabilities"
    if fullname == _TOP:
        return None if _other_package_exists() else f"gauntlet.{_TOP}"
    aliased = sys.modules.get(_TOP) is sys.modules.get(f"gauntlet.{_TOP}")
    return f"gauntlet.{fullname}" if fullname.startswith(f"{_TOP}.") and aliased else None


def _other_package_exists() -> bool:
    """Return whether the name `scenarios` belongs to a package that is not Gauntlet's.

    A folder without `__init__.py` does not count: it could not hide the package of 0.1 either,
    and many projects keep their scenario files in a folder of this name.
    """
    for finder in sys.meta_path:
        if not isinstance(finder, _OldNames) and hasattr(finder, "find_spec"):
            spec = finder.find_spec(_TOP, None)
            if spec is not None:
                return spec.origin is not None and not _is_gauntlet(Path(spec.origin).parent)
    return False


def _is_gauntlet(folder: Path) -> bool:
    """Return whether a package is Gauntlet's own, in this or in another checkout."""
    return all((folder / "adapters" / name).exists() for name in ("base.py", "_template.py"))


class _Alias(Loader):
    """Returns a module that has another name, as it is."""

    def __init__(self, name: str) -> None:
        self._module = importlib.import_module(name)
        self._spec = self._module.__spec__

    def create_module(self, _spec: ModuleSpec) -> ModuleType:
        return self._module

    def exec_module(self, module: ModuleType) -> None:
        module.__spec__ = self._spec  # the import system has replaced it with that of the alias


class _EmptyPackage(Loader):
    """Creates `gauntlet.kernel`, which holds nothing but the module `capabilities`."""

    def exec_module(self, module: ModuleType) -> None:
        pass
