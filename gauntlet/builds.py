"""Which build of a part of the project runs: extension modules that mypyc made, or the sources.

The hot modules of the load engine and of the reference server are plain Python. `tools/compile.py`
can compile them into extension modules, which it keeps in `gauntlet/_compiled/<ABI>/<part>/`.
`sources.txt` there names the folder of the latest compilation, and has a digest of every source
that the modules were made from. mypyc compiles the modules of a part as one group, so all of them
are used or none: if one of the sources has changed since, the sources run, and one line on stderr
says why.

`GAUNTLET_PURE=1` selects the sources of both parts, `GAUNTLET_PURE_ENGINE=1` or
`GAUNTLET_PURE_SERVER=1` those of one. After a fallback the variable of its part contains the
reason, so that the processes that this one starts run the same build, and are silent.
"""

import os
import sys
from importlib.machinery import EXTENSION_SUFFIXES, ExtensionFileLoader, ModuleSpec
from importlib.util import find_spec, spec_from_file_location
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal, NamedTuple

if TYPE_CHECKING:
    # mypyc knows the decorator by this name, and evaluates it when it compiles. Nothing needs the
    # package when the sources run.
    from mypy_extensions import mypyc_attr as mypyc_attr  # noqa: PLC0414 - exported
else:

    def mypyc_attr(**_attributes: Any) -> Any:
        """Return a decorator that does nothing: its arguments are for mypyc."""
        return lambda decorated: decorated


PURE_VARIABLE = "GAUNTLET_PURE"
# That of this interpreter, such as cpython-312-x86_64-linux-gnu.
ABI = EXTENSION_SUFFIXES[0].split(".")[1]
FOLDER = Path(__file__).resolve().parent / "_compiled" / ABI
SOURCES = "sources.txt"


class Build(NamedTuple):
    """The build that runs in this process; `reason` is why it is not the compiled one."""

    kind: Literal["compiled", "pure"]
    reason: str = ""

    def __str__(self) -> str:
        return f"{self.kind} ({self.reason})" if self.reason else self.kind


class Source(NamedTuple):
    """One row of `sources.txt`: a source at the time of the compilation.

    `compiled` is false for a module that compiled ones only import: its constants may be in them.
    """

    module: str
    size: int
    mtime_ns: int
    sha256: str
    compiled: bool

    def row(self) -> str:
        """Return the row, without a line break."""
        words = ("imported", "compiled")
        return f"{words[self.compiled]} {self.sha256} {self.size} {self.mtime_ns} {self.module}"


class _Finder:
    """Finds the extension modules; it precedes the finder of sources on `sys.meta_path`."""

    def __init__(self, folder: Path, modules: list[str]) -> None:
        self._folder = folder
        self._modules = frozenset(modules)

    def find_spec(
        self, name: str, _path: object = None, _target: object = None
    ) -> ModuleSpec | None:
        if name not in self._modules:
            return None
        file = str(self._folder / f"{name}{EXTENSION_SUFFIXES[0]}")
        return spec_from_file_location(name, file, loader=ExtensionFileLoader(name, file))


class Part:
    """A part of the project that is compiled on its own; `package` contains all of its modules."""

    def __init__(self, name: str, package: str) -> None:
        self.name = name
        self.package = package
        self.group = f"gauntlet.{name}"
        self.library = f"{self.group}__mypyc"  # which mypyc makes of the group
        self.variable = f"{PURE_VARIABLE}_{name.upper()}"
        self.folder = FOLDER / name
        self._finder: _Finder | None = None
        self._build: Build | None = None

    def current(self) -> Build:
        """Return the build that runs. The first call, by the package itself, selects it."""
        if self._build is None:
            self._build = self._select()
        return self._build

    def use_sources(self, reason: str) -> None:
        """Run the sources in this process, before it has imported a module that is compiled.

        If they run anyway, the reason for that remains.
        """
        if self.current().kind == "pure":
            return
        if self._finder is not None:
            sys.meta_path.remove(self._finder)
            self._finder = None
        self._build = Build("pure", reason)

    def read_build(self) -> tuple[Path, list[Source]]:
        """Return the folder of the extension modules, and their sources.

        Both are read at once, because a compilation may replace them. There are no sources if there
        are no extension modules that can be used.
        """
        try:
            lines = (self.folder / SOURCES).read_text().splitlines()
            (_, name), *rows = [line.split() for line in lines]
            return self.folder / name, [
                Source(module, int(size), int(mtime_ns), sha256, compiled=how == "compiled")
                for how, sha256, size, mtime_ns, module in rows
            ]
        # A ValueError, such as one of UTF-8, is a file that was not written completely.
        except (OSError, ValueError):
            return self.folder, []

    def _select(self) -> Build:
        for variable in (PURE_VARIABLE, self.variable):
            if value := os.environ.get(variable, "").strip("0"):
                return Build("pure", f"{variable} is set" if value == "1" else value)
        folder, sources = self.read_build()
        if not sources:
            return Build("pure", "not compiled")
        reason = _change(sources) or self._load(folder, sources)
        if not reason:
            return Build("compiled")
        os.environ[self.variable] = reason
        print(f"gauntlet: the {self.name} runs uncompiled: {reason}", file=sys.stderr)  # noqa: T201 - one line
        return Build("pure", reason)

    def _load(self, folder: Path, sources: list[Source]) -> str:
        """Make the extension modules importable; return why they are not."""
        compiled = [source.module for source in sources if source.compiled]
        finder = _Finder(folder, [self.library, *compiled])
        sys.meta_path.insert(0, finder)
        try:
            __import__(self.library)
        except ImportError as error:
            sys.meta_path.remove(finder)
            return f"the extension modules cannot be loaded: {error}"
        self._finder = finder
        return ""


ENGINE = Part("engine", "gauntlet.scenarios")
SERVER = Part("server", "gauntlet.reference_server")
PARTS = (ENGINE, SERVER)


def describe(module: str, *, compiled: bool) -> Source:
    """Return what `sources.txt` says of a module that is compiled now."""
    import hashlib

    file = source_file(module)
    status, digest = file.stat(), hashlib.sha256(file.read_bytes()).hexdigest()
    return Source(module, status.st_size, status.st_mtime_ns, digest, compiled)


def source_file(module: str) -> Path:
    """Return where the source of a module below `gauntlet` is, if there is such a module."""
    _, first, *parts = module.split(".")
    spec = find_spec(f"gauntlet.{first}")
    if spec is None or spec.origin is None:
        raise FileNotFoundError(f"gauntlet.{first} is not installed")
    if not spec.submodule_search_locations:
        return Path(spec.origin, *parts)
    path = Path(spec.submodule_search_locations[0], *parts)
    return path / "__init__.py" if path.is_dir() else path.with_suffix(".py")


def _change(sources: list[Source]) -> str:
    """Return what has changed since the compilation. A new time alone is no change."""
    for source in sources:
        try:
            status = source_file(source.module).stat()
        except OSError:
            return f"{source.module} was removed after it was compiled"
        if (status.st_size, status.st_mtime_ns) == (source.size, source.mtime_ns):
            continue
        # Usually no digest is needed: the time and the size are those of the compilation.
        if (
            status.st_size != source.size
            or describe(source.module, compiled=True).sha256 != source.sha256
        ):
            return f"{source.module} was edited after it was compiled"
    return ""
