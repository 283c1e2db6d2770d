"""Finding adapters by their names and by their import paths."""

import pytest

from gauntlet.core.errors import ConfigError
from gauntlet.scenarios.adapters import ADAPTERS, find
from gauntlet.scenarios.adapters._template import Template

INCOMPLETE = """
class Half:
    capabilities = frozenset()
    subprotocol = "x"
class Unknown:
    capabilities = {"telepathy"}
    subprotocol = "x"
    def websocket_url(self, url): ...
    def codec(self, user, device): ...
from gauntlet.scenarios.adapters import base
class Mute(base.Adapter):
    pass
class Psychic(base.Adapter):
    capabilities = {"telepathy"}
    def codec(self, account, device): ...
"""


@pytest.fixture
def acme(tmp_path, monkeypatch):
    """Modules outside the tree, with classes that are no complete adapters."""
    (tmp_path / "acme_im.py").write_text(INCOMPLETE)
    (tmp_path / "acme_broken.py").write_text("1 / 0")
    monkeypatch.syspath_prepend(tmp_path)


def test_an_adapter_is_found_by_its_name_or_its_import_path():
    assert find("xmpp") is ADAPTERS["xmpp"]
    assert find("gauntlet.scenarios.adapters._template:Template") is Template


@pytest.mark.parametrize(
    ("name", "message"),
    [
        ("nosuch", f"allowed: {', '.join(ADAPTERS)}, package.module:Class"),
        ("../acme.py:Acme", "allowed: reference"),
        ("acme_nowhere:Acme", "cannot be imported.*PYTHONPATH"),
        ("acme_broken:Acme", "cannot be imported.*ZeroDivisionError"),
        ("acme_im:Acme", "acme_im has no Acme"),
        ("acme_im:Half", "has no websocket_url, codec"),
        ("acme_im:Unknown", "declares telepathy; allowed: server_seq"),
        ("acme_im:Mute", "has no codec"),
        ("acme_im:Psychic", "declares telepathy; allowed: server_seq"),
    ],
)
@pytest.mark.usefixtures("acme")
@pytest.mark.filterwarnings("ignore:adapter .* has version 1")
def test_an_invalid_adapter_is_a_config_error_with_the_reason(name, message):
    with pytest.raises(ConfigError, match=message):
        find(name)
