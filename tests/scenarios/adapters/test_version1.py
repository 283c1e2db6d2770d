"""Adapters of version 1 of the contract, wrapped for one release."""

import pytest

from gauntlet.core.errors import ConfigError
from gauntlet.core.scenario.model import Target
from gauntlet.scenarios.adapters import base, create, find
from gauntlet.scenarios.adapters._template import Template
from gauntlet.scenarios.adapters.version1 import is_version_1, wrap


class OldCodec(base.Codec):
    """A codec as version 1 had it."""

    def __init__(self, user, device):
        self.user, self.device = user, device

    def open(self, cursors):
        return b"hello"

    def send(self, conv, client_msg_id, body):
        return base.OverSocket(client_msg_id, (body.encode(),))

    def read(self, frame):
        return base.Connected("node", "", 10_000, 5_000, {})


class Old:
    """An adapter as version 1 had it: no base class, user names, positional values."""

    capabilities = frozenset({base.HISTORY})
    subprotocol = "old"

    def __init__(self, settings):
        self.settings = settings

    def websocket_url(self, url):
        return f"{url}/{self.settings['path']}"

    def codec(self, user, device):
        return OldCodec(user, device)


def test_an_old_adapter_works_and_warns():
    with pytest.warns(DeprecationWarning, match="'acme:Old' has version 1 of the adapter contract"):
        wrapped = wrap(Old, "acme:Old")
    adapter = wrapped({"path": "ws"})
    assert adapter.url("ws://h") == "ws://h/ws"
    assert (adapter.subprotocols, adapter.transports) == (("old",), ("websocket",))
    assert adapter.capabilities == {base.HISTORY}
    codec = adapter.codec(base.Account(name="ann", password="x"), "d0")
    assert (codec.user, codec.device) == ("ann", "d0")
    assert codec.opened(base.Response(101, b"")) == base.EventBatch()


def test_an_old_adapter_is_found_by_its_import_path():
    with pytest.warns(DeprecationWarning, match="version 1"):
        found = find(f"{__name__}:Old")
    assert issubclass(found, base.Adapter)


def test_the_adapters_of_the_tree_have_version_2():
    assert is_version_1(Old)
    assert not is_version_1(Template)


@pytest.mark.filterwarnings("ignore:adapter .* has version 1")
def test_a_transport_that_the_adapter_lacks_is_refused():
    target = Target(adapter=f"{__name__}:Old", stack="external", server={"path": "ws"})
    adapter, transport = create(target, None)
    assert (adapter.url("ws://h"), transport) == ("ws://h/ws", "websocket")
    with pytest.raises(ConfigError, match=r"load\.transport must be one of: websocket"):
        create(target, "tcp")


VALUES = {
    base.Account: {"name": "ann", "password": "secret", "token": "t", "fields": {"team": "a"}},
    base.Answer: {"ticket": "1", "value": None},
    base.Connected: {"edge": "e", "environment": "", "ping_ms": 1, "pong_ms": 1, "heads": {}},
    base.Entry: {
        "conv": "c",
        "seq": 1,
        "sender": "s",
        "body": "b",
        "client_msg_id": "m",
        "id": "i",
    },
    base.EventBatch: {"events": ()},
    base.Gap: {"conv": "c", "first": 1, "last": 2},
    base.Heartbeat: {"heads": {}, "answer": b""},
    base.OverSocket: {"ticket": "1", "frames": ()},
    base.Page: {"entries": [], "head": 0, "more": False},
    base.ReconnectRequest: {"url": "u", "delay_ms": 0, "deadline_ms": 0},
    base.Refused: {"code": "c", "message": "m"},
    base.Request: {"method": "GET", "path": "/", "body": b"", "headers": {}, "timeout_s": 1.0},
    base.Response: {"status": 200, "body": b"", "retry_after_s": 0.0, "head": b""},
    base.Retention: {"count": 1, "age_s": 2.0},
    base.SendFrames: {"frames": ()},
    base.Sent: {"stored": "yes", "seq": 1, "temporary": True, "retry_after_s": 0.0},
    base.StartTls: {"frames": ()},
    base.Traits: {"at_most_once": True, "max_body_bytes": 10, "alphabet": "ab"},
}


@pytest.mark.parametrize("kind", VALUES, ids=lambda kind: kind.__name__)
def test_values_are_created_by_keyword_and_read_by_attribute(kind):
    value = kind(**VALUES[kind])
    assert {name: getattr(value, name) for name in VALUES[kind]} == VALUES[kind]


def test_an_account_does_not_show_its_secrets():
    account = base.Account(**VALUES[base.Account])
    assert "secret" not in f"{account!r} {account}"
