"""The files of `gauntlet adapter new`, for every combination of what a system may offer."""

import importlib
import itertools
import json

import pytest

from gauntlet.cli.adapters import scaffold
from gauntlet.cli.adapters.scaffold import Choices
from gauntlet.cli.main import main
from gauntlet.core.scenario import loader
from gauntlet.scenarios.adapters import base, find

FLAGS = ("binary", "http", "numbered", "acknowledged", "history")
COMBINATIONS = [
    dict(zip(FLAGS, values, strict=True))
    for values in itertools.product((False, True), repeat=len(FLAGS))
]


def name_of(flags):
    """Return a module's name that no other combination has."""
    return "_".join(["acme", *(flag[:4] for flag in FLAGS if flags[flag])])


@pytest.mark.parametrize("flags", COMBINATIONS, ids=name_of)
def test_every_combination_is_an_adapter_that_declares_what_was_chosen(
    flags, tmp_path, monkeypatch
):
    choices = Choices(name_of(flags), **flags)
    module_file, test_file, scenario_file = scaffold.write(choices, tmp_path)
    monkeypatch.syspath_prepend(str(tmp_path))
    adapter = find(f"{module_file.stem}:{choices.class_name}")({})
    assert (base.SERVER_SEQ in adapter.capabilities) == flags["numbered"]
    assert (base.HISTORY in adapter.capabilities) == flags["history"]
    codec = adapter.codec(base.Account(name="ann"), "d0")
    assert isinstance(codec.open({}), base.Binary) == flags["binary"]
    call = codec.send("d.ann.bob", "m1", "hi")
    assert isinstance(call, base.OverHttp) == flags["http"]
    entry = codec.read(
        json.dumps(
            {"message": {"id": "m1", "from": "bob", "to": "ann", "text": "x", "seq": 3, "key": "k"}}
        ).encode()
    )
    assert (entry.seq > 0) == flags["numbered"]
    if flags["history"]:
        assert codec.history("d.ann.bob", 0, 10)
    else:
        with pytest.raises(NotImplementedError):
            codec.history("d.ann.bob", 0, 10)
    scenario = loader.load(scenario_file)
    assert scenario.target.adapter == f"{module_file.stem}:{choices.class_name}"
    compile(test_file.read_text(), test_file.name, "exec")


def test_the_generated_tests_pass(tmp_path, monkeypatch):
    choices = Choices("acme_tested", history=True)
    scaffold.write(choices, tmp_path)
    monkeypatch.syspath_prepend(str(tmp_path))
    tests = importlib.import_module("test_acme_tested")
    codec = (
        importlib.import_module("acme_tested").AcmeTested({}).codec(base.Account(name="ann"), "d0")
    )
    tests.test_the_welcome_connects(codec)
    tests.test_a_push_is_an_entry(codec)
    for frame in (b"", b"{", b"[]", b'{"x": {}}', b"\xff"):
        tests.test_anything_else_is_a_protocol_error(codec, frame)


def test_files_that_exist_are_not_overwritten(tmp_path, capsys):
    arguments = ["adapter", "new", "acme", "--out", str(tmp_path / "new"), "--http"]
    assert main(arguments) == 0
    written = capsys.readouterr().out.split()
    assert [file.rpartition("/")[2] for file in written] == ["acme.py", "test_acme.py", "acme.yaml"]
    assert main(arguments) == 4
    assert "exists already" in capsys.readouterr().err


def test_a_name_that_is_no_module_is_refused(tmp_path, capsys):
    assert main(["adapter", "new", "Acme-1", "--out", str(tmp_path)]) == 4
    assert "got 'Acme-1'" in capsys.readouterr().err
    assert list(tmp_path.iterdir()) == []
