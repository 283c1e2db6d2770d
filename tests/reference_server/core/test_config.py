"""A configuration line is understood whole, or refused by the name of what is wrong."""

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
    """The configuration of a changed line."""
    return parse_config(json.dumps({**LINE, **changed}).encode())


def test_defaults_are_those_of_the_protocol():
    """What is not said is as documented."""
    config = parse()
    assert (config.settings.ping_ms, config.settings.pong_ms) == (10_000, 5_000)
    assert (config.settings.batch_ms, config.settings.batch_max) == (5, 256)
    assert config.host == "127.0.0.1"
    assert config.urls.of("message") == ()


def test_settings_replace_defaults():
    """One named setting changes, the others stay."""
    assert parse(settings={"ping_ms": 500}).settings == Settings(ping_ms=500)


@pytest.mark.parametrize(
    ("changed", "message"),
    [
        ({"settings": {"ping": 1}}, "ping"),
        ({"settings": {"ping_ms": 0}}, "ping_ms must be 1 or more"),
        ({"settings": {"ping_ms": "1"}}, "settings.ping_ms"),
        ({"services": []}, "at least one service"),
        ({"services": ["edge", "room"]}, "shares its process"),
        ({"services": ["chat"]}, "chat"),
        ({"colour": 1}, "colour"),
        ({"secret": ""}, "secret"),
        ({"internal_token": ""}, "internal_token"),
        ({"urls": {"edges": [{"name": "e"}]}}, "environment"),
    ],
)
def test_what_is_wrong_is_named(changed, message):
    """Unknown keys, wrong types and impossible values are typed errors."""
    with pytest.raises(ConfigError, match=message):
        parse(**changed)


def test_a_line_that_is_no_json_is_refused():
    """As is an empty one."""
    for line in (b"", b"{", b"[]"):
        with pytest.raises(ConfigError):
            parse_config(line)
