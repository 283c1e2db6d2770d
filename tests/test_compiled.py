"""The compiled build of the load engine; `make test-compiled` runs these tests after compiling."""

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from gauntlet.core import engine_build

ROOT = Path(__file__).resolve().parent.parent
REQUIRED = os.environ.get("GAUNTLET_REQUIRE_BUILD") == "compiled"
needs_build = pytest.mark.skipif(
    not REQUIRED and engine_build.current().kind != "compiled",
    reason="the engine is not compiled; `make test-compiled` does that",
)
MODULES = [
    line
    for line in (ROOT / "tools/compiled_modules.txt").read_text().splitlines()
    if not line.startswith("#")
]


def python(script: str, *arguments: str, **environment: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-P", "-c", script, *arguments],
        env={**os.environ, **environment},
        capture_output=True,
        text=True,
        check=True,
    )


def test_the_list_of_compiled_modules_is_sorted_and_names_modules():
    assert sorted(MODULES) == MODULES
    assert all(engine_build.source_file(name).is_file() for name in MODULES)


@needs_build
def test_the_compiled_build_runs_here():
    """A fallback must not make the tests of the compiled modules pass as those of the sources."""
    assert str(engine_build.current()) == "compiled"


@needs_build
@pytest.mark.parametrize("name", MODULES)
def test_each_listed_module_is_an_extension_module(name):
    __import__(name)
    assert sys.modules[name].__file__ is not None
    assert sys.modules[name].__file__.startswith(str(engine_build.FOLDER))


SHOW = """
import sys
from gauntlet.core import engine_build
import gauntlet.scenarios.client.timers as timers
print(timers.__file__, engine_build.current(), sep="|")
"""


# Imports the packages from a folder, and not from where an editable installation finds them.
OF_A_FOLDER = """
import sys
sys.path.insert(0, sys.argv[1])
sys.meta_path[:] = [finder for finder in sys.meta_path if "editable" not in repr(finder)]
"""


@needs_build
def test_the_variable_selects_the_sources():
    file, build = python(SHOW, GAUNTLET_PURE="1").stdout.strip().split("|")
    assert file.endswith("timers.py")
    assert build == "pure (GAUNTLET_PURE is set)"


@needs_build
def test_an_edited_source_beside_the_extensions_falls_back_with_one_line(tmp_path):
    """In a copy of the packages, where the digests of the compilation are still valid."""
    for name in ("gauntlet", "scenarios"):
        target = tmp_path / ("gauntlet" if name == "gauntlet" else "gauntlet/scenarios")
        ignored = shutil.ignore_patterns("__pycache__")
        shutil.copytree(ROOT / name, target, ignore=ignored, dirs_exist_ok=True)
    found = python(OF_A_FOLDER + SHOW, str(tmp_path))
    assert found.stdout.split("|")[1] == "compiled\n", found.stderr
    edited = tmp_path / "gauntlet/scenarios/client/timers.py"
    edited.write_text(edited.read_text() + "# edited\n")
    found = python(OF_A_FOLDER + SHOW, str(tmp_path))
    assert found.stdout.split("|")[0] == str(edited)
    reason = "gauntlet.scenarios.client.timers was edited after it was compiled"
    assert found.stderr == f"gauntlet: the engine runs uncompiled: {reason}\n"
