"""One real process with all HTTP services, on SQLite and a real Redis."""

import asyncio
import os
import signal
import sqlite3
import subprocess
import time

import aiohttp
import pytest

from gauntlet.chaos.server_hooks.faults.slow_commits import COMMITS_PER_S
from gauntlet.reference_server.http.circuit_breaker import FAILURES_TO_OPEN
from gauntlet.stacks.free_port import free_port

from .server_process import TIMEOUT_S, ServerProcess

pytestmark = pytest.mark.integration

SENDS = [f"/v1/conversations/d.u{n}.v/messages" for n in range(20)]


@pytest.fixture(scope="module")
def redis_url(require_service, tmp_path_factory):
    """A real Redis for this module."""
    binary = require_service("redis")["path"]
    port = free_port()
    command = [binary, "--port", str(port), "--bind", "127.0.0.1", "--save", ""]
    folder = tmp_path_factory.mktemp("redis")
    with (folder / "log").open("ab") as log:
        server = subprocess.Popen([*command, "--dir", str(folder)], stdout=log, stderr=log)
    yield f"redis://127.0.0.1:{port}"
    server.kill()
    server.wait()


@pytest.fixture
def new_process(redis_url, tmp_path):
    """A process that is not started yet; it is stopped after the test."""
    process = ServerProcess(tmp_path, redis_url)
    yield process
    process.stop()


@pytest.fixture
def own_process(new_process):
    """A running process that the test may stop."""
    return new_process.start()


@pytest.fixture(scope="module")
def process(redis_url, tmp_path_factory):
    """A running process for all tests that do not stop it; each test uses its own users."""
    process = ServerProcess(tmp_path_factory.mktemp("process"), redis_url)
    yield process.start()
    process.stop()


def test_a_message_is_sent_repeated_read_and_stored(process):
    ann, bob = process.log_in("ann"), process.log_in("bob")
    path = "/v1/conversations/d.ann.bob/messages"
    body = {"client_msg_id": "1", "body": "hello"}
    status, sent = ann("POST", path, body)
    assert (status, sent["conv"], sent["seq"], "dup" in sent) == (201, "d.ann.bob", 1, False)
    assert ann("POST", path, body) == (200, {**sent, "dup": True})
    status, history = bob("GET", f"{path}?after=0&limit=10")
    expected = {**body, "type": "msg", "seq": 1, "sender": "ann"}
    expected |= {"msg_id": sent["msg_id"], "ts": sent["ts"]}
    assert (status, history) == (200, {"messages": [expected], "head": 1})
    assert bob("GET", "/v1/heads") == (200, {"heads": {"d.ann.bob": 1}})
    with sqlite3.connect(process.folder / "messages.db") as db:
        assert db.execute("SELECT msg_id, body FROM messages").fetchall() == [
            (sent["msg_id"], "hello")
        ]
    db.close()


def test_unauthorised_and_invalid_calls_are_refused_and_store_nothing(process):
    path = "/v1/conversations/d.cat.dan/messages"
    cat, eve = process.log_in("cat"), process.log_in("eve")
    assert process.call("GET", "/v1/heads")[0] == 401
    assert process.call("GET", "/internal/heads")[0] == 404
    assert process.call("GET", "/internal/heads", X_Internal="guess")[0] == 404
    assert cat("POST", path, {"client_msg_id": "1", "body": "x"})[0] == 201
    status, refused = eve("POST", path, {"client_msg_id": "1", "body": "x"})
    assert (status, refused["error"]["code"], refused["error"]["stored"]) == (
        403,
        "forbidden",
        "no",
    )
    assert eve("GET", path)[0] == 403
    assert cat("POST", path, {"client_msg_id": "", "body": "x"})[0] == 400
    assert cat("POST", path, {"client_msg_id": "2", "body": "x\0"})[0] == 400
    assert cat("POST", path, {"client_msg_id": "2", "body": "x" * 70_000})[0] == 413
    assert cat("GET", "/v1/heads")[1] == {"heads": {"d.cat.dan": 1}}


def test_internal_headers_of_clients_are_ignored(process):
    sue = process.log_in("sue")
    sue("POST", "/v1/conversations/d.sue.tom/messages", {"client_msg_id": "1", "body": "x"})
    for internal in ({}, {"X_Internal": ""}, {"X_Internal": "guess"}):
        forged = {**internal, "X_User": "sue", "X_Device": "d0"}
        assert process.call("GET", "/v1/heads", **forged)[0] == 401
        assert process.call("GET", "/internal/users/sue/heads", **forged)[0] == 404
        login = process.call("POST", "/v1/sessions", {"user": "eve", "device": "d0"}, **forged)[1]
        bearer = {"Authorization": f"Bearer {login['token']}"}
        assert process.call("GET", "/v1/heads", **forged, **bearer) == (200, {"heads": {}})


@pytest.mark.parametrize("token", ["", "x", "x.y", "é.ü", ".", "e30.e30", "e30." + "A" * 43])
def test_an_invalid_token_is_unauthorized(process, token):
    header = f"Bearer {token}".encode().decode("latin-1")
    status, answer = process.call("GET", "/v1/heads", Authorization=header)
    assert (status, answer["error"]["code"]) == (401, "unauthorized")


def test_readiness_does_not_need_registry_or_bus_but_a_gateway_needs_messages(new_process):
    """After enough failures the metric of the circuit breaker shows that it is open."""
    new_process.config["registry"] = new_process.config["bus"] = "redis://127.0.0.1:1"
    new_process.start()
    assert new_process.call("GET", "/readyz") == (200, {"ready": True, "missing": ["registry"]})
    new_process.stop()
    new_process.config["services"] = ["gateway"]
    new_process.config["urls"]["message"] = [f"http://127.0.0.1:{free_port()}"]
    new_process.start()
    for _ in range(FAILURES_TO_OPEN):
        assert new_process.call("GET", "/readyz") == (503, {"ready": False, "missing": ["message"]})
    metrics = new_process.call("GET", "/metrics")[1]
    assert 'im_breaker_open{service="message"} 1\n' in metrics
    assert 'im_breaker_open{service="room"} 0\n' in metrics


async def offer_load(process, tokens, rate_per_s, seconds):
    """Send open-model load, with a call to the friend service for every tenth send.

    Returns (ms, status) of each send and of each other call.
    """
    sends, other_calls = [], []

    async def call(http, method, path, results, number):
        began = time.monotonic()
        headers = {"Authorization": f"Bearer {tokens[number % len(tokens)]}"}
        body = {"client_msg_id": str(number), "body": "x"} if method == "POST" else None
        async with http.request(method, process.url + path, json=body, headers=headers) as answer:
            await answer.read()
        results.append((1000 * (time.monotonic() - began), answer.status))

    connector = aiohttp.TCPConnector(limit=0)
    async with aiohttp.ClientSession(connector=connector) as http, asyncio.TaskGroup() as group:
        began = time.monotonic()
        for number in range(int(rate_per_s * seconds)):
            await asyncio.sleep(max(0, began + number / rate_per_s - time.monotonic()))
            group.create_task(call(http, "POST", SENDS[number % len(tokens)], sends, number))
            if number % 10 == 0:
                group.create_task(call(http, "GET", "/v1/friends", other_calls, number))
    return sends, other_calls


def test_overload_keeps_throughput_and_latency_of_acknowledged_sends(new_process):
    """1.5 times the capacity, then half of it."""
    new_process.config["startup_hooks"] = {
        "message": ["gauntlet.chaos.server_hooks.faults.slow_commits"]
    }
    new_process.start()
    tokens = [
        new_process.call("POST", "/v1/sessions", {"user": f"u{n}", "device": "d"})[1]["token"]
        for n in range(20)
    ]
    seconds = 8
    sends, other_calls = asyncio.run(offer_load(new_process, tokens, 1.5 * COMMITS_PER_S, seconds))
    acked = sorted(took_ms for took_ms, status in sends if status == 201)
    assert {status for _, status in sends} == {201, 503}
    # Room for a second in which the machine does something else. With a queue without limit, the
    # last sends would wait for four seconds.
    assert len(acked) >= 0.75 * COMMITS_PER_S * seconds
    assert acked[len(acked) * 85 // 100] < 2000
    assert {status for _, status in other_calls} == {200, 503}
    sends, other_calls = asyncio.run(offer_load(new_process, tokens, 0.5 * COMMITS_PER_S, 1))
    assert {status for _, status in sends + other_calls} == {200}  # the same messages once more
    assert "Traceback" not in new_process.log()


def test_a_room_is_founded_entered_and_left(process):
    """Membership and attendance take positions; history begins with the membership."""
    fay, gus = process.log_in("fay"), process.log_in("gus")
    assert fay("PUT", "/v1/rooms/r.x/members/fay") == (200, {"conv": "r.x", "seq": 1})
    assert gus("GET", "/v1/conversations/r.x/messages")[0] == 403
    fay("PUT", "/v1/rooms/r.x/members/gus")
    event = {"user": "gus", "connection": "edge-blue-1|1-1", "conv": "r.x"}
    report = {"edge": "edge-blue-1", "events": [{**event, "event": "enter"}]}
    # Attendance is read back in the background of a start.
    deadline = time.monotonic() + TIMEOUT_S
    while process.call_internal("POST", "/internal/attendance", report)[0] == 503:
        assert time.monotonic() < deadline
    assert fay("GET", "/v1/rooms/r.x/members") == (
        200,
        {"members": {"fay": {"from": 1}, "gus": {"from": 2}}, "present": ["gus"]},
    )
    gus("DELETE", "/v1/rooms/r.x/members/gus")
    history = fay("GET", "/v1/conversations/r.x/messages")[1]["messages"]
    assert [(each["seq"], each["event"], each["user"]) for each in history] == [
        (1, "added", "fay"),
        (2, "added", "gus"),
        (3, "entered", "gus"),
        (4, "removed", "gus"),
    ]
    assert process.call_internal("GET", "/internal/rooms/r.x")[1]["present"] == []


def test_a_member_reads_from_their_first_position_on(process):
    hal, ida = process.log_in("hal"), process.log_in("ida")
    hal("PUT", "/v1/rooms/r.y/members/hal")
    path = "/v1/conversations/r.y/messages"
    hal("POST", path, {"client_msg_id": "1", "body": "before"})
    hal("PUT", "/v1/rooms/r.y/members/ida")
    hal("POST", path, {"client_msg_id": "2", "body": "after"})
    assert [each["seq"] for each in ida("GET", path)[1]["messages"]] == [3, 4]


def test_edges_can_read_heads_ranges_and_changes(process):
    jan = process.log_in("jan")
    path = "/v1/conversations/d.jan.kim/messages"
    for number in "123":
        jan("POST", path, {"client_msg_id": number, "body": "x"})
    status, heads = process.call_internal("GET", "/internal/users/kim/heads")
    assert (status, heads["heads"]) == (200, {"d.jan.kim": 3})
    page = process.call_internal(
        "GET", "/internal/conversations/d.jan.kim/entries?after=1&limit=1"
    )[1]
    assert (page["head"], [each["seq"] for each in page["entries"]]) == (3, [2])
    jan("PUT", "/v1/rooms/r.z/members/jan")
    changed = process.call_internal("GET", f"/internal/heads?since={heads['watermark']}")[1]
    assert (changed["heads"], changed["members"]) == ({"r.z": 1}, {"r.z": ["jan"]})


def test_a_switched_environment_applies_immediately_and_after_a_restart(own_process):
    login = ("POST", "/v1/sessions", {"user": "ann", "device": "d0"})
    assert own_process.call(*login)[1]["connect"] == {"url": "ws://blue", "environment": "blue"}
    switch = own_process.call_internal("POST", "/internal/environment", {"environment": "green"})
    assert switch == (200, {"environment": "green"})
    assert own_process.call(*login)[1]["connect"] == {"url": "ws://green", "environment": "green"}
    own_process.stop()
    own_process.start()
    assert own_process.call_internal("GET", "/internal/environment")[1] == {"environment": "green"}
    assert (
        own_process.call_internal("POST", "/internal/environment", {"environment": "red"})[0] == 400
    )


def test_an_acknowledged_message_survives_sigkill(own_process):
    ann = own_process.log_in("ann")
    path, body = "/v1/conversations/d.ann.bob/messages", {"client_msg_id": "1", "body": "x"}
    sent = ann("POST", path, body)[1]
    own_process.stop()
    own_process.start()
    assert ann("POST", path, body) == (200, {**sent, "dup": True})


def test_metrics_count_requests_rows_and_commits(process):
    """A repeated send is a commit without a row."""

    def values():
        text = process.call("GET", "/metrics")[1]
        rows = [line.split() for line in text.splitlines() if not line.startswith("#")]
        return {name: float(value) for name, value in rows}

    ned = process.log_in("ned")
    path, body = "/v1/conversations/d.ned.ove/messages", {"client_msg_id": "1", "body": "x"}
    ned("POST", path, body)
    before = values()
    ned("POST", path, body)
    ned("POST", path, {**body, "client_msg_id": "2"})
    after = values()
    grown = {name: after[name] - before[name] for name in before}
    assert (grown["im_requests_total"], grown["im_rows_total"]) == (2, 1)
    assert grown["im_commits_total"] == 2
    assert after["im_loop_lag_ms"] >= 0


def test_a_startup_hook_is_installed_before_its_service_is_created(new_process, tmp_path):
    (tmp_path / "hook_of_a_test.py").write_text(
        "from gauntlet.reference_server.services.sticker import StickerService\n"
        "from gauntlet.reference_server.http.messages import reply\n"
        "async def packs(self, request): return reply({'packs': 'hooked'})\n"
        "def install(): StickerService.packs = packs\n"
    )
    new_process.config["startup_hooks"] = {"sticker": ["hook_of_a_test"]}
    path_before = os.environ.get("PYTHONPATH")
    os.environ["PYTHONPATH"] = os.pathsep.join(filter(None, [str(tmp_path), path_before]))
    try:
        new_process.start()
    finally:
        if path_before is None:
            del os.environ["PYTHONPATH"]
        else:
            os.environ["PYTHONPATH"] = path_before
    assert new_process.log_in("ann")("GET", "/v1/stickers") == (200, {"packs": "hooked"})


@pytest.mark.parametrize("way", ["SIGTERM", "end of input"])
def test_the_process_ends_on_sigterm_and_when_its_parent_is_gone(own_process, way):
    """With exit code 0 and without an error in the log."""
    if way == "SIGTERM":
        own_process.popen.send_signal(signal.SIGTERM)
    else:
        own_process.popen.stdin.close()
    assert own_process.popen.wait(60) == 0
    assert "ERROR" not in own_process.log()


def test_an_invalid_configuration_exits_with_4_and_names_the_key(new_process):
    new_process.config["settings"] = {"ping": 1}
    with pytest.raises(AssertionError, match="ping"):
        new_process.start()
    assert new_process.popen.wait(60) == 4
