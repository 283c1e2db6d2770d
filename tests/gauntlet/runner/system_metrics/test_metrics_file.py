"""The file that says which metrics mean what."""

import json

import pytest

from gauntlet.core.errors import ConfigError
from gauntlet.runner.system_metrics import metrics_file

from ...campaigns.capacity.example import scenario

SERIES = {"component": "server", "resource": "cpu_s", "series": "process_cpu_seconds_total"}
GOOD = {"version": 1, "prometheus": "http://127.0.0.1:9100/metrics", "series": [SERIES]}


def read(tmp_path, plain, *, allow_exec=False):
    file = tmp_path / "metrics.yaml"
    file.write_text(json.dumps(plain))
    return metrics_file.read(file, scenario(), allow_exec=allow_exec)


def test_a_page_of_this_machine_is_accepted(tmp_path):
    found = read(tmp_path, GOOD)
    assert found.source == GOOD["prometheus"]
    assert found.every_s == 2


@pytest.mark.parametrize("url", ["http://localhost:9100", "https://[::1]:9100/metrics?all=1"])
def test_a_port_and_an_address_in_brackets_are_accepted(tmp_path, url):
    assert read(tmp_path, {**GOOD, "prometheus": url}).prometheus == url


@pytest.mark.parametrize("url", ["ftp://me:secret@[::1", "http://me:secret@localhost:abc/"])
def test_a_message_about_a_url_does_not_show_its_password(tmp_path, url):
    with pytest.raises(ConfigError) as raised:
        read(tmp_path, {**GOOD, "prometheus": url})
    assert "secret" not in str(raised.value)


def test_a_command_needs_to_be_allowed(tmp_path):
    plain = {"version": 1, "command": ["show-metrics"], "series": [SERIES]}
    with pytest.raises(ConfigError, match="--allow-exec"):
        read(tmp_path, plain)
    assert read(tmp_path, plain, allow_exec=True).source == "command show-metrics"


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"prometheus": "http://metrics.example/"}, "must be this machine"),
        ({"prometheus": "file:///etc/passwd"}, "must be an http or https URL"),
        ({"prometheus": "http:///metrics"}, "must be an http or https URL"),
        ({"prometheus": "http://localhost:abc/metrics"}, "must be an http or https URL"),
        ({"prometheus": "http://localhost:65536/"}, "must be an http or https URL"),
        ({"prometheus": "http://localhost:0/"}, "must be an http or https URL"),
        ({"prometheus": "http://[::1"}, "must be an http or https URL"),
        ({"prometheus": "http://[::x]/"}, "must be an http or https URL"),
        ({"prometheus": "http://localhost/a b"}, "must be an http or https URL"),
        ({"prometheus": "http://localhost/a\nb"}, "must be an http or https URL"),
        ({"prometheus": "http://localhost/ä"}, "must be an http or https URL"),
        ({"prometheus": "http://me:secret@127.0.0.1/"}, "must not contain a user name"),
        ({"command": ["x"]}, "either `prometheus` or `command`"),
        ({"prometheus": None}, "either `prometheus` or `command`"),
        ({"series": []}, "at least one series"),
        ({"series": [{**SERIES, "resource": "money"}]}, "resource must be one of: .*; got 'money'"),
        ({"series": [{**SERIES, "labels": {"a": 1}}]}, r"series\[0\].labels.a must be a string"),
        ({"series": [{**SERIES, "cores": 0}]}, "cores of 'server' must be above zero; got 0"),
        ({"series": [{**SERIES, "memory_gb": -1}]}, "memory_gb of 'server' must be above zero"),
        ({"every": "1ms"}, "every must be at least"),
        ({"every": "often"}, "every must be a duration"),
        ({"version": 2}, "version"),
        ({"unknown": 1}, "unknown"),
    ],
)
def test_what_is_not_valid_is_refused(tmp_path, changes, message):
    with pytest.raises(ConfigError, match=message):
        read(tmp_path, {**GOOD, **changes}, allow_exec=True)


def test_one_series_of_a_component_states_what_it_can_use(tmp_path):
    memory = {**SERIES, "resource": "memory_bytes", "memory_gb": 8}
    other = {**SERIES, "component": "other"}
    found = read(tmp_path, {**GOOD, "series": [{**SERIES, "cores": 1.5}, memory, SERIES, other]})
    assert found.sizes == {"server": (1.5, 8e9), "other": (None, None)}


def test_trials_still_count_if_a_size_is_stated_later(tmp_path):
    sized = {**GOOD, "series": [{**SERIES, "cores": 4, "memory_gb": 8}]}
    scaled = {**GOOD, "series": [{**SERIES, "scale": 2}]}
    plain = read(tmp_path, GOOD).digest
    assert read(tmp_path, sized).digest == plain
    assert read(tmp_path, scaled).digest != plain
