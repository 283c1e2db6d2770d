#!/usr/bin/env python3
"""Compile the hot modules of the load engine with mypyc, or remove what was compiled.

    tools/compile.py                compile the modules of tools/compiled_modules.txt
    tools/compile.py --clean        remove the extension modules of all interpreters

The extension modules are written to `gauntlet/_compiled/<ABI>/`, where `gauntlet.core.engine_build`
finds them. A warning of mypyc is an error: what it warns about behaves in another way than in
Python, such as a generator expression that becomes a list.
"""

import argparse
import ast
import contextlib
import io
import os
import shutil
import sys
import sysconfig
from importlib.machinery import EXTENSION_SUFFIXES
from pathlib import Path

from import_tree import ROOT, link
from setuptools import Distribution, Extension
from setuptools.command.build_ext import build_ext

from gauntlet.core import engine_build

MODULES = ROOT / "tools" / "compiled_modules.txt"
WORK = ROOT / "build" / "compiled"
NO_COMPILER = 3  # the exit code if there is no C compiler


def modules() -> list[str]:
    """Return the names of the modules to compile."""
    lines = MODULES.read_text().splitlines()
    return [line for line in lines if line and not line.startswith("#")]


def imported_by(names: list[str]) -> list[str]:
    """Return the modules of the project that these import, directly or through other modules.

    mypyc copies constants of imported modules, so that a change of them needs a compilation too.
    What a package imports is not followed: an adapter is in no extension module.
    """
    found: set[str] = set()
    todo = list(names)
    while todo:
        name = todo.pop()
        file = engine_build.source_file(name)
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


def generate(names: list[str], optimize: str) -> list[Extension]:
    """Return the extensions, whose C files are written to `build/compiled/c`."""
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
                group_name=engine_build.GROUP,
                target_dir=str(WORK / "c"),
            )
    finally:
        print(said.getvalue(), end="")
    if ": warning: " in said.getvalue():
        sys.exit("compile: a warning of mypyc is an error")
    return extensions


def compile_extensions(extensions: list[Extension]) -> list[Path]:
    """Run the C compiler, and return the extension modules."""
    command = build_ext(Distribution({"name": "gauntlet", "ext_modules": extensions}))
    command.build_lib, command.build_temp = str(WORK / "lib"), str(WORK / "temp")
    command.parallel = os.cpu_count()
    command.ensure_finalized()
    command.run()
    return [Path(command.get_ext_fullpath(extension.name)) for extension in extensions]


def install(files: list[Path], sources: list[engine_build.Source]) -> None:
    """Put the extension modules where `engine_build` finds them, all at once."""
    folder = engine_build.FOLDER
    new = folder.with_name(f"{folder.name}.new")
    shutil.rmtree(new, ignore_errors=True)
    new.mkdir(parents=True)
    for file in files:
        parts = file.relative_to(WORK / "lib").with_name(file.name.partition(".")[0]).parts
        shutil.copy(file, new / f"{'.'.join(parts)}{EXTENSION_SUFFIXES[0]}")
    rows = "".join(f"{source.row()}\n" for source in sources)
    (new / engine_build.SOURCES).write_text(rows)
    shutil.rmtree(folder, ignore_errors=True)
    new.rename(folder)


def compiler() -> str | None:
    """Return the path of the C compiler with which extensions are built."""
    command = os.environ.get("CC") or sysconfig.get_config_var("CC") or "cc"
    return shutil.which(command.split()[0])


def main() -> int:
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--clean", action="store_true", help="remove what was compiled")
    parser.add_argument("--optimize", choices="0123", default="3", help="level for the C compiler")
    arguments = parser.parse_args()
    if arguments.clean:
        shutil.rmtree(engine_build.FOLDER.parent, ignore_errors=True)
        shutil.rmtree(WORK, ignore_errors=True)
        return 0
    if compiler() is None:
        print("compile: no C compiler; on Debian and Ubuntu: apt-get install gcc", file=sys.stderr)
        return NO_COMPILER
    names = modules()
    # Described before they are compiled, so that an edit made meanwhile is noticed.
    sources = [engine_build.describe(name, compiled=True) for name in names]
    sources += [engine_build.describe(name, compiled=False) for name in imported_by(names)]
    files = compile_extensions(generate(names, arguments.optimize))
    install(files, sources)
    print(f"compile: {len(names)} modules for {engine_build.ABI}")
    return 0


if __name__ == "__main__":
    sys.exit(main())
