"""Which components get a wall clock of their own, and what happens where there can be none."""

import pytest

from gauntlet.chaos.clocks import clocks, library
from gauntlet.core.errors import StackError


def test_each_component_gets_a_clock_in_a_folder_that_others_cannot_list(tmp_path, monkeypatch):
    monkeypatch.setattr(library, "build", lambda folder: folder / "wall_clock.so")
    monkeypatch.delenv("LD_PRELOAD", raising=False)
    made = clocks.Clocks()
    made.prepare(["edge-blue-1", "registry"], tmp_path)
    (folder,) = tmp_path.iterdir()
    assert len(folder.name) == 32
    assert [each.stat().st_mode & 0o777 for each in (tmp_path, folder)] == [0o711, 0o711]
    assert sorted(made.files) == sorted(made.environment) == ["edge-blue-1", "registry"]
    assert made.environment["registry"] == {
        "LD_PRELOAD": str(folder / "wall_clock.so"),
        "GAUNTLET_WALL_CLOCK": str(folder / "registry"),
    }
    assert made.unavailable == ""


def test_where_the_library_cannot_be_built_there_are_no_clocks(tmp_path, monkeypatch):
    def fail(_):
        raise StackError("there is no compiler")

    monkeypatch.setattr(library, "build", fail)
    none = clocks.Clocks()
    none.prepare(["registry"], tmp_path)
    assert (none.unavailable, none.files, none.environment) == ("there is no compiler", {}, {})


@pytest.mark.integration
def test_the_library_is_built_beside_the_clocks(tmp_path):
    if reason := library.unavailable():
        pytest.skip(reason)
    made = clocks.Clocks()
    made.prepare(["registry"], tmp_path)
    (folder,) = tmp_path.iterdir()
    assert sorted(file.name for file in folder.iterdir()) == ["registry", "wall_clock.so"]
