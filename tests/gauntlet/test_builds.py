"""Which build of a part is selected, and that a stale one is noticed."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

from gauntlet import builds
from gauntlet.builds import ENGINE, PARTS, SERVER, Build, Part, Source

TIMERS = "gauntlet.scenarios.client.timers"
STATUS = builds.source_file(TIMERS).stat()
SIZE, MTIME_NS = STATUS.st_size, STATUS.st_mtime_ns


def part_in(folder: Path, library: str = "gauntlet.no_such_library", name: str = "engine") -> Part:
    """Return a part whose extension modules are in this folder."""
    part = Part(name, "gauntlet.scenarios")
    part.folder, part.library = folder, library
    return part


@pytest.fixture(autouse=True)
def _no_variable(monkeypatch):
    """Let no variable select the sources; those that a test sets are removed after it."""
    for variable in (builds.PURE_VARIABLE, *(part.variable for part in PARTS)):
        monkeypatch.setenv(variable, "")


@pytest.fixture
def select(tmp_path):
    """Select a build with these rows of `sources.txt` and a library that cannot be loaded."""

    def select(*sources: Source) -> Build:
        if sources:
            rows = ["build b1", *(source.row() for source in sources)]
            (tmp_path / builds.SOURCES).write_text("\n".join(rows))
        return part_in(tmp_path).current()

    return select


def source(**fields) -> Source:
    return builds.describe(TIMERS, compiled=True)._replace(**fields)


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
    assert os.environ[ENGINE.variable] == build.reason
    assert select() == build
    assert capsys.readouterr().err == ""


def test_a_changed_source_of_one_part_does_not_change_the_build_of_the_other_one(tmp_path):
    """A developer who edits the load engine still measures the compiled server."""
    folders = {name: tmp_path / name for name in ("engine", "server")}
    for folder, rows in zip(folders.values(), [source(size=SIZE + 1), source()], strict=True):
        folder.mkdir()
        (folder / builds.SOURCES).write_text(f"build b1\n{rows.row()}")
    finders = list(sys.meta_path)
    try:
        assert part_in(folders["engine"]).current().kind == "pure"
        server = part_in(folders["server"], library="json", name="server")
        assert server.current() == Build("compiled")
    finally:
        sys.meta_path[:] = finders


def test_a_new_time_of_the_same_source_is_no_change(select):
    found = select(source(mtime_ns=0))
    assert found.reason.startswith("the extension modules cannot be loaded")


def test_a_library_that_cannot_be_loaded_leaves_no_finder(select):
    finders = list(sys.meta_path)
    build = select(source())
    assert build.reason.startswith("the extension modules cannot be loaded: ")
    assert sys.meta_path == finders


def test_the_variable_selects_the_sources(select, monkeypatch):
    monkeypatch.setenv(builds.PURE_VARIABLE, "1")
    assert str(select(source())) == "pure (GAUNTLET_PURE is set)"


@pytest.mark.parametrize("name", ["engine", "server"])
def test_a_variable_of_its_own_selects_the_sources_of_one_part(name, monkeypatch, tmp_path):
    monkeypatch.setenv("GAUNTLET_PURE_SERVER", "1")
    reasons = {"engine": "not compiled", "server": "GAUNTLET_PURE_SERVER is set"}
    assert part_in(tmp_path, name=name).current() == Build("pure", reasons[name])


@pytest.mark.parametrize("variable", ["GAUNTLET_PURE", "GAUNTLET_PURE_ENGINE"])
def test_zero_does_not_set_the_variable(select, monkeypatch, variable):
    monkeypatch.setenv(variable, "0")
    assert select() == Build("pure", "not compiled")


def test_rows_are_read_as_written(select, tmp_path):
    written = [source(), source(compiled=False)]
    select(*written)
    assert part_in(tmp_path).read_build() == (tmp_path / "b1", written)


@pytest.mark.parametrize("part", PARTS, ids=lambda part: part.name)
def test_selecting_imports_no_module_that_may_be_compiled(part):
    """The selection must precede the import of all of them."""
    script = f"import sys, {part.package}; print(*sys.modules)"
    found = subprocess.run(
        [sys.executable, "-P", "-c", script], capture_output=True, text=True, check=True
    )
    own = {name for name in found.stdout.split() if name.startswith("gauntlet")}
    assert own - {part.library} == {"gauntlet", "gauntlet.builds", part.package}


def test_the_parts_are_compiled_into_folders_and_libraries_of_their_own():
    assert len({part.folder for part in PARTS}) == len({part.library for part in PARTS}) == 2
    assert (ENGINE.name, SERVER.name) == ("engine", "server")


def test_a_process_can_use_the_sources_although_extension_modules_were_selected(tmp_path):
    """Before it has imported one of them; the processes that it starts are not affected."""
    (tmp_path / builds.SOURCES).write_text(f"build b1\n{source().row()}")
    finders = list(sys.meta_path)
    part = part_in(tmp_path, library="json")  # any module that can be imported
    assert str(part.current()) == "compiled"
    assert len(sys.meta_path) == len(finders) + 1
    part.use_sources("hooks")
    assert part.current() == Build("pure", "hooks")
    assert sys.meta_path == finders
    assert os.environ[builds.PURE_VARIABLE] == os.environ[part.variable] == ""


def test_sources_that_run_anyway_keep_their_reason(tmp_path):
    """The cluster states the same reason for such a process."""
    part = part_in(tmp_path)
    part.use_sources("hooks")
    assert part.current() == Build("pure", "not compiled")


def test_sources_are_those_that_are_imported():
    folder = Path(builds.__file__).parent
    assert builds.source_file("gauntlet.core") == folder / "core" / "__init__.py"
    assert builds.source_file("gauntlet.builds") == Path(builds.__file__)
    assert not builds.source_file("gauntlet.builds.Part").is_file()  # a name in a module


@pytest.mark.parametrize("content", [b"", b"compiled 12ab", b"\xff\xfe", b"compiled a b c d\n"])
def test_the_sources_run_beside_a_damaged_list_of_extension_modules(select, tmp_path, content):
    (tmp_path / builds.SOURCES).write_bytes(content)
    assert select() == Build("pure", "not compiled")
