"""The reference server with TLS, used by ordinary clients that trust only its CA."""

import asyncio
import contextlib
import itertools
import json
import ssl
import time
from urllib.parse import urlsplit

import aiohttp
import psutil
import pytest
import yaml
from websockets.asyncio.client import connect
from websockets.exceptions import InvalidStatus

from gauntlet.cli import main
from gauntlet.core.errors import Exit
from gauntlet.core.run_directory import RunDir
from gauntlet.reference_server.cluster.certificates import issue
from gauntlet.reference_server.core.tls import HANDSHAKE_TIMEOUT_S

from .reconnecting_client import ReconnectingClient

pytestmark = pytest.mark.integration

CLIENT_HELLO_BEGIN = b"\x16\x03\x01\x02\x00\x01\x00"
NAMES = itertools.count(1)


@pytest.fixture(scope="module")
def running(cluster):
    """A cluster with TLS; the last test moves its clients to green."""
    return cluster("embedded", config={"tls": True}, layout="single")


@contextlib.asynccontextmanager
async def http_client(running):
    """A client that trusts the CA of the cluster."""
    context = ssl.create_default_context(cafile=running.ca)
    async with aiohttp.ClientSession(connector=aiohttp.TCPConnector(ssl=context)) as http:
        yield http, context


@contextlib.asynccontextmanager
async def pair_online(running):
    """Two users who talk with each other."""
    async with http_client(running) as (http, context):
        left, right = (f"tls{next(NAMES)}" for _ in range(2))
        clients = [
            ReconnectingClient(http, running.api, user, peer, context)
            for user, peer in ((left, right), (right, left))
        ]
        await asyncio.gather(*(client.start() for client in clients))
        try:
            yield clients
        finally:
            await asyncio.gather(*(client.stop() for client in clients))


async def eventually(condition, timeout_s=60.0):
    """Wait until a condition holds; fail after `timeout_s`."""
    deadline = time.monotonic() + timeout_s
    while not condition():
        assert time.monotonic() < deadline, "the condition did not come true in time"
        await asyncio.sleep(0.1)


async def exchange(clients, count=5):
    """Let each of two clients send messages, until both have received all of them."""
    sent = {f"{client.user} {number}" for client in clients for number in range(count)}
    for body in sorted(sent):
        await next(each for each in clients if body.startswith(f"{each.user} ")).send(body)
    await eventually(lambda: all(sent <= set(each.bodies.values()) for each in clients))


def client_ports(running):
    """Return the `host:port` for clients of the gateway and of a blue edge, by component."""
    upstream = {link["name"]: link["upstream"] for link in running.plan["links"]}
    return {name: upstream[f"client>{name}"] for name in ("gateway-1", "edge-blue-1")}


async def open_tcp(address, content=b""):
    """Open a TCP connection and write some bytes."""
    host, port = address.split(":")
    reader, writer = await asyncio.open_connection(host, int(port))
    writer.write(content)
    return reader, writer


async def test_users_log_in_send_receive_and_read_the_history(running):
    async with pair_online(running) as (ann, bob):
        assert {urlsplit(url).scheme for url in running.api} == {"https"}
        assert {urlsplit(client.url).scheme for client in (ann, bob)} == {"wss"}
        await exchange((ann, bob))
        page = await ann.call("GET", f"/v1/conversations/{ann.conv}/messages?after=0")
        assert [entry["seq"] for entry in page["messages"]] == list(range(1, 11))
        assert (ann.disconnects, bob.disconnects) == (0, 0)


async def test_a_client_without_the_ca_is_refused(running):
    async with pair_online(running) as (ann, _), aiohttp.ClientSession() as stranger:
        with pytest.raises(aiohttp.ClientConnectorCertificateError):
            await stranger.get(f"{running.api[0]}/healthz")
        with pytest.raises(ssl.SSLCertVerificationError):
            await connect(ann.url, proxy=None)


async def test_a_client_without_tls_gets_a_close_and_others_are_served(running):
    """No reset and no answer without encryption; the server goes on."""
    async with pair_online(running) as clients:
        for address in client_ports(running).values():
            request = b"GET /healthz HTTP/1.1\r\nHost: x\r\n\r\n"
            reader, writer = await open_tcp(address, request)
            async with asyncio.timeout(60):
                assert await reader.read() == b""
            writer.close()
        await exchange(clients)
        assert [client.disconnects for client in clients] == [0, 0]


async def test_the_ports_without_tls_serve_no_client(running):
    """They belong to the server's own processes, which do not use the ports of clients."""
    address = {name: each["address"] for name, each in running.components().items()}
    assert set(address.values()).isdisjoint(client_ports(running).values())
    async with aiohttp.ClientSession() as http:
        login = {"user": "ann", "device": "d0"}
        answer = await http.post(f"http://{address['gateway-1']}/v1/sessions", json=login)
        assert (answer.status, (await answer.json())["error"]["code"]) == (401, "unauthorized")
        with pytest.raises(InvalidStatus, match="403"):
            await connect(f"ws://{address['edge-blue-1']}/v1/ws", proxy=None)
        for name in client_ports(running):
            assert (await http.get(f"http://{address[name]}/healthz")).status == 200


async def test_handshakes_that_are_never_finished_are_closed_in_time_and_leave_nothing(running):
    """Also those of clients that send a byte from time to time; others are served meanwhile."""
    components = running.components()
    ports = client_ports(running)
    processes = {name: psutil.Process(components[name]["pid"]) for name in ports}
    async with pair_online(running) as clients:
        await exchange(clients, 1)
        before = {name: process.num_fds() for name, process in processes.items()}
        began_s = time.monotonic()
        slow = [
            (name, *await open_tcp(address, content))
            for name, address in ports.items()
            for content in (b"", CLIENT_HELLO_BEGIN) * 20
        ]
        for name, process in processes.items():
            await eventually(lambda n=name, p=process: p.num_fds() >= before[n] + 40, 4)

        async def trickle_until_closed(reader, writer):
            with contextlib.suppress(OSError):  # a reset ends it as well
                while not reader.at_eof():
                    writer.write(b"\x00")
                    with contextlib.suppress(TimeoutError):
                        async with asyncio.timeout(0.3):
                            await reader.read(100)
            writer.close()

        ends = asyncio.gather(*(trickle_until_closed(*streams) for _, *streams in slow))
        await exchange(clients, 3)
        async with asyncio.timeout(3 * HANDSHAKE_TIMEOUT_S):
            await ends
        assert time.monotonic() - began_s < 3 * HANDSHAKE_TIMEOUT_S
        for name, process in processes.items():
            await eventually(lambda n=name, p=process: p.num_fds() < before[n] + 10)
        assert [client.disconnects for client in clients] == [0, 0]


async def test_a_client_that_does_not_read_is_closed_when_its_outbox_is_full(running):
    """What is encrypted but unsent counts as unsent."""
    async with pair_online(running) as (ann, bob):
        url, token = bob.url, bob._token
        async with http_client(running) as (_, context):
            socket = await connect(
                url, subprotocols=["im.v1.json"], ssl=context, proxy=None, max_queue=1,
                ping_interval=None, compression=None,
            )  # fmt: skip
            connect_frame = {"token": token, "device": "d0", "cursors": {}}
            await socket.send(json.dumps({"connect": connect_frame}))
            await socket.recv()
            socket.transport.pause_reading()
            edge = next(
                link["component"] for link in running.plan["links"]
                if link["source"] == "client" and link["upstream"] == urlsplit(url).netloc
            )  # fmt: skip
            address = running.components()[edge]["address"]
            slow = b'im_closes_total{code="4008"} 1'
            async with aiohttp.ClientSession() as http, asyncio.timeout(60):
                number = 0
                while slow not in await (await http.get(f"http://{address}/metrics")).read():
                    number += 1
                    await ann.send(f"{number} " + "x" * 30_000)
            assert number > 30  # the outbox holds a megabyte
            socket.transport.abort()
        await eventually(lambda: len(bob.bodies) == number)


@pytest.mark.ci
async def test_a_cutover_moves_clients_over_tls_and_loses_nothing(running):
    """Canaries verify green, `reconnect` names wss addresses, and no connection is cut."""
    async with pair_online(running) as clients:
        running.call("POST", "/cutover", {"to": "green", "drain_ms": 500})
        while running.call("GET", "/cutover")["state"] not in ("done", "rolled-back", "failed"):
            await exchange(clients, 1)
        status = running.call("GET", "/cutover")
        assert (status["state"], status["error"]) == ("done", None)
        assert [(client.moves, client.disconnects) for client in clients] == [(1, 0), (1, 0)]
        assert {urlsplit(client.url).scheme for client in clients} == {"wss"}
        await exchange(clients)
        # A scale-out starts one more edge, which is reached in the same way.
        running.act("edge-green-3", "start")
        planned = {link["component"]: link for link in running.plan["links"]}
        async with http_client(running) as (http, _):
            upstream = planned["edge-green-3"]["upstream"]
            assert (await http.get(f"https://{upstream}/healthz")).status == 200


SCENARIO = """
version: 1
name: over-tls
about: A short load over TLS, whose links to the edges become slow and are then cut.
seed: 3
target: {server: {tls: true}}
load:
  users: 8
  workload: {direct: 1, group: {weight: 1, size: 4}}
  rate: 20/s
  ramp: 1s
  steady: 12s
  lag_budget_ms: 1000
faults:
  - {id: slow, kind: latency, target: client>edge, at: 2s, for: 2s, params: {latency: 100ms}}
  - {id: cut, kind: disconnect, target: client>edge, at: 6s, for: 1s, params: {percent: 50}}
"""


@pytest.mark.ci
def test_a_run_over_tls_with_faults_on_the_links_passes(tmp_path, require_service):
    """The load trusts the CA of the booted server; the proxies pass TLS on."""
    require_service("redis")
    file = tmp_path / "over-tls.yaml"
    file.write_text(SCENARIO)
    code = main.main(["run", str(file), "--plain", "--out", str(tmp_path / "runs")])
    (folder,) = (tmp_path / "runs").iterdir()
    directory = RunDir.open(folder)
    result = directory.read_result()
    assert code == Exit.OK, result["verdict"]
    load = json.loads((folder / "load.json").read_text())
    assert {urlsplit(url).scheme for url in load["api"]} == {"https"}
    steps = [row["step"] for row in directory.read_events() if row["kind"] == "fault"]
    assert steps.count("effective") == steps.count("healed") == 2
    assert result["counts"]["connections"] > 8
    checks = {check["id"]: check["verdict"] for check in result["checks"]}
    assert checks["lost-acked"] == checks["undelivered"] == checks["wire-order"] == "valid"


@pytest.mark.ci
def test_a_load_that_does_not_trust_the_server_does_not_pass(tmp_path, require_service):
    """Without this, the run above would not show that certificates are verified."""
    require_service("redis")
    scenario = yaml.safe_load(SCENARIO)
    scenario["target"]["tls"] = {"ca": str(issue(tmp_path).ca)}
    scenario["faults"] = []
    scenario["load"]["steady"] = "3s"
    file = tmp_path / "stranger.yaml"
    file.write_text(yaml.safe_dump(scenario))
    code = main.main(["run", str(file), "--plain", "--out", str(tmp_path / "runs")])
    (folder,) = (tmp_path / "runs").iterdir()
    verdict = RunDir.open(folder).read_result()["verdict"]
    assert code == Exit.HARNESS, verdict
    assert "certificate verify failed" in " ".join(verdict["reasons"])
