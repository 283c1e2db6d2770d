"""The file that says which metrics mean what."""

import json

import pytest

from gauntlet.campaigns.capacity.exported import metrics_file
from gauntlet.core.errors import ConfigError

from ..example import scenario

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
        ({"prometheus": "http://me:secret@127.0.0.1/"}, "must not contain a user name"),
        ({"command": ["x"]}, "either `prometheus` or `command`"),
        ({"prometheus": None}, "either `prometheus` or `command`"),
        ({"series": []}, "at least one series"),
        ({"series": [{**SERIES, "resource": "money"}]}, "Invalid enum value 'money'"),
        ({"every": "1ms"}, "every must be at least"),
        ({"every": "often"}, "must be"),
        ({"version": 2}, "version"),
        ({"unknown": 1}, "unknown"),
    ],
)
def test_what_is_not_valid_is_refused(tmp_path, changes, message):
    with pytest.raises(ConfigError, match=message):
        read(tmp_path, {**GOOD, **changes}, allow_exec=True)
