"""Faults on real systems: a proxy of either backend, a real server, real processes.

Each fault must act, be proven and be healed completely. It may be healed twice, or without having
acted.
"""

import contextlib
import http.client
import os
import signal
import socket
import subprocess
import sys
import threading
import time
from types import SimpleNamespace

import psutil
import pytest
from websockets.exceptions import ConnectionClosed
from websockets.sync.client import connect

from gauntlet.chaos.clients.cluster_control import Component
from gauntlet.chaos.clients.link_exchange import ExchangeRequest, exchange_all
from gauntlet.chaos.clients.toxiproxy import ProxyClient, ProxyError
from gauntlet.chaos.faults import FAULTS, _toxic_fault
from gauntlet.chaos.faults.context import Context, ProxiedLink
from gauntlet.chaos.faults.targets import StackPlan
from gauntlet.chaos.proxy_process import ProxyServer, find_binary
from gauntlet.chaos.timeline import Timeline
from gauntlet.core import clock
from gauntlet.core.scenario.model import Duration, Fault
from gauntlet.core.scenario.moments import FixedTime

from ..services import missing

pytestmark = [pytest.mark.contract, pytest.mark.integration]

# One port, two protocols: HTTP with connections that stay open on /healthz, and WebSocket with a
# push every 20 ms on any other path. It starts fast, because it imports no library.
SERVER = """
import asyncio, base64, contextlib, hashlib, re, sys

async def push(head, reader, writer):
    key = re.search(rb"Sec-WebSocket-Key: *(\\S+)", head, re.IGNORECASE)[1]
    accept = hashlib.sha1(key + b"258EAFA5-E914-47DA-95CA-C5AB0DC85B11").digest()
    writer.write(b"HTTP/1.1 101 Switching Protocols\\r\\nUpgrade: websocket\\r\\n")
    writer.write(b"Connection: Upgrade\\r\\nSec-WebSocket-Accept: ")
    writer.write(base64.b64encode(accept) + b"\\r\\n\\r\\n")
    while True:
        writer.write(b"\\x81\\x04tick")
        await writer.drain()
        with contextlib.suppress(TimeoutError):
            await asyncio.wait_for(reader.read(1000), 0.02)
            writer.write(b"\\x88\\x02\\x03\\xe8")  # clients send only the close frame
            return

async def handle(reader, writer):
    with contextlib.suppress(ConnectionError, asyncio.IncompleteReadError):
        head = b""
        while b"Connection: close" not in head:
            head = await reader.readuntil(b"\\r\\n\\r\\n")
            if not head.startswith(b"GET /healthz"):
                await push(head, reader, writer)
                break
            writer.write(b"HTTP/1.1 200 OK\\r\\nContent-Length: 2\\r\\n\\r\\nok")
    writer.close()

async def main():
    server = await asyncio.start_server(handle, "127.0.0.1", 0, backlog=100)
    print(server.sockets[0].getsockname()[1], flush=True)
    await asyncio.get_running_loop().run_in_executor(None, sys.stdin.read)

asyncio.run(main())
"""
# Faults that are proven by an exchange, with their parameters.
EXCHANGED = {
    "latency": {"latency": "60ms", "jitter": "10ms"},
    "bandwidth": {"kb_per_s": 1},
    "slicer": {"bytes": 10, "delay": "5ms"},
    "stall": {},
    "partition": {},
    "blackhole": {},
    "drop": {},
    "limit-data": {"bytes": 100},
    "slow-close": {"delay": "300ms"},
}
LINK_FAULTS = {
    "disconnect": ("client>edge", {"percent": 50}),
    **{kind: ("client>edge", params) for kind, params in EXCHANGED.items()},
}
ONE_WAY = [
    (kind, {**params, "stream": stream})
    for kind, params in EXCHANGED.items()
    for stream in ("upstream", "downstream")
]
# The faults whose heal must not end the connections that live through it.
SPARING = {
    "latency": {"latency": "20ms"},
    "bandwidth": {"kb_per_s": 1},
    "slicer": {"bytes": 10, "delay": "1ms"},
    "stall": {},
    "slow-close": {"delay": "300ms"},
}
PROCESS_FAULTS = {"kill": "edge", "pause": "edge", "broker-failure": "broker"}


class Child:
    """The server above, as a process."""

    def __init__(self, port=0):
        self.process = subprocess.Popen(
            [sys.executable, "-P", "-c", SERVER.replace(", 0,", f", {port},")],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
        )
        self.port = int(self.process.stdout.readline())

    def end(self):
        """End the process, even if it is stopped."""
        self.process.kill()
        self.process.communicate()


class LocalControl:
    """A control API that acts on two processes of this test."""

    def __init__(self):
        self.children = {name: Child() for name in ("edge-blue-1", "broker")}
        self.states = dict.fromkeys(self.children, "up")

    def components(self):
        """The components as the cluster reports them."""
        return {
            name: Component(
                name,
                name.partition("-")[0],
                self.states[name],
                pid=child.process.pid if child.process.poll() is None else None,
                address=f"127.0.0.1:{child.port}",
            )
            for name, child in self.children.items()
        }

    def kill(self, name):
        """End a process and hold it down."""
        self.children[name].end()
        self.states[name] = "held"

    def start(self, name):
        """Start a process again on the same port."""
        self.children[name] = Child(self.children[name].port)
        self.states[name] = "up"

    def pause(self, name):
        """Stop a process."""
        os.kill(self.children[name].process.pid, signal.SIGSTOP)
        self.states[name] = "paused"

    def resume(self, name):
        """Resume a process."""
        os.kill(self.children[name].process.pid, signal.SIGCONT)
        self.states[name] = "up"


class Rows(list):
    """A journal in memory."""

    def write(self, kind, *, t_ns=None, **fields):
        """Append a row."""
        self.append({"kind": kind, **fields})


@pytest.fixture(scope="module", params=["toxiproxy", "embedded"])
def backend(request):
    """The name of each backend."""
    if request.param == "toxiproxy" and find_binary() is None:
        missing("toxiproxy-server", "toxiproxy-server is not installed")
    return request.param


@pytest.fixture(scope="module")
def proxy(backend, tmp_path_factory):
    """A fault proxy of each backend, as a process."""
    log = tmp_path_factory.mktemp("proxy") / "proxy.log"
    server = ProxyServer.start(backend, log=log, seed=1)
    yield ProxyClient(server.api_url)
    server.stop()


@pytest.fixture
def control():
    """A control API of two real components."""
    control = LocalControl()
    yield control
    for child in control.children.values():
        child.end()


@pytest.fixture
def rig(proxy, control):
    """A link to a real server through a real proxy, and a context for faults."""
    link = SimpleNamespace(
        name="client>edge-blue-1", source="client", component="edge-blue-1", kind="ws"
    )
    listen = proxy.create(link.name, f"127.0.0.1:{control.children['edge-blue-1'].port}")
    plan = StackPlan({"edge-blue-1": "edge", "broker": "broker"}, [link])
    proxied = {link.name: ProxiedLink(proxy, link.name, link.kind, listen)}
    context = Context(plan, proxied, control, Rows())
    yield SimpleNamespace(context=context, proxy=proxy, listen=listen, control=control)
    proxy.delete(link.name)


@pytest.fixture
def clients(rig):
    """Twenty WebSocket clients that read pushes until their connection is cut."""

    def read(client):
        with contextlib.suppress(ConnectionClosed):
            for _ in client:
                pass

    with contextlib.ExitStack() as stack:
        threads = []
        for _ in range(20):
            client = stack.enter_context(connect(f"ws://{rig.listen}/", compression=None))
            threads.append(threading.Thread(target=read, args=(client,)))
            threads[-1].start()
        yield threads
    for thread in threads:
        thread.join()


def make(kind, target, params=None, *, id="f", at=0.0, for_=0.0):  # noqa: A002  # the name in the replaced class
    """Create a fault as a scenario defines it."""
    return Fault(
        id=id,
        kind=kind,
        target=target,
        at=FixedTime(at),
        for_=Duration(for_),
        params=params or {},
    )


def answers(address):
    """Whether an HTTP server answers at an address."""
    connection = http.client.HTTPConnection(address, timeout=20)
    try:
        connection.request("GET", "/healthz")
        return connection.getresponse().read() == b"ok"
    except OSError:
        return False
    finally:
        connection.close()


@pytest.mark.parametrize("kind", LINK_FAULTS)
def test_a_fault_on_links_is_proven_and_healed_without_a_trace(rig, clients, kind):
    """After the heal, traffic passes unchanged and no toxic is left."""
    target, params = LINK_FAULTS[kind]
    fault = FAULTS[kind](make(kind, target, params))
    assert fault.inject(rig.context)["links"] == ["client>edge-blue-1"]
    assert fault.prove(rig.context)
    fault.heal(rig.context)
    assert fault.verify(rig.context)
    assert rig.proxy.toxics("client>edge-blue-1") == []
    assert answers(rig.listen)
    with connect(f"ws://{rig.listen}/", compression=None) as client:
        assert client.recv(timeout=60) == "tick"


@pytest.mark.parametrize("kind", LINK_FAULTS)
def test_a_fault_on_links_may_be_healed_twice_or_without_an_injection(rig, clients, kind):
    target, params = LINK_FAULTS[kind]
    fault = FAULTS[kind](make(kind, target, params))
    for _ in range(2):
        fault.heal(rig.context)
        fault.verify(rig.context)
    detail = fault.inject(rig.context)
    if kind in EXCHANGED:
        assert fault.inject(rig.context) == detail
    for _ in range(2):
        fault.heal(rig.context)
        fault.verify(rig.context)
    assert answers(rig.listen)


def test_latency_lasts_until_it_is_healed(rig):
    """A round trip takes two latencies longer, and is short again after the heal."""
    fault = FAULTS["latency"](make("latency", "client>edge", {"latency": "150ms"}))
    fault.inject(rig.context)
    began = time.monotonic()
    assert answers(rig.listen)
    assert time.monotonic() - began >= 0.3
    proof = fault.prove(rig.context)
    assert proof["during"]["client>edge-blue-1"]["first_ms"] >= 300
    fault.heal(rig.context)
    assert fault.verify(rig.context)["probe"]["client>edge-blue-1"] < 300


def test_a_partition_is_silent_and_closes_no_connection(rig):
    """An open connection receives nothing; a new one is accepted."""
    fault = FAULTS["partition"](make("partition", "client>edge"))
    host, port = rig.listen.split(":")
    with socket.create_connection((host, int(port)), timeout=5) as before:
        before.sendall(b"GET / HTTP/1.1\r\n")
        time.sleep(0.1)
        fault.inject(rig.context)
        before.sendall(b"Host: x\r\n\r\n")
        before.settimeout(0.5)
        with pytest.raises(TimeoutError):
            before.recv(1)
        during = fault.prove(rig.context)["during"]["client>edge-blue-1"]
        assert (during["received"], during["ended"]) == (0, "open")
        fault.heal(rig.context)
    fault.verify(rig.context)


def test_a_disconnect_cuts_about_its_share_of_the_connections(rig, clients):
    """The proof counts the connections that clients have lost."""
    fault = FAULTS["disconnect"](make("disconnect", "client>edge", {"percent": 50}))
    fault.inject(rig.context)
    proof = fault.prove(rig.context)
    assert rig.proxy.toxics("client>edge-blue-1") == []
    deadline = time.monotonic() + 60
    while (cut := sum(not thread.is_alive() for thread in clients)) < proof["dropped"]:
        assert time.monotonic() < deadline
        time.sleep(0.05)
    assert proof["connections"] == 20
    # 20 draws at 0.5 are outside of 3…17 in 1 of 2,500 runs.
    assert 3 <= cut <= 17
    fault.heal(rig.context)
    assert sum(not thread.is_alive() for thread in clients) == cut


@pytest.mark.parametrize(("kind", "params"), ONE_WAY)
def test_a_fault_in_one_direction_is_proven(rig, kind, params):
    fault = FAULTS[kind](make(kind, "client>edge", params))
    assert fault.inject(rig.context)["streams"] == [params["stream"]]
    toxics = rig.proxy.toxics("client>edge-blue-1")
    assert [toxic.stream for toxic in toxics] == [params["stream"]]
    assert set(fault.prove(rig.context)["during"]) == {"client>edge-blue-1"}
    assert fault.heal(rig.context) == {}
    fault.verify(rig.context)


@pytest.mark.parametrize("kind", SPARING)
def test_live_connections_outlast_a_fault_that_loses_nothing(rig, clients, kind):
    fault = FAULTS[kind](make(kind, "client>edge", SPARING[kind]))
    fault.inject(rig.context)
    assert fault.prove(rig.context)
    fault.heal(rig.context)
    fault.verify(rig.context)
    assert all(thread.is_alive() for thread in clients)


def test_what_a_stall_holds_back_is_delivered_after_it(rig):
    fault = FAULTS["stall"](make("stall", "client>edge"))
    with connect(f"ws://{rig.listen}/", compression=None) as client:
        assert client.recv(timeout=60) == "tick"
        fault.inject(rig.context)
        assert fault.prove(rig.context)
        fault.heal(rig.context)
        assert fault.verify(rig.context)["held"] == {"answered": 1}
        ticks = [client.recv(timeout=60) for _ in range(20)]  # those of more than a second of stall
    assert set(ticks) == {"tick"}


@pytest.mark.parametrize("kind", EXCHANGED)
def test_a_fault_that_does_not_act_has_no_proof(rig, monkeypatch, kind):
    """Its toxics are gone; what was observed instead is reported at the heal."""
    monkeypatch.setattr(_toxic_fault, "PROVE_S", 0.0)
    fault = FAULTS[kind](make(kind, "client>edge", EXCHANGED[kind]))
    fault.inject(rig.context)
    rig.proxy.reset()
    assert fault.prove(rig.context) == {}
    observed = fault.heal(rig.context)["unproven"]["during"]["client>edge-blue-1"]
    assert observed["ended"] == "closed" if kind == "slow-close" else observed["received"] > 0


def test_a_fault_on_a_share_of_the_connections_spares_the_others(rig):
    """Of 60 exchanges, a share of 40 % meets 24 on average; 9 to 39 in all but 1 of 10,000 runs."""
    fault = FAULTS["blackhole"](make("blackhole", "client>edge", {"percent": 40}))
    fault.inject(rig.context)
    assert fault.prove(rig.context)
    wanted = dict.fromkeys(range(60), ExchangeRequest("ws", rig.listen, closing=False))
    silent = [each.silent for each in exchange_all(wanted, 2.0).values()]
    fault.heal(rig.context)
    fault.verify(rig.context)
    assert 9 <= sum(silent) <= 39


def test_a_fault_that_flaps_acts_and_pauses_in_turn(rig):
    params = {"on": "400ms", "off": "400ms"}
    fault = FAULTS["blackhole"](make("blackhole", "client>edge", params))
    fault.inject(rig.context)
    assert fault.prove(rig.context)
    seen = []
    deadline = time.monotonic() + 60
    while len(seen) < 4 and time.monotonic() < deadline:
        acting = bool(rig.proxy.toxics("client>edge-blue-1"))
        if not seen or seen[-1] != acting:
            seen.append(acting)
        time.sleep(0.02)
    assert seen[:4] == [True, False, True, False]
    assert fault.heal(rig.context)["pauses"] >= 2
    fault.verify(rig.context)
    time.sleep(0.6)
    assert rig.proxy.toxics("client>edge-blue-1") == []


def test_a_reset_is_seen_as_such_by_live_connections(rig, clients, backend):
    """Only on the embedded proxy: a toxiproxy-server may end live connections by FIN."""
    fault = FAULTS["reset"](make("reset", "client>edge", {"percent": 100}))
    fault.inject(rig.context)
    proof = fault.prove(rig.context)
    for _ in range(2):
        fault.heal(rig.context)
        fault.verify(rig.context)
    assert answers(rig.listen)
    if backend == FAULTS["reset"].kind.backend:
        assert proof["dropped"] == 20
        assert set(proof["witnesses"]) == {"reset"}
    for thread in clients:
        thread.join(60)


EXTENSIONS = ("half-open", "refuse")


@pytest.mark.parametrize("kind", EXTENSIONS)
def test_old_and_new_connections_are_treated_differently(rig, clients, backend, kind):
    """On the embedded proxy only; the real one does not know the toxic."""
    fault = FAULTS[kind](make(kind, "client>edge"))
    for _ in range(2):
        fault.heal(rig.context)
        fault.verify(rig.context)
    if backend != FAULTS[kind].kind.backend:
        with pytest.raises(ProxyError, match="invalid toxic type"):
            fault.inject(rig.context)
    else:
        fault.inject(rig.context)
        assert set(fault.prove(rig.context)["old"]) == {"client>edge-blue-1"}
        assert answers(rig.listen) is (kind == "half-open")
        assert all(thread.is_alive() for thread in clients)
    for _ in range(2):
        fault.heal(rig.context)
        fault.verify(rig.context)
    assert answers(rig.listen)
    if backend == "embedded":
        for thread in clients if kind == "half-open" else ():
            thread.join(60)
        assert all(thread.is_alive() for thread in clients) is (kind == "refuse")


@pytest.mark.parametrize("kind", EXTENSIONS)
def test_an_extension_that_does_not_act_has_no_proof(rig, backend, monkeypatch, kind):
    if backend != FAULTS[kind].kind.backend:
        return  # refused before a run, and by the proxy: see the test above
    monkeypatch.setattr(_toxic_fault, "PROVE_S", 0.0)
    fault = FAULTS[kind](make(kind, "client>edge"))
    fault.inject(rig.context)
    rig.proxy.reset()
    assert fault.prove(rig.context) == {}
    assert fault.heal(rig.context)["unproven"]["old"]
    fault.verify(rig.context)


def test_a_reset_without_connections_has_no_proof(rig):
    fault = FAULTS["reset"](make("reset", "client>edge"))
    assert fault.inject(rig.context)["links"] == ["client>edge-blue-1"]
    assert fault.prove(rig.context) == {}
    assert fault.heal(rig.context) == {"unproven": {"reason": "no client is connected"}}
    fault.verify(rig.context)


@pytest.mark.parametrize("kind", PROCESS_FAULTS)
def test_a_fault_on_processes_is_proven_and_healed(rig, kind):
    """Its process is gone or stopped, and serves again after one heal, or several."""
    target = PROCESS_FAULTS[kind]
    name = {"edge": "edge-blue-1", "broker": "broker"}[target]
    fault = FAULTS[kind](make(kind, target))
    fault.heal(rig.context)
    fault.verify(rig.context)
    before = rig.control.children[name]
    assert fault.inject(rig.context) == {"components": [name]}
    proof = fault.prove(rig.context)[name]
    assert proof["pid"] == before.process.pid
    assert proof["process"] == ("stopped" if kind == "pause" else "gone")
    if kind != "pause":
        assert not psutil.pid_exists(before.process.pid)
    for _ in range(2):
        fault.heal(rig.context)
        assert fault.verify(rig.context) == {name: "up"}
    assert answers(f"127.0.0.1:{rig.control.children[name].port}")


def test_a_timeline_of_overlapping_faults_leaves_a_working_system(rig):
    """Latency, partition and kill: all act, all are healed and verified."""
    faults = [
        make("latency", "client>edge", {"latency": "30ms"}, id="slow", for_=2.5),
        make("partition", "client>edge", id="cut", at=0.8, for_=1.2),
        make("kill", "broker", id="dead", for_=0.5),
    ]
    result = Timeline(faults, rig.context, clock.now_ns()).run(threading.Event())
    assert [fault.errors for fault in result.faults] == [[], [], []]
    assert (result.failed, result.unhealed) == ([], [])
    assert answers(rig.listen)
    assert rig.proxy.toxics("client>edge-blue-1") == []


def test_a_stop_of_the_run_heals_active_faults_immediately(rig):
    stop = threading.Event()
    threading.Timer(1.0, stop.set).start()
    faults = [
        make("latency", "client>edge", {"latency": "30ms"}, id="slow", for_=60.0),
        make("pause", "broker", id="still", for_=60.0),
    ]
    began = time.monotonic()
    result = Timeline(faults, rig.context, clock.now_ns()).run(stop)
    assert time.monotonic() - began < 30
    assert (result.failed, result.unhealed) == ([], [])
    assert answers(f"127.0.0.1:{rig.control.children['broker'].port}")
    assert answers(rig.listen)
