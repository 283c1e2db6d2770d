"""What is measured of one running proxy server; each measure takes about a window."""

import statistics
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from itertools import count

import msgspec
import psutil

from benchmarks.processes import LineChild
from benchmarks.proxy.ends import ECHO, Job, Sent, connect
from gauntlet.chaos.clients.toxiproxy import ProxyClient
from gauntlet.chaos.proxy_process import ProxyServer

MB = 1_000_000
MESSAGE = b"m" * 128
WARM_UP_S = 0.5  # until every buffer on the way is full

Values = dict[str, float]
_number = count(1)


class Bench:
    """One proxy server, the ends of its links, and the length of a window."""

    def __init__(
        self, server: ProxyServer, ends: LineChild, upstream: str, window_s: float
    ) -> None:
        self.client = ProxyClient(server.api_url, timeout_s=60.0)
        self.upstream = upstream
        self.window_s = window_s
        self._process = psutil.Process(server.pid)
        self._ends = ends

    def cpu_s(self) -> float:
        """Return the CPU time of the proxy so far."""
        times = self._process.cpu_times()
        return times.user + times.system

    @contextmanager
    def link(self) -> Iterator[tuple[str, str]]:
        """Create a link; yield its name and address."""
        name = f"bench-{next(_number)}"
        yield name, self.client.create(name, self.upstream)
        self.client.delete(name)

    def start(self, address: str, connections: int = 1) -> None:
        """Start to send to an address as fast as it goes, and to count when buffers are full."""
        self._ends.ask(Job("start", address, connections))
        time.sleep(WARM_UP_S)
        self._ends.ask(Job("count"))

    def stop(self) -> Sent:
        """Stop to send; return what arrived."""
        return msgspec.json.decode(self._ends.ask(Job("stop")), type=Sent)


def throughput(bench: Bench) -> Values:
    """Bytes in one direction of one connection, as many as pass."""
    with bench.link() as (_, address):
        bench.start(address)
        before_s = bench.cpu_s()
        time.sleep(bench.window_s)
        used_s, sent = bench.cpu_s() - before_s, bench.stop()
    per_s = sent.received / sent.seconds / MB
    return {"bulk, MB/s": per_s, "CPU, ms per 100 MB": used_s * 1e5 * MB / max(1, sent.received)}


def messages(bench: Bench) -> Values:
    """Round trips of 128 bytes, one after the other, with the proxy and without it."""
    direct = _round_trips_us(bench.upstream, bench.window_s / 4)
    with bench.link() as (_, address):
        before_s = bench.cpu_s()
        proxied = _round_trips_us(address, bench.window_s)
        used_s = bench.cpu_s() - before_s
    added = statistics.median(proxied) - statistics.median(direct)
    return {
        "added to a round trip, µs p50": added,
        "CPU, µs per small message": used_s / len(proxied) / 2 * 1e6,
    }


def slicer(bench: Bench) -> Values:
    """The API while megabytes are cut into pieces of 2 bytes."""
    with bench.link() as (name, address):
        bench.client.add_toxic(name, "slicer", "upstream", attributes={"average_size": 2})
        bench.start(address)
        with bench.link() as (_, neighbour):
            slowest_ms = _api_ms(bench)
            trips = _round_trips_us(neighbour, bench.window_s)
        bench.stop()
    return {
        "slicer: slowest API call, ms": slowest_ms,
        "slicer: neighbour, ms p99": _percentile(trips, 0.99) / 1000,
    }


def flood(bench: Bench) -> Values:
    """The API and another link while one link is flooded by four connections."""
    with bench.link() as (_, address), bench.link() as (_, neighbour):
        bench.start(address, 4)
        slowest_ms = _api_ms(bench)
        trips = _round_trips_us(neighbour, bench.window_s)
        bench.stop()
    return {
        "flood: slowest API call, ms": slowest_ms,
        "flood: neighbour, ms p50": statistics.median(trips) / 1000,
        "flood: neighbour, ms p99": _percentile(trips, 0.99) / 1000,
    }


def bandwidth(rate_mb_per_s: int) -> Callable[[Bench], Values]:
    """Return a measure of how far the rate of a link is from its limit."""

    def measure(bench: Bench) -> Values:
        with bench.link() as (name, address):
            rate = {"rate": rate_mb_per_s * 1000}
            bench.client.add_toxic(name, "bandwidth", "upstream", attributes=rate)
            bench.start(address)
            time.sleep(bench.window_s)
            sent = bench.stop()
        off = sent.received / sent.seconds / MB / rate_mb_per_s - 1
        return {f"bandwidth at {rate_mb_per_s} MB/s, % off": off * 100}

    return measure


def latency(bench: Bench) -> Values:
    """How much more than its latency of 20 ms a link adds."""
    with bench.link() as (name, address):
        bench.client.add_toxic(name, "latency", "upstream", attributes={"latency": 20})
        trips = _round_trips_us(address, bench.window_s)
    return {"latency of 20 ms, ms more": statistics.median(trips) / 1000 - 20}


MEASURES: dict[str, Callable[[Bench], Values]] = {
    "throughput": throughput,
    "messages": messages,
    "slicer": slicer,
    "flood": flood,
    "bandwidth-1": bandwidth(1),
    "bandwidth-100": bandwidth(100),
    "latency": latency,
}


def _round_trips_us(address: str, seconds: float) -> list[float]:
    """Send a message and wait for it again and again; return the times."""
    times: list[float] = []
    with connect(address) as connection:
        connection.sendall(ECHO)
        end_s = time.monotonic() + seconds
        while not times or time.monotonic() < end_s:
            began_s = time.perf_counter()
            connection.sendall(MESSAGE)
            missing = len(MESSAGE)
            while missing:
                missing -= len(connection.recv(missing))
            times.append((time.perf_counter() - began_s) * 1e6)
    return times


def _api_ms(bench: Bench) -> float:
    """Return how long the slowest of 20 calls took."""
    slowest_s = 0.0
    for _ in range(20):
        began_s = time.perf_counter()
        bench.client.proxies()
        slowest_s = max(slowest_s, time.perf_counter() - began_s)
        time.sleep(0.01)
    return slowest_s * 1000


def _percentile(values: list[float], share: float) -> float:
    return sorted(values)[min(len(values) - 1, int(len(values) * share))]
