"""Adapters that were written for 0.1 import modules by names that have changed since.

Every test runs in a process of its own, because it changes how names are imported there.
"""

import os
import subprocess
import sys
from pathlib import Path

import pytest

REPOSITORY = Path(__file__).parents[3]
OLD_ADAPTER = """
from gauntlet.kernel.capabilities import HISTORY, SERVER_SEQ
from scenarios.adapters import base

class Acme:
    capabilities = frozenset({HISTORY, SERVER_SEQ})
    subprotocol = "acme"
    def __init__(self, settings: base.Settings): ...
    def websocket_url(self, url): return url
    def codec(self, user, device): return Codec()

class Codec(base.Codec):
    def open(self, cursors): return b"hello"
    def send(self, conv, client_msg_id, body):
        from scenarios.adapters.base import OverSocket
        return OverSocket(client_msg_id, (body.encode(),))
    def read(self, frame):
        return base.Several((base.Say((b"x",)), base.Beat({}), base.Move("ws://x", 1, 2)))
"""
NEW_ADAPTER = """
from gauntlet.scenarios.adapters import base

class Acme:
    capabilities = frozenset({base.HISTORY, base.SERVER_SEQ})
    subprotocol = "acme"
    def websocket_url(self, url): return url
    def codec(self, user, device): ...
"""
USE = """
import sys
from gauntlet.core.scenario import capabilities
from gauntlet.scenarios import adapters
from gauntlet.scenarios.adapters import base
Acme = adapters.find("acme_im:Acme")
codec = Acme({}).codec(base.Account(name="ann"), "d0")
assert isinstance(codec, base.Codec)
batch = codec.read(b"")
assert isinstance(batch, base.EventBatch)
kinds = [type(event) for event in batch.events]
assert kinds == [base.SendFrames, base.Heartbeat, base.ReconnectRequest], kinds
assert isinstance(codec.send("c", "m", "hi"), base.OverSocket)
assert sys.modules["scenarios.adapters.base"] is base
assert sys.modules["gauntlet.kernel.capabilities"] is capabilities
for module in (base, adapters, capabilities):
    assert module.__spec__.name == module.__name__
    assert module.__name__.startswith("gauntlet.")
import importlib
assert importlib.util.find_spec("gauntlet.scenarios.adapters.base") is base.__spec__
"""


@pytest.fixture
def run(tmp_path):
    """Run code in a process whose import path holds the folder of the adapter `acme_im`."""

    def run_code(adapter, code, *path, **variables):
        (tmp_path / "acme_im.py").write_text(adapter)
        environment = {
            name: value for name, value in os.environ.items() if name != "PYTHONWARNINGS"
        }
        environment |= {"PYTHONPATH": os.pathsep.join(map(str, (tmp_path, *path))), **variables}
        return subprocess.run(
            [sys.executable, "-c", code],
            cwd=tmp_path,
            env=environment,
            capture_output=True,
            text=True,
            check=False,
        )

    return run_code


def test_an_old_adapter_gets_the_present_modules_and_not_copies(run):
    done = run(OLD_ADAPTER, USE)
    assert done.returncode == 0, done.stderr


def test_each_old_name_is_reported_once_with_its_replacement(run):
    done = run(OLD_ADAPTER, USE)
    assert done.stderr.count("DeprecationWarning") == 2, done.stderr
    base = "gauntlet.scenarios.adapters.base"
    assert f"importing `scenarios.adapters.base` is deprecated; import `{base}`" in done.stderr
    kernel = "importing `gauntlet.kernel.capabilities` is deprecated; import the names from"
    assert f"{kernel} `{base}`" in done.stderr
    assert "acme_im.py:3: DeprecationWarning" in done.stderr


def test_the_user_can_hide_the_warnings(run):
    done = run(OLD_ADAPTER, USE, PYTHONWARNINGS="ignore")
    assert (done.returncode, done.stderr) == (0, "")


def test_the_folder_of_this_checkout_is_not_imported_a_second_time(run):
    path_first = f"import sys; sys.path.insert(0, {str(REPOSITORY)!r})\n"
    for code, path in ((path_first + USE, ()), (USE, (REPOSITORY,))):
        done = run(OLD_ADAPTER, code, *path)
        assert done.returncode == 0, done.stderr


def test_the_folder_of_another_checkout_is_not_imported_either(run, tmp_path):
    for file in (
        "__init__.py",
        "adapters/__init__.py",
        "adapters/base.py",
        "adapters/_template.py",
    ):
        copy = tmp_path / "scenarios" / file
        copy.parent.mkdir(exist_ok=True)
        copy.write_text("raise AssertionError('a second copy')")
    done = run(OLD_ADAPTER, USE)
    assert done.returncode == 0, done.stderr


def test_a_folder_of_scenario_files_is_no_package(run, tmp_path):
    (tmp_path / "scenarios").mkdir()
    (tmp_path / "scenarios" / "calm.yaml").write_text("version: 1")
    done = run(OLD_ADAPTER, USE)
    assert done.returncode == 0, done.stderr


def test_a_package_of_the_user_keeps_its_name(run, tmp_path):
    (tmp_path / "scenarios").mkdir()
    (tmp_path / "scenarios" / "__init__.py").write_text("OWN = 1")
    code = """
from gauntlet.scenarios import adapters
from gauntlet.core.errors import ConfigError
try:
    adapters.find("acme_im:Acme")
except ConfigError as error:
    assert "No module named 'scenarios.adapters'" in str(error), error
else:
    raise AssertionError("found")
import scenarios
assert scenarios.OWN == 1
"""
    done = run(OLD_ADAPTER, code)
    assert done.returncode == 0, done.stderr


def test_a_new_adapter_is_found_without_a_warning(run):
    code = """
import sys
from gauntlet.scenarios import adapters
assert adapters.find("acme_im:Acme").capabilities == {"history", "server_seq"}
assert "scenarios" not in sys.modules
assert "gauntlet.kernel" not in sys.modules
"""
    done = run(NEW_ADAPTER, code)
    assert (done.returncode, done.stderr) == (0, "")


def test_modules_that_do_not_exist_are_still_missing(run):
    code = """
from gauntlet.scenarios import adapters
adapters.find("acme_im:Acme")
for name in ("scenarios.nothing", "gauntlet.kernel.nothing", "gauntlet.kernel.errors"):
    try:
        __import__(name)
    except ModuleNotFoundError as error:
        assert error.name == name, error.name
    else:
        raise AssertionError(name)
"""
    done = run(OLD_ADAPTER, code)
    assert done.returncode == 0, done.stderr
