"""Which build of the engine is selected, and that a stale one is noticed."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

from gauntlet.core import engine_build
from gauntlet.core.engine_build import Build, Source

TIMERS = "gauntlet.scenarios.client.timers"
STATUS = engine_build.source_file(TIMERS).stat()
SIZE, MTIME_NS = STATUS.st_size, STATUS.st_mtime_ns


@pytest.fixture
def select(tmp_path, monkeypatch):
    """Select a build with these rows of `sources.txt` and a library that cannot be loaded."""
    monkeypatch.setattr(engine_build, "FOLDER", tmp_path)
    monkeypatch.setattr(engine_build, "LIBRARY", "gauntlet.no_such_library")
    monkeypatch.setenv(engine_build.PURE_VARIABLE, "")

    def select(*sources: Source) -> Build:
        if sources:
            rows = ["build b1", *(source.row() for source in sources)]
            (tmp_path / engine_build.SOURCES).write_text("\n".join(rows))
        return engine_build.current.__wrapped__()

    return select


def source(**fields) -> Source:
    return engine_build.describe(TIMERS, compiled=True)._replace(**fields)


def test_without_extension_modules_the_sources_run(select, capsys):
    assert select() == Build("pure", "not compiled")
    assert capsys.readouterr().err == ""


@pytest.mark.parametrize(
    ("changed", "reason"),
    [
        ({"size": SIZE + 1}, "was edited after it was compiled"),
        ({"mtime_ns": MTIME_NS + 1, "sha256": "0"}, "was edited after it was compiled"),
        ({"module": "gauntlet.scenarios.client.none"}, "was removed after it was compiled"),
    ],
)
def test_a_changed_source_is_noticed_and_reported_once(select, capsys, changed, reason):
    build = select(source(), source(**changed))
    assert build.kind == "pure"
    assert build.reason.endswith(reason)
    assert capsys.readouterr().err == f"gauntlet: the engine runs uncompiled: {build.reason}\n"
    # The processes that this one starts make no other choice, and do not report it again.
    assert os.environ[engine_build.PURE_VARIABLE] == build.reason
    assert select() == build
    assert capsys.readouterr().err == ""


def test_a_new_time_of_the_same_source_is_no_change(select):
    found = select(source(mtime_ns=0))
    assert found.reason.startswith("the extension modules cannot be loaded")


def test_a_library_that_cannot_be_loaded_leaves_no_finder(select):
    finders = list(sys.meta_path)
    build = select(source())
    assert build.reason.startswith("the extension modules cannot be loaded: ")
    assert sys.meta_path == finders


def test_the_variable_selects_the_sources(select, monkeypatch):
    monkeypatch.setenv(engine_build.PURE_VARIABLE, "1")
    assert str(select(source())) == "pure (GAUNTLET_PURE is set)"


def test_zero_does_not_set_the_variable(select, monkeypatch):
    monkeypatch.setenv(engine_build.PURE_VARIABLE, "0")
    assert select() == Build("pure", "not compiled")


def test_rows_are_read_as_written(select, tmp_path):
    written = [source(), source(compiled=False)]
    select(*written)
    assert engine_build.read_build() == (tmp_path / "b1", written)


def test_selecting_imports_no_module_of_the_load():
    """The selection must precede the import of every module that may be compiled."""
    script = "import sys, gauntlet.scenarios; print(*sys.modules)"
    found = subprocess.run(
        [sys.executable, "-P", "-c", script], capture_output=True, text=True, check=True
    )
    own = {name for name in found.stdout.split() if name.startswith("gauntlet")}
    expected = {"gauntlet", "gauntlet.core", "gauntlet.core.engine_build", "gauntlet.scenarios"}
    assert own - {engine_build.LIBRARY} == expected


def test_sources_are_those_that_are_imported():
    assert engine_build.source_file("gauntlet.core") == Path(engine_build.__file__).with_name(
        "__init__.py"
    )


@pytest.mark.parametrize("content", [b"", b"compiled 12ab", b"\xff\xfe", b"compiled a b c d\n"])
def test_the_sources_run_beside_a_damaged_list_of_extension_modules(select, tmp_path, content):
    (tmp_path / engine_build.SOURCES).write_bytes(content)
    assert select() == Build("pure", "not compiled")
