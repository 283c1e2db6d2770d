#!/usr/bin/env python3
"""Compile the hot modules of the load engine and of the server, or remove what was compiled.

    tools/compile.py                compile the modules of tools/compiled_modules.txt with mypyc
    tools/compile.py server         compile only those of one part: engine or server
    tools/compile.py --clean        remove the extension modules of all interpreters

The extension modules of a part are written to a new folder in `gauntlet/_compiled/<ABI>/<part>/`,
where `gauntlet.builds` finds them. A process that runs the modules of the last compilation keeps
them: their folder is removed by the next but one. Simultaneous compilations of one check-out wait
for each other. A warning of mypyc is an error: what it warns about behaves in another way than in
Python, such as a generator expression that becomes a list.
"""

import argparse
import ast
import contextlib
import fcntl
import hashlib
import io
import os
import shutil
import sys
import sysconfig
import tempfile
from collections.abc import Iterator
from importlib.machinery import EXTENSION_SUFFIXES
from pathlib import Path

from import_tree import ROOT, link
from setuptools import Distribution, Extension
from setuptools.command.build_ext import build_ext

from gauntlet import builds

MODULES = ROOT / "tools" / "compiled_modules.txt"
WORK = ROOT / "build" / "compiled"
NO_COMPILER = 3  # the exit code if there is no C compiler


def modules(part: builds.Part) -> list[str]:
    """Return the names of the modules of a part that are compiled."""
    lines = MODULES.read_text().splitlines()
    return [line for line in lines if line.startswith(f"{part.package}.")]


def imported_by(names: list[str]) -> list[str]:
    """Return the modules of the project that these import, directly or through other modules.

    mypyc copies constants of imported modules, so that a change of them needs a compilation too.
    What a package imports is not followed: an adapter is in no extension module.
    """
    found: set[str] = set()
    todo = list(names)
    while todo:
        name = todo.pop()
        file = builds.source_file(name)
        if name in found or not file.is_file():
            continue
        found.add(name)
        if file.name != "__init__.py":
            todo += _imports(file)
    return sorted(found - set(names))


def _imports(file: Path) -> list[str]:
    found: list[str] = []
    for node in ast.walk(ast.parse(file.read_text())):
        if isinstance(node, ast.Import):
            found += [alias.name for alias in node.names]
        elif isinstance(node, ast.ImportFrom) and node.module:
            found += [node.module, *(f"{node.module}.{alias.name}" for alias in node.names)]
    return [name for name in found if name.startswith("gauntlet.")]


def generate(part: builds.Part, names: list[str], optimize: str) -> list[Extension]:
    """Return the extensions, whose C files are written to `build/compiled/<part>/c`."""
    from mypyc import build

    link(WORK / "imports")
    os.chdir(WORK / "imports")
    files = [f"{name.replace('.', '/')}.py" for name in names]
    options = ["--strict", f"--config-file={ROOT / 'pyproject.toml'}"]
    said = io.StringIO()
    try:
        with contextlib.redirect_stdout(said):
            extensions = build.mypycify(
                [*options, f"--python-executable={sys.executable}", *files],
                opt_level=optimize,
                debug_level="0",
                group_name=part.group,
                target_dir=str(WORK / part.name / "c"),
            )
    finally:
        print(said.getvalue(), end="")
    if ": warning: " in said.getvalue():
        sys.exit("compile: a warning of mypyc is an error")
    return extensions


def compile_extensions(part: builds.Part, extensions: list[Extension]) -> list[Path]:
    """Run the C compiler, and return the extension modules."""
    command = build_ext(Distribution({"name": "gauntlet", "ext_modules": extensions}))
    folder = WORK / part.name
    command.build_lib, command.build_temp = str(folder / "lib"), str(folder / "temp")
    command.parallel = os.cpu_count()
    command.ensure_finalized()
    command.run()
    return [Path(command.get_ext_fullpath(extension.name)) for extension in extensions]


def install(part: builds.Part, files: list[Path], sources: list[builds.Source]) -> None:
    """Put the extension modules into a folder of their own, and then make it the current one.

    A file of an earlier compilation is never changed: a process may have mapped it, and it may have
    a hard link in the copy of a check-out. The folder of the previous compilation stays, because
    its processes import the modules when they first need them.
    """
    folder = part.folder
    folder.mkdir(parents=True, exist_ok=True)
    previous, _ = part.read_build()
    with tempfile.TemporaryDirectory(prefix="new-", dir=folder) as temporary:
        written, digest = Path(temporary, "modules"), hashlib.sha256()
        written.mkdir()
        for file in files:
            stem = file.relative_to(WORK / part.name / "lib").with_name(file.name.split(".")[0])
            copy = shutil.copy(file, written / f"{'.'.join(stem.parts)}{EXTENSION_SUFFIXES[0]}")
            digest.update(copy.read_bytes())
        current = folder / f"build-{digest.hexdigest()[:12]}"
        if not current.exists():
            written.rename(current)
        rows = [f"build {current.name}", *(source.row() for source in sources)]
        listed = Path(temporary, builds.SOURCES)
        listed.write_text("".join(f"{row}\n" for row in rows))
        listed.replace(folder / builds.SOURCES)
    for entry in folder.iterdir():
        if entry.name != builds.SOURCES and entry not in (current, previous):
            shutil.rmtree(entry) if entry.is_dir() else entry.unlink()


def remove_unknown(names: set[str]) -> None:
    """Remove what earlier versions of this program left, which had one folder for everything."""
    for entry in builds.FOLDER.iterdir() if builds.FOLDER.is_dir() else ():
        if entry.name not in names:
            shutil.rmtree(entry) if entry.is_dir() else entry.unlink()


@contextlib.contextmanager
def alone() -> Iterator[None]:
    """Wait until no other compilation of this check-out runs, and keep others from starting."""
    WORK.parent.mkdir(exist_ok=True)
    with WORK.with_suffix(".lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        yield


def compiler() -> str | None:
    """Return the path of the C compiler with which extensions are built."""
    command = os.environ.get("CC") or sysconfig.get_config_var("CC") or "cc"
    return shutil.which(command.split()[0])


def compile_part(part: builds.Part, optimize: str) -> None:
    """Compile the modules of a part, and make the result the current one."""
    names = modules(part)
    # Described before they are compiled, so that an edit made meanwhile is noticed.
    sources = [builds.describe(name, compiled=True) for name in names]
    sources += [builds.describe(name, compiled=False) for name in imported_by(names)]
    install(part, compile_extensions(part, generate(part, names, optimize)), sources)
    print(f"compile: {len(names)} modules of the {part.name} for {builds.ABI}")


def main() -> int:
    parts = {part.name: part for part in builds.PARTS}
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("parts", nargs="*", metavar="PART", help=f"default: {' '.join(parts)}")
    parser.add_argument("--clean", action="store_true", help="remove what was compiled")
    parser.add_argument("--optimize", choices="0123", default="3", help="level for the C compiler")
    arguments = parser.parse_args()
    if unknown := [name for name in arguments.parts if name not in parts]:
        parser.error(f"there is no part {unknown[0]}; the parts are {' and '.join(parts)}")
    if arguments.clean:
        with alone():
            shutil.rmtree(builds.FOLDER.parent, ignore_errors=True)
            shutil.rmtree(WORK, ignore_errors=True)
        return 0
    if compiler() is None:
        print("compile: no C compiler; on Debian and Ubuntu: apt-get install gcc", file=sys.stderr)
        return NO_COMPILER
    with alone():
        remove_unknown(set(parts))
        for name in arguments.parts or parts:
            compile_part(parts[name], arguments.optimize)
    return 0


if __name__ == "__main__":
    sys.exit(main())
