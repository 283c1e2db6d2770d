"""The compiled builds of the engine and of the server, which `make test-compiled` runs."""

import os
import shutil
import subprocess
import sys
import zipfile
from pathlib import Path

import pytest

from gauntlet import builds
from gauntlet.builds import PARTS

from .scenarios import simulated_load

ROOT = Path(__file__).resolve().parent.parent
SIMULATED_LOAD = ROOT / "tests/scenarios/simulated_load.py"
REQUIRED = os.environ.get("GAUNTLET_REQUIRE_BUILD") == "compiled"
needs_build = pytest.mark.skipif(
    not REQUIRED and any(part.current().kind != "compiled" for part in PARTS),
    reason="not everything is compiled; `make test-compiled` does that",
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
    assert all(builds.source_file(name).is_file() for name in MODULES)
    assert all(name.startswith(tuple(f"{part.package}." for part in PARTS)) for name in MODULES)


@needs_build
@pytest.mark.parametrize("part", PARTS, ids=lambda part: part.name)
def test_the_compiled_build_runs_here(part):
    """A fallback must not make the tests of the compiled modules pass as those of the sources."""
    assert str(part.current()) == "compiled"


@needs_build
@pytest.mark.parametrize("name", MODULES)
def test_each_listed_module_is_an_extension_module(name):
    __import__(name)
    assert sys.modules[name].__file__ is not None
    assert sys.modules[name].__file__.startswith(str(builds.FOLDER))


SHOW = """
import sys
from gauntlet.builds import ENGINE, SERVER
import gauntlet.scenarios.client.timers as timers
import gauntlet.reference_server.edge.subscriptions as subscriptions
print(timers.__file__, ENGINE.current(), subscriptions.__file__, SERVER.current(), sep="|")
"""


# Imports the packages from a folder, and not from where an editable installation finds them.
OF_A_FOLDER = """
import sys
sys.path.insert(0, sys.argv[1])
sys.meta_path[:] = [finder for finder in sys.meta_path if "editable" not in repr(finder)]
"""


@needs_build
def test_the_variable_selects_the_sources():
    timers, engine, subscriptions, server = python(SHOW, GAUNTLET_PURE="1").stdout.split("|")
    assert timers.endswith("timers.py")
    assert subscriptions.endswith("subscriptions.py")
    assert {engine, server.strip()} == {"pure (GAUNTLET_PURE is set)"}


def history(folder: Path, seed: int, build: str, adapter: str = "reference") -> dict[str, bytes]:
    """Return the files that a simulated load writes with one of the builds."""
    folder.mkdir()
    subprocess.run(
        [sys.executable, "-P", str(SIMULATED_LOAD), str(seed), str(folder), adapter],
        env={
            **os.environ,
            "GAUNTLET_PURE": "1" if build == "pure" else "",
            "PYTHONPATH": str(SIMULATED_LOAD.parent),
        },
        check=True,
        capture_output=True,
    )
    return {file.name: file.read_bytes() for file in folder.iterdir()}


@needs_build
@pytest.mark.parametrize("seed", [1, 2, 3])
def test_both_builds_write_the_same_history(seed, tmp_path):
    """Byte for byte, for a load in which nearly everything that can go wrong does."""
    pure = history(tmp_path / "pure", seed, "pure")
    assert len(pure) == 5
    assert history(tmp_path / "compiled", seed, "compiled") == pure


@needs_build
def test_an_adapter_in_plain_python_writes_the_same_history(tmp_path):
    """One from outside of the tree runs on the compiled engine, where it differs in nothing."""
    pure = history(tmp_path / "pure", 1, "pure")
    plain = "plain_adapter:PlainAdapter"
    assert history(tmp_path / "compiled", 1, "compiled", plain) == pure


def test_an_adapter_in_plain_python_writes_the_history_of_the_reference_adapter(tmp_path):
    """Otherwise the comparison of the builds would compare two adapters."""
    pure = history(tmp_path / "pure", 1, "pure")
    assert history(tmp_path / "plain", 1, "pure", "plain_adapter:PlainAdapter") == pure


def test_the_compared_history_has_records_of_every_kind_that_a_session_writes(tmp_path):
    simulated_load.run(1, tmp_path)
    found = simulated_load.kinds(tmp_path)
    assert set(found) >= {
        *("OP", "ATTEMPT", "ACK", "REJECT", "UNKNOWN", "DELIVER", "RECEIVE", "ARRIVED", "PAGE"),
        *("CONNECT", "DISCONNECT", "NAMED", "STAMP", "MISSED"),
    }
    assert found["ACK"] > 500


@needs_build
def test_a_wheel_can_contain_the_extension_modules(tmp_path, copy_source_tree):
    """It is for this version of Python and this platform, and runs them without a new check-out."""
    source = tmp_path / "source"
    copy_source_tree(source)
    shutil.copytree(builds.FOLDER, source / "gauntlet/_compiled" / builds.ABI)
    subprocess.run(
        [sys.executable, "-c", "from setuptools import build_meta as b; b.build_wheel('..')"],
        cwd=source,
        env={**os.environ, "GAUNTLET_WHEEL": "compiled"},
        check=True,
        capture_output=True,
    )
    (wheel,) = tmp_path.glob("*.whl")
    assert "-none-any" not in wheel.name
    zipfile.ZipFile(wheel).extractall(tmp_path / "installed")
    shown = python(OF_A_FOLDER + SHOW, str(tmp_path / "installed")).stdout.strip().split("|")
    assert shown[1::2] == ["compiled", "compiled"]
    assert all(file.startswith(str(tmp_path / "installed")) for file in shown[::2])


@needs_build
@pytest.mark.parametrize(
    ("edited", "part", "at"),
    [
        ("scenarios/client/timers", "engine", 0),
        ("reference_server/edge/subscriptions", "server", 2),
    ],
)
def test_an_edited_source_beside_the_extensions_falls_back_with_one_line(
    edited, part, at, tmp_path
):
    """In a copy of the packages, where the digests of the compilation are still valid."""
    for name in ("gauntlet", "scenarios", "reference_server"):
        target = tmp_path / ("gauntlet" if name == "gauntlet" else f"gauntlet/{name}")
        ignored = shutil.ignore_patterns("__pycache__")
        shutil.copytree(ROOT / name, target, ignore=ignored, dirs_exist_ok=True)
    found = python(OF_A_FOLDER + SHOW, str(tmp_path))
    assert found.stdout.strip().split("|")[1::2] == ["compiled", "compiled"], found.stderr
    file = tmp_path / "gauntlet" / f"{edited}.py"
    file.write_text(file.read_text() + "# edited\n")
    found = python(OF_A_FOLDER + SHOW, str(tmp_path))
    assert found.stdout.split("|")[at] == str(file)
    name = f"gauntlet.{edited.replace('/', '.')}"
    reason = f"{name} was edited after it was compiled"
    assert found.stderr == f"gauntlet: the {part} runs uncompiled: {reason}\n"
