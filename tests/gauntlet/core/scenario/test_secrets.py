"""References to secrets, and values that must not be written."""

import json

import pytest
import yaml

from gauntlet.core.errors import ConfigError
from gauntlet.core.scenario import secrets
from gauntlet.core.scenario.loader import parse, to_yaml
from gauntlet.core.scenario.model import from_builtins, to_builtins

PLANTED = ("pw-literal", "key-literal", "cookie-literal", "user-in-url", "pass-in-url", "in-query")
SCENARIO = {
    "version": 1,
    "name": "x",
    "about": "y",
    "target": {
        "stack": "external",
        "url": ["ws://user-in-url:pass-in-url@127.0.0.1:9/ws?v=in-query&flag"],
        "server": {
            "password": "pw-literal",
            "apiKey": "key-literal",
            "session_cookie": "cookie-literal",
            "token_ttl_s": 60,
            "domain": "chat",
            "referred": {"env": "PLANTED_VARIABLE"},
        },
    },
    "accounts": {"pattern": "u{n}", "password": {"file": "secret.txt"}},
}


def plain():
    return to_builtins(from_builtins(SCENARIO))


def test_what_may_be_written_holds_no_literal_secret_and_keeps_the_references():
    public = secrets.redacted(plain())
    text = json.dumps(public)
    assert [planted for planted in PLANTED if planted in text] == []
    assert public["target"]["url"] == ["ws://***@127.0.0.1:9/ws?v=***&***"]
    server = public["target"]["server"]
    assert server["referred"] == {"env": "PLANTED_VARIABLE"}
    assert (server["token_ttl_s"], server["domain"]) == (60, "chat")
    assert public["accounts"]["password"] == {"file": "secret.txt"}


def test_a_redacted_scenario_can_still_be_read():
    assert from_builtins(secrets.redacted(plain())).target.server["password"] == "***"


def test_the_values_complete_the_redacted_scenario_again(tmp_path, monkeypatch):
    monkeypatch.setenv("PLANTED_VARIABLE", "from-env")
    (tmp_path / "secret.txt").write_text("from-file\n")
    whole = secrets.located(plain(), tmp_path)
    public, literals = secrets.separate(whole)
    assert secrets.missing(public)
    values = literals | secrets.resolve(public, None)
    filled = secrets.filled(public, values)
    assert secrets.missing(filled) == []
    scenario = from_builtins(filled)
    assert scenario.target.url == SCENARIO["target"]["url"]
    assert scenario.target.server["password"] == "pw-literal"
    assert scenario.target.server["referred"] == "from-env"
    assert scenario.accounts.password == "from-file"


@pytest.mark.parametrize(
    ("reference", "message"),
    [
        ({"env": "NOT_SET_ANYWHERE"}, "the environment variable NOT_SET_ANYWHERE must be set"),
        ({"file": "/nonexistent/x"}, "the file /nonexistent/x cannot be read: No such file"),
        ({"file": "/dev/null"}, "the file /dev/null must contain the secret; it is empty"),
        ({"command": ["echo", "x"]}, "is a command, which runs only with --allow-exec"),
    ],
)
def test_a_reference_without_a_value_is_an_error_that_names_its_key(reference, message):
    scenario = plain()
    scenario["target"]["server"] = {"password": reference}
    with pytest.raises(ConfigError, match=message) as caught:
        secrets.resolve(scenario, None)
    assert str(caught.value).startswith("target.server.password")


@pytest.mark.parametrize(
    "reference",
    ["{}", "{env: A, file: b}", "{envy: A}", "{env: ''}", "{command: []}"],
)
def test_a_reference_must_have_exactly_one_known_key(reference):
    text = f"version: 1\nname: x\nabout: y\ntarget:\n  server: {{password: {reference}}}\n"
    with pytest.raises(ConfigError, match=r"x.yaml:5: target.server.password"):
        parse(text, "x.yaml")


def test_an_error_about_a_secret_key_does_not_show_its_value():
    text = "version: 1\nname: x\nabout: y\ntarget:\n  server: {password: [planted]}\n"
    with pytest.raises(ConfigError) as caught:
        parse(text, "x.yaml")
    assert "planted" not in str(caught.value)


@pytest.mark.parametrize(
    "key",
    ["password", "db_password", "apiKey", "X-Api-Key", "Authorization", "Cookie", "access_token"],
)
def test_keys_of_secrets_are_recognised(key):
    assert secrets.is_secret_key(key)


@pytest.mark.parametrize("key", ["token_ttl_s", "domain", "ping_ms", "password_min", "author"])
def test_other_keys_are_not(key):
    assert not secrets.is_secret_key(key)


def test_a_dry_run_shows_references_only():
    shown = yaml.safe_load(to_yaml(from_builtins(SCENARIO)))
    assert shown["target"]["server"]["referred"] == {"env": "PLANTED_VARIABLE"}
    assert shown["target"]["server"]["password"] == "***"


def test_settings_with_an_unresolved_reference_are_refused():
    with pytest.raises(ConfigError, match="referred is a reference"):
        secrets.settings(from_builtins(SCENARIO).target.server)


def test_a_text_is_scrubbed_of_values_and_urls():
    text = secrets.scrub("login pw-literal at ws://a:b@h/x?t=1 failed", {"p": "pw-literal"})
    assert text == "login *** at ws://***@h/x?t=*** failed"
