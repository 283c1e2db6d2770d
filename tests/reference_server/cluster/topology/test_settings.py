"""Settings from a file, the environment and the request: precedence and errors."""

import json
import re
from pathlib import Path

import msgspec
import pytest

from gauntlet.reference_server.cluster.topology.settings import (
    SettingsError,
    load_settings,
    read_file,
)
from gauntlet.reference_server.core.config import Settings

PAGE = Path(__file__).parents[4] / "docs" / "reference" / "configuration.md"


def test_the_request_overrides_the_environment_the_file_and_the_default():
    """In this order of precedence."""
    file = {"ping_ms": 1, "pong_ms": 1, "grace_ms": 1}
    environ = {"IM_PING_MS": "2", "IM_PONG_MS": "2", "IM_CONFIG_PHASE": "1", "PING_MS": "9"}
    settings = load_settings(file, environ, {"ping_ms": 3})
    assert (settings.ping_ms, settings.pong_ms, settings.grace_ms) == (3, 2, 1)
    assert settings.batch_ms == Settings().batch_ms


@pytest.mark.parametrize(
    ("sources", "message"),
    [
        (({"pnig_ms": 1}, {}, {}), "the file: there is no setting pnig_ms"),
        (({}, {}, {"pnig_ms": 1}), "the request: there is no setting pnig_ms"),
        (({}, {"IM_PING_MS": "soon"}, {}), "the environment: IM_PING_MS: .*int"),
        (({"ping_ms": 0}, {}, {"ping_ms": 5}), "the file: ping_ms: .*1 or more"),
        (({"ping_ms": [1]}, {}, {}), "the file: ping_ms"),
    ],
)
def test_an_error_names_its_source_and_key(sources, message):
    """Also for a value that a stronger source overrides."""
    with pytest.raises(SettingsError, match=message):
        load_settings(*sources)


@pytest.mark.parametrize("value", [True, "true", "1"])
def test_tls_is_on_in_the_words_of_every_source(value):
    """YAML and JSON have booleans, the environment has text."""
    environ = {"IM_TLS": value} if isinstance(value, str) else {}
    assert load_settings({} if environ else {"tls": value}, environ, {}).tls is True


def test_tls_is_either_on_or_off():
    assert load_settings({"tls": False}, {}, {}).tls is load_settings({}, {}, {}).tls is False
    with pytest.raises(SettingsError, match=r"the request: tls: .*bool"):
        load_settings({}, {}, {"tls": "ca.pem"})


def test_a_file_is_yaml_or_json(tmp_path):
    """An empty file sets nothing; an error names the file."""
    path = tmp_path / "im.yaml"
    for text, values in (
        ("ping_ms: 5000\ntls: true", {"ping_ms": "5000", "tls": "true"}),
        ('{"ping_ms": 5, "tls": false}', {"ping_ms": "5", "tls": "false"}),
        ("", {}),
        ("# nothing", {}),
    ):
        path.write_text(text)
        assert read_file(path) == values
    for text in ("- 1", "a: [", "hello"):
        path.write_text(text)
        with pytest.raises(SettingsError, match=re.escape(str(path))):
            read_file(path)
    with pytest.raises(SettingsError, match="absent"):
        read_file(tmp_path / "absent.yaml")


@pytest.mark.parametrize(
    ("text", "problem"),
    [
        ("ping_ms: 1\nping_ms: 2", ":2: ping_ms is set twice"),
        ("ping_ms: 1\npong_ms: [1]", ":2: every line must be a setting and its value"),
        ("? [a]\n: 1", ":1: every line must be a setting and its value"),
        ("a: " + "[" * 50_000, ": is nested too deep"),
        ("#" * 70_000, ": has more than 65536 characters"),
        ("a: &a [*a]", ":1: every line must be a setting and its value"),
        ("ping_ms: \x00", "unacceptable character"),
    ],
)
def test_a_file_that_is_no_list_of_settings_is_refused_with_its_line(tmp_path, text, problem):
    path = tmp_path / "im.yaml"
    path.write_text(text)
    with pytest.raises(SettingsError, match=re.escape(problem)):
        read_file(path)


def test_a_file_without_end_is_refused():
    with pytest.raises(SettingsError, match="/dev/zero"):
        read_file(Path("/dev/zero"))


@pytest.mark.parametrize("value", ["1:30", "010x", "0x10", "1_000", "", "null"])
def test_a_number_in_a_file_is_a_plain_decimal(tmp_path, value):
    """YAML reads some of these as numbers that their author did not mean."""
    path = tmp_path / "im.yaml"
    path.write_text(f"ping_ms: {value}")
    with pytest.raises(SettingsError, match="ping_ms"):
        load_settings(read_file(path), {}, {})


def test_the_reference_lists_every_setting_and_its_default():
    """In the order of the code."""
    rows = re.findall(r"^\| `(\w+)` \| ([\d ]+|false) \| \S", PAGE.read_text(), re.MULTILINE)
    documented = [(name, json.loads(default.replace(" ", ""))) for name, default in rows]
    fields = msgspec.structs.fields(Settings)
    assert documented == [(field.encode_name, field.default) for field in fields]
