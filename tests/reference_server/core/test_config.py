"""Parsing the configuration line of a process."""

import json

import pytest

from gauntlet.reference_server.core.config import ConfigError, Settings, parse_config

LINE = {
    "name": "all",
    "services": ["gateway", "message"],
    "port": 1,
    "secret": "s",
    "internal_token": "i",
}


def parse(**changed):
    """Parse `LINE` with some keys changed."""
    return parse_config(json.dumps({**LINE, **changed}).encode())


def test_defaults_are_the_documented_ones():
    config = parse()
    assert (config.settings.ping_ms, config.settings.pong_ms) == (10_000, 5_000)
    assert (config.settings.batch_ms, config.settings.batch_max) == (5, 256)
    assert config.host == "127.0.0.1"
    assert config.urls.of("message") == ()


def test_a_setting_replaces_only_its_own_default():
    assert parse(settings={"ping_ms": 500}).settings == Settings(ping_ms=500)


@pytest.mark.parametrize(
    ("changed", "message"),
    [
        ({"settings": {"ping": 1}}, "ping"),
        ({"settings": {"ping_ms": 0}}, "ping_ms must be 1 or more"),
        ({"settings": {"ping_ms": 2**31}}, "ping_ms must be at most 2147483647"),
        ({"settings": {"outbox_bytes": 2**62}}, "outbox_bytes must be at most 2147483647"),
        ({"settings": {"ping_ms": "1"}}, "settings.ping_ms"),
        ({"services": []}, "at least one service"),
        ({"services": ["edge", "room"]}, "shares its process"),
        ({"services": ["chat"]}, "chat"),
        ({"colour": 1}, "colour"),
        ({"secret": ""}, "secret"),
        ({"internal_token": ""}, "internal_token"),
        ({"tls": {"port": 1, "certificate": "c"}}, "key"),
        ({"urls": {"edges": [{"name": "e"}]}}, "environment"),
    ],
)
def test_an_invalid_configuration_is_rejected_with_the_key(changed, message):
    with pytest.raises(ConfigError, match=message):
        parse(**changed)


def test_a_line_that_is_not_a_json_object_is_rejected():
    for line in (b"", b"{", b"[]"):
        with pytest.raises(ConfigError):
            parse_config(line)
