"""Peers are started correctly, and their reports are read."""

import json
import re
from importlib.metadata import PackageNotFoundError

import pytest

from benchmarks.peers import HERE, PAYLOAD_BYTES, PEERS, Case
from benchmarks.peers.reports import ReportedLatency, k6, locust, locust_calls, tsung


@pytest.fixture
def case(tmp_path):
    """A load of a hundred connections with one message per second each."""
    return Case(4711, 100, 1.0, 20, tmp_path)


@pytest.mark.parametrize("name", PEERS)
def test_a_peer_is_started_with_the_address_and_the_connections(case, name):
    command = PEERS[name].command(case)
    written = [file.read_text() for file in case.folder.iterdir()]
    command_and_files = " ".join([*command, *written])
    assert "4711" in command_and_files
    assert "100" in command_and_files
    assert "$" not in re.sub(r"json: \$\.x", "", command_and_files)


@pytest.mark.parametrize("name", PEERS)
def test_a_missing_peer_is_listed_with_its_install_command(monkeypatch, tmp_path, name):
    monkeypatch.setenv("PATH", str(tmp_path))
    monkeypatch.setattr("benchmarks.peers.MODULES", tmp_path)
    monkeypatch.setattr("benchmarks.peers.version", _raise_not_found)
    assert PEERS[name].versions() == ""
    assert re.match(r"(pip|npm|apt-get|go) install ", PEERS[name].install_command)


def _raise_not_found(name):
    raise PackageNotFoundError(name)


def test_every_payload_has_the_same_length():
    texts = {name: (HERE / name).read_text() for name in ("artillery.yml", "tsung.xml")}
    (artillery,) = re.findall(r"payload: '(.*)'", texts["artillery.yml"])
    (tsung,) = re.findall(r"ack=\"parse\">(x+)<", texts["tsung.xml"])
    scripts = [(HERE / name).read_text() for name in ("ws.mjs", "k6.js")]
    repeats = [int(count) for text in scripts for count in re.findall(r"repeat\((\d+)\)", text)]
    assert [len(artillery), len(tsung), *repeats] == [PAYLOAD_BYTES] * 4


def test_locusts_percentiles_are_read_from_its_aggregated_row(tmp_path):
    (tmp_path / "locust_stats.csv").write_text(
        "Type,Name,Request Count,99%,99.9%\nWS,echo,7,1,2\n,Aggregated,35451,3,9\n"
    )
    assert locust(tmp_path) == ReportedLatency(3.0, 9.0, 35451)


def test_only_the_calls_of_socketio_are_read(tmp_path):
    """Locust counts each call once more as an event of 0 ms, so its aggregate is half of these."""
    (tmp_path / "locust_stats.csv").write_text(
        "Type,Name,Request Count,99%,99.9%\n"
        "WS,connect,1,5,5\nWSC,echo,7,3,9\nWSE,echo,7,0,0\n,Aggregated,15,2,5\n"
    )
    assert locust_calls(tmp_path) == ReportedLatency(3.0, 9.0, 7)


def test_the_request_samples_of_all_tsung_dumps_are_read(tmp_path):
    (tmp_path / "20261126-2146").mkdir()
    dumps = [
        "[{sum,websocket_succ,1}]",
        "{sample,request,\n        [1000.5,2.0,\n         1.0e-1]}",
        "{sample,connect,[5000.0]}",
        "{sample,page,[7000.0,\n 7000.0]}",
        f"{{sample,request,[{','.join(['0.3'] * 197)}]}}",
    ]
    (tmp_path / "20261126-2146" / "tsung-fullstats.log").write_text("\n".join(dumps))
    assert tsung(tmp_path) == ReportedLatency(0.3, 1000.5, 200)


def test_tsung_keeps_samples_only_if_they_are_read(case):
    """Keeping them costs CPU, which other rows measure."""
    for keep_samples, backend in ((False, "text"), (True, "fullstats")):
        PEERS["tsung"].command(case._replace(keep_samples=keep_samples))
        assert f'backend="{backend}"' in (case.folder / "tsung.xml").read_text()


def test_k6s_percentiles_are_read_from_the_trend_and_the_counter(tmp_path):
    trend = {"p(99)": 4.5, "p(99.9)": 20}
    summary = {"metrics": {"echo_ms": trend, "echoes": {"count": 12}}}
    (tmp_path / "k6.json").write_text(json.dumps(summary))
    assert k6(tmp_path) == ReportedLatency(4.5, 20, 12)


def test_every_peer_script_belongs_to_a_peer(case):
    helpers = {"__init__.py", "arguments.py", "reports.py", "pacing.py"}
    helpers |= {"locust_user.py", "locust_on_stop.py"}
    started = " ".join(part for peer in PEERS.values() for part in peer.command(case))
    for file in HERE.glob("*.py"):
        assert file.name in helpers or file.stem in started
