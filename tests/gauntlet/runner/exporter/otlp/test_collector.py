"""The address and the headers of a collector."""

import pytest

from gauntlet.core.errors import ConfigError
from gauntlet.runner.exporter.otlp.collector import parse


@pytest.mark.parametrize(
    ("given", "used"),
    [
        ("http://127.0.0.1:4318", "http://127.0.0.1:4318/v1/metrics"),
        ("http://127.0.0.1:4318/", "http://127.0.0.1:4318/v1/metrics"),
        ("http://127.0.0.1:4318/v1/metrics", "http://127.0.0.1:4318/v1/metrics"),
        ("http://localhost:9090/api/v1/otlp", "http://localhost:9090/api/v1/otlp/v1/metrics"),
        ("https://otlp.example/x/v1/metrics/", "https://otlp.example:443/x/v1/metrics"),
        ("http://[::1]", "http://[::1]:80/v1/metrics"),
    ],
)
def test_the_path_of_metrics_and_the_port_of_the_scheme_are_added_where_they_are_missing(
    given, used
):
    assert parse(given).url == used


@pytest.mark.parametrize(
    "url",
    [
        "127.0.0.1:4318",
        "ftp://h/",
        "http://",
        "http://h:0",
        "http://h:x",
        "http://h:70000",
        "http://[h",
        "http://me:secret@h",
        "http://h/?api_key=secret",
        "http://h/#secret",
        "http://h/a b",
        "http://h/\r\nX: 1",
        "http://h\u00e9/",
    ],
)
def test_another_address_is_an_error_that_shows_no_secret(url):
    with pytest.raises(ConfigError, match="--otlp must be an http or https URL") as error:
        parse(url)
    assert "secret" not in str(error.value).replace("takes a secret", "")


def test_headers_have_the_values_of_their_references(monkeypatch, tmp_path):
    monkeypatch.setenv("OTLP_TOKEN", "Bearer t0ken")
    (tmp_path / "tenant").write_text("blue\n")
    headers = ("Authorization={env: OTLP_TOKEN}", f"X-Scope-OrgID={{file: {tmp_path}/tenant}}")
    assert parse("http://h", headers).headers == {
        "Authorization": "Bearer t0ken",
        "X-Scope-OrgID": "blue",
    }


@pytest.mark.parametrize(
    "value", ["hunter2", "", "{env: A, file: hunter2}", "[hunter2]", "{hunter2"]
)
def test_a_header_with_its_value_is_refused_without_showing_it(value):
    with pytest.raises(ConfigError, match="must be a reference to a secret") as error:
        parse("http://h", [f"Authorization={value}"])
    assert "hunter2" not in str(error.value)


@pytest.mark.parametrize(
    ("headers", "message"),
    [
        (["A b={env: HOME}"], "must begin with the name of a header; got 'A b'"),
        (["{env: HOME}"], "must begin with the name of a header"),
        (["Content-Type={env: HOME}"], "must not be Content-Type"),
        (["X-A={env: HOME}", "x-a={env: HOME}"], "must name each header once; got x-a"),
        (["X-A={env: GAUNTLET_UNSET}"], "environment variable GAUNTLET_UNSET must be set"),
        (["X-A={file: /nowhere/at/all}"], "--otlp-header X-A: the file /nowhere/at/all cannot be"),
        (["X-A={command: [echo, x]}"], "is a command, which runs only with --allow-exec"),
    ],
)
def test_a_header_that_is_not_possible_is_an_error_of_the_configuration(headers, message):
    with pytest.raises(ConfigError, match=message):
        parse("http://h", headers)


def test_a_command_prints_the_value_of_a_header_if_it_may():
    headers = ["X-A={command: [echo, t0ken]}"]
    assert parse("http://h", headers, allow_exec=True).headers == {"X-A": "t0ken"}


def test_a_value_that_would_begin_another_header_is_refused(tmp_path):
    (tmp_path / "value").write_text("a\r\nHost: other")
    with pytest.raises(ConfigError, match="must be text on one line"):
        parse("http://h", [f"X-A={{file: {tmp_path}/value}}"])


def test_texts_are_shown_without_the_values_and_their_words(monkeypatch):
    monkeypatch.setenv("OTLP_TOKEN", "Bearer t0ken")
    collector = parse("http://h", ["Authorization={env: OTLP_TOKEN}"])
    assert collector.without_secrets("no user has t0ken here") == "no user has *** here"
