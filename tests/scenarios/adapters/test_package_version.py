"""The version of an adapter outside the tree, which all workers of a run must share."""

import importlib
import re
import sys

import pytest

from gauntlet.core.errors import ConfigError
from gauntlet.scenarios.adapters.package_version import version_of

ADAPTER = """
from gauntlet.scenarios.adapters import base
from {package} import wire

class Adapter(base.Adapter):
    def codec(self, account, device): ...
"""


@pytest.fixture
def folder(tmp_path, monkeypatch):
    """Return a folder for importable packages, whose modules are forgotten after the test."""
    monkeypatch.syspath_prepend(tmp_path)
    # A test of the scaffold may have imported a module of the same name.
    for name in [name for name in sys.modules if name.partition(".")[0] == "acme"]:
        monkeypatch.delitem(sys.modules, name)
    before = set(sys.modules)
    yield tmp_path
    for name in set(sys.modules) - before:
        if name.startswith("acme"):
            del sys.modules[name]


def package(folder, wire="A = 1"):
    """Create the package `acme.chat`, whose adapter uses another module of the package."""
    (folder / "acme" / "chat").mkdir(parents=True, exist_ok=True)
    (folder / "acme" / "__init__.py").touch()
    (folder / "acme" / "chat" / "__init__.py").write_text(ADAPTER.format(package="acme"))
    (folder / "acme" / "wire.py").write_text(wire)
    importlib.invalidate_caches()


def test_an_adapter_in_the_tree_has_the_version_of_gauntlet():
    assert version_of("reference") == ""


def test_every_file_of_the_package_belongs_to_the_version(folder):
    package(folder)
    first = version_of("acme.chat:Adapter")
    assert re.fullmatch(r"acme \(code [0-9a-f]{8}\)", first)
    package(folder)
    assert version_of("acme.chat:Adapter") == first
    package(folder, wire="A = 2")
    assert version_of("acme.chat:Adapter") != first


def test_an_installed_package_is_named_with_its_distribution_and_version(folder):
    package(folder)
    info = folder / "acme_chat-1.2.dist-info"
    info.mkdir()
    (info / "METADATA").write_text("Metadata-Version: 2.1\nName: acme-chat\nVersion: 1.2\n")
    (info / "top_level.txt").write_text("acme\n")
    (info / "RECORD").write_text("acme/__init__.py,,\n")
    importlib.invalidate_caches()
    assert re.fullmatch(r"acme-chat 1\.2 \(code [0-9a-f]{8}\)", version_of("acme.chat:Adapter"))


def test_a_module_in_no_package_is_its_own_version(folder):
    """The folder around it may be anything, such as the user's home."""
    module = folder / "acme_single.py"
    module.write_text(ADAPTER.format(package="string").replace("wire", "digits"))
    (folder / "other.py").write_text("A = 1")
    first = version_of("acme_single:Adapter")
    (folder / "other.py").write_text("A = 2")
    assert version_of("acme_single:Adapter") == first
    module.write_text(module.read_text() + "\n# changed\n")
    assert version_of("acme_single:Adapter") != first


def test_a_package_in_a_namespace_is_the_outermost_regular_one(folder):
    """Other distributions may own other parts of the namespace."""
    package(folder)
    (folder / "acme" / "__init__.py").unlink()
    first = version_of("acme.chat:Adapter")
    assert first.startswith("acme.chat (code ")
    package_elsewhere = folder / "acme" / "other.py"
    package_elsewhere.write_text("A = 1")
    assert version_of("acme.chat:Adapter") == first


def test_a_missing_adapter_is_a_configuration_error(folder):
    with pytest.raises(ConfigError, match=r"No module named 'acme_missing'.*PYTHONPATH"):
        version_of("acme_missing:Adapter")
