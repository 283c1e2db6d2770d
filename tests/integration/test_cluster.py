"""Real clusters of real processes, started and controlled as the harness does it."""

import contextlib
import json
import os
import shutil
import signal
import socket
import subprocess
import sys
import time
import urllib.error
import urllib.request
from pathlib import Path
from urllib.parse import urlsplit

import psutil
import pytest
from websockets.exceptions import ConnectionClosed
from websockets.sync.client import connect

pytestmark = pytest.mark.integration

FORWARD = ["prepare", "verify", "switch", "drain", "monitor", "close", "retire"]


@pytest.fixture(scope="module", params=["embedded", "full"])
def running(request, cluster):
    """A running cluster of each stack; every test leaves all of it running, in blue."""
    return cluster(request.param, gateways=1, edges=1)


def wait_for(condition, timeout_s=30.0):
    """Poll until a condition holds; fail after `timeout_s`."""
    deadline = time.monotonic() + timeout_s
    while not condition():
        assert time.monotonic() < deadline, "the condition did not come true in time"
        time.sleep(0.05)


def tree(pid):
    """Return a process and all its descendants."""
    leader = psutil.Process(pid)
    return [leader, *leader.children(recursive=True)]


def statuses(processes):
    """Return the states of the processes that still exist."""
    states = set()
    for process in processes:
        with contextlib.suppress(psutil.NoSuchProcess):
            states.add(process.status())
    return states - {psutil.STATUS_ZOMBIE}


def connects(address):
    """Return whether a process listens at an address."""
    host, port = address.split(":")
    with contextlib.suppress(OSError), socket.create_connection((host, int(port)), 1):
        return True
    return False


def refused_status(call):
    """Return the status with which a call is refused."""
    with pytest.raises(urllib.error.HTTPError) as caught:
        call()
    caught.value.close()
    return caught.value.code


def test_the_planned_components_run_except_green_and_the_spare_edges(running):
    components = running.components()
    assert list(components) == [each["name"] for each in running.plan["components"]]
    for each in components.values():
        is_planned = each["environment"] == "green" or each["name"] == "edge-blue-2"
        assert each["state"] == ("planned" if is_planned else "up")
        assert connects(each["address"]) is not is_planned


def test_only_its_owner_can_read_what_the_server_writes(running):
    """Databases, logs and configurations, whatever the umask of the caller is."""
    files = [path for path in running.folder.rglob("*") if path.is_file()]
    written = [path for path in files if path.name != "cluster.log"]  # the test itself opened it
    assert len(written) > 5
    assert [str(path) for path in written if path.stat().st_mode & 0o077] == []


def test_a_login_names_an_edge_of_blue(running):
    body = json.dumps({"user": "ann", "device": "d0"}).encode()
    with urllib.request.urlopen(running.api[0] + "/v1/sessions", body, timeout=10) as answer:
        session = json.load(answer)
    assert session["connect"]["environment"] == "blue"
    address = urlsplit(session["connect"]["url"]).netloc
    assert address == running.components()["edge-blue-1"]["address"]


def test_every_component_leads_its_own_session(running):
    """So Ctrl-C at the harness reaches none of them."""
    for each in running.components().values():
        if each["pid"]:
            assert os.getsid(each["pid"]) == each["pid"]


def test_a_killed_component_is_held_until_it_is_started(running):
    """Its whole process tree ends and its port closes; after the start it serves again."""
    for name in [each for each in running.components() if each in ("broker", "messages-db")]:
        before = running.components()[name]
        processes = tree(before["pid"])
        assert running.act(name, "kill") == before["pid"]
        held = running.components()[name]
        assert (held["state"], held["pid"]) == ("held", None)
        assert not statuses(processes)
        assert not connects(held["address"])
        assert refused_status(lambda name=name: running.act(name, "kill")) == 409
        pid = running.act(name, "start")
        up = running.components()[name]
        assert (up["state"], up["pid"], up["restarts"]) == ("up", pid, before["restarts"])
        assert connects(up["address"])


def test_pause_stops_the_whole_process_tree(running):
    """Also PostgreSQL's backends and Erlang's helpers, which leave the process group."""
    for name in [each for each in running.components() if each in ("broker", "messages-db")]:
        processes = tree(running.act(name, "pause"))
        assert running.components()[name]["state"] == "paused"
        wait_for(lambda processes=processes: statuses(processes) == {psutil.STATUS_STOPPED})
        assert refused_status(lambda name=name: running.act(name, "start")) == 409
        running.act(name, "resume")
        assert running.components()[name]["state"] == "up"
        wait_for(lambda processes=processes: psutil.STATUS_STOPPED not in statuses(processes))
        assert refused_status(lambda name=name: running.act(name, "resume")) == 409


def test_a_component_that_exits_by_itself_is_restarted(running):
    """The restart is counted, and the events contain the signal that ended the process."""
    before = running.components()["room-1"]
    os.kill(before["pid"], signal.SIGKILL)
    wait_for(lambda: running.components()["room-1"]["restarts"] == before["restarts"] + 1)
    wait_for(lambda: running.components()["room-1"]["state"] == "up")
    events = [event for event in running.events if event["component"] == "room-1"][-2:]
    assert [event["event"] for event in events] == ["exited", "started"]
    assert (events[0]["pid"], events[0]["detail"]) == (before["pid"], {"status": "SIGKILL"})
    assert events[1]["t_ns"] - events[0]["t_ns"] >= 500_000_000


def test_the_control_api_refuses_requests_without_token_and_invalid_requests(running):
    """401 without the token, 404 for an unknown component, 400 for an invalid body."""
    assert refused_status(lambda: urllib.request.urlopen(running.control + "/components")) == 401
    assert refused_status(lambda: running.act("nobody", "kill")) == 404
    for path, body in [
        ("/components/room-1/kill", {"signal": "NONE"}),
        ("/cutover", {"to": "red"}),
        ("/cutover", {"to": "green", "speed": 1}),
    ]:
        assert refused_status(lambda path=path, body=body: running.call("POST", path, body)) == 400
    assert refused_status(lambda: running.call("POST", "/cutover", {"to": "blue"})) == 409
    assert refused_status(lambda: running.call("POST", "/cutover/rollback", {})) == 409


def test_the_control_api_returns_the_metrics_of_every_process(running):
    metrics = running.call("GET", "/metrics")["components"]
    assert {"gateway-1", "room-1", "social-1", "edge-blue-1"} <= set(metrics)
    assert metrics["gateway-1"]["loop_lag_ms"] >= 0


def cut_over(running, to):
    """Run a cutover to its end; return its status."""
    running.call("POST", "/cutover", {"to": to, "drain_ms": 300})
    final = {"done", "rolled-back", "failed"}
    wait_for(lambda: running.call("GET", "/cutover")["state"] in final)
    return running.call("GET", "/cutover")


def test_a_cutover_to_green_and_one_back_to_blue_are_done(running):
    for to, old in (("green", "blue"), ("blue", "green")):
        status = cut_over(running, to)
        assert (status["state"], status["error"], status["environment"]) == ("done", None, to)
        states = [step["state"] for step in status["steps"]]
        assert states == [*FORWARD, "done"]
        components = running.components()
        assert components[f"edge-{to}-1"]["state"] == "up"
        assert components[f"edge-{old}-1"]["state"] == "planned"


def test_a_cutover_whose_canaries_fail_rolls_back(running):
    """No canary message arrives while the message service is down."""
    hosts = [each for each in ("message-1", "gateway-1") if each in running.components()]
    running.act(hosts[0], "kill")
    status = cut_over(running, "green")
    running.act(hosts[0], "start")
    assert (status["state"], status["environment"]) == ("rolled-back", "blue")
    assert status["error"]
    states = {name: each["state"] for name, each in running.components().items()}
    assert (states["edge-blue-1"], states["edge-green-1"]) == ("up", "planned")


@contextlib.contextmanager
def stubborn_client(running):
    """A client in blue that ignores every `reconnect`."""
    body = json.dumps({"user": "bob", "device": "d0"}).encode()
    with urllib.request.urlopen(running.api[0] + "/v1/sessions", body, timeout=10) as answer:
        session = json.load(answer)
    with connect(session["connect"]["url"], subprotocols=["im.v1.json"]) as socket:
        credentials = {"token": session["token"], "device": "d0", "cursors": {}}
        socket.send(json.dumps({"connect": credentials}))
        assert "connected" in json.loads(socket.recv(10))
        yield socket


def test_a_requested_rollback_during_the_drain_leads_back_to_blue(running):
    """The client that was asked to reconnect stays, and blue accepts others again."""
    with stubborn_client(running) as client:
        running.call("POST", "/cutover", {"to": "green", "drain_ms": 9000, "canaries": False})
        assert "reconnect" in json.loads(client.recv(10))
        running.call("POST", "/cutover/rollback", {})
        wait_for(lambda: running.call("GET", "/cutover")["state"] == "rolled-back")
        status = running.call("GET", "/cutover")
        assert (status["environment"], status["forced_closes"]) == ("blue", 0)
        assert status["connections"] == {"blue": 1, "green": 0}
        with stubborn_client(running):
            pass


def test_a_client_that_ignores_the_drain_is_closed_with_1012_and_counted(running):
    with stubborn_client(running) as client:
        status = cut_over(running, "green")
        assert (status["state"], status["error"], status["forced_closes"]) == ("done", None, 1)
        with pytest.raises(ConnectionClosed) as closed:
            list(client)
        assert closed.value.rcvd.code == 1012
    assert cut_over(running, "blue")["state"] == "done"


def test_two_clusters_share_no_port_and_stop_independently(running, cluster):
    other = cluster("embedded", gateways=1, edges=1)
    addresses = {each["address"] for each in running.components().values()}
    assert not addresses & {each["address"] for each in other.components().values()}
    assert other.close() == 0
    assert running.components()["gateway-1"]["state"] == "up"


@pytest.mark.parametrize(
    ("stack", "how"),
    [("embedded", "eof"), ("embedded", "TERM"), ("embedded", "KILL"), ("full", "KILL")],
)
def test_no_process_is_left_after_the_end_of_the_cluster(cluster, marked_processes, stack, how):
    """However it ends, even if it is killed."""
    before = {process.pid for process in marked_processes()}
    started = cluster(stack, gateways=1, edges=1)
    pids = [each["pid"] for each in started.components().values() if each["pid"]]
    processes = [process for pid in pids for process in tree(pid)]
    commands = [psutil.Process(pid).cmdline() for pid in pids]
    data = [Path(command[command.index("-D") + 1]) for command in commands if "-D" in command]
    if how != "eof":
        started.process.send_signal(signal.Signals[f"SIG{how}"])
        started.process.wait(30)
    assert started.close() == (-signal.SIGKILL if how == "KILL" else 0)
    wait_for(lambda: not statuses(processes))
    wait_for(lambda: {process.pid for process in marked_processes()} <= before)
    for folder in data:
        # A folder outside the run directory if PostgreSQL's user cannot reach that.
        assert folder.exists() or how != "KILL"
        shutil.rmtree(folder.parent, ignore_errors=True)


def test_a_component_that_cannot_start_is_named_with_the_end_of_its_log(cluster, tmp_path):
    with pytest.raises(Exception, match="room-1") as caught:
        cluster("embedded", startup_hooks={"room": ["no.such.module"]})
    failed = caught.value.content
    assert failed["component"] == "room-1"
    assert "No module named 'no'" in " ".join(failed["log_tail"])
    assert failed["missing"] is False


@pytest.fixture
def answers(tmp_path):
    """`answers(line, **env)`: the lines that the cluster writes after one line; its exit code."""

    def run(line, **env):
        done = subprocess.run(
            [sys.executable, "-P", "-m", "gauntlet.reference_server.cluster"],
            input=line,
            env={**os.environ, **env},
            capture_output=True,
            text=True,
            timeout=30,
            check=False,
        )
        return [json.loads(each) for each in done.stdout.splitlines()], done.returncode

    return run


def test_a_missing_server_program_fails_before_anything_starts(answers, tmp_path):
    """Instead of the plan, `failed` describes how to install the program."""
    request = {"stack": "embedded", "data_dir": str(tmp_path / "d"), "log_dir": str(tmp_path / "l")}
    (line,), code = answers(json.dumps(request) + "\n", GAUNTLET_REDIS_SERVER="/no/such/redis")
    assert code == 3
    assert (line["failed"]["component"], line["failed"]["missing"]) == ("registry", True)
    assert "apt-get install redis-server" in line["failed"]["reason"]
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize(
    ("change", "mentioned"),
    [({"stack": "other"}, "other"), ({"config": {"ping": 1}}, "ping"), ({"extra": 1}, "extra")],
)
def test_an_invalid_request_line_is_reported_with_its_error(answers, tmp_path, change, mentioned):
    request = {"stack": "embedded", "data_dir": str(tmp_path), "log_dir": str(tmp_path)}
    (line,), code = answers(json.dumps({**request, **change}) + "\n")
    assert (code, line["failed"]["component"]) == (3, "cluster")
    assert mentioned in line["failed"]["reason"]


def test_an_end_of_input_before_the_start_is_no_failure(answers, tmp_path, require_service):
    """Neither before the request nor after the plan: nothing was started."""
    require_service("redis")
    request = {"stack": "embedded", "data_dir": str(tmp_path), "log_dir": str(tmp_path)}
    assert answers("") == ([], 0)
    (line,), code = answers(json.dumps(request) + "\n")
    assert (list(line), code) == (["plan"], 0)


def test_a_second_cluster_with_the_same_data_is_refused_and_changes_nothing(answers, running):
    """Of a broker it would delete the data, and of every store it would replace the settings."""
    data = running.folder / "data"
    before = {path: path.stat().st_ino for path in data.glob("*/r*.conf")}
    stack = "full" if any(path.name == "rabbitmq.conf" for path in before) else "embedded"
    request = {"stack": stack, "data_dir": str(data), "log_dir": str(running.folder / "other")}
    (_, line), code = answers(json.dumps(request) + '\n{"advertise": {}}\n')
    assert (code, line["failed"]["component"]) == (3, "cluster")
    assert line["failed"]["reason"] == f"{data} is in use by another cluster"
    assert before
    assert {path: path.stat().st_ino for path in before} == before
    assert all(each["state"] in {"up", "planned"} for each in running.components().values())


def test_a_stop_during_the_start_ends_every_process(
    cluster, marked_processes, tmp_path, require_service
):
    """Ctrl-C does not wait until the stack is up."""
    require_service("redis")
    before = {process.pid for process in marked_processes()}
    request = {"stack": "embedded", "data_dir": str(tmp_path), "log_dir": str(tmp_path)}
    started = subprocess.Popen(
        [sys.executable, "-P", "-m", "gauntlet.reference_server.cluster"],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
    )
    with started:
        started.stdin.write(json.dumps(request).encode() + b'\n{"advertise":{}}\n')
        started.stdin.flush()
        wait_for(lambda: b'"started"' in started.stdout.readline())
        started.send_signal(signal.SIGTERM)
        started.send_signal(signal.SIGTERM)
        assert started.wait(60) == 0
    wait_for(lambda: {process.pid for process in marked_processes()} <= before)
