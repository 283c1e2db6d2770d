"""The reconnect storm after the loss of a zone, simulated with the backoff of the client. Pure.

A client notices the loss, waits, and dials. Until clients are no longer sent to what was lost, an
attempt goes there with the probability of its share, and fails. Other attempts wait in one queue
that is served at a fixed rate. A client gives up an attempt after the time-out of a dial, and the
server does not begin to serve it then; it waits, and dials again.
"""

import heapq
import math
from random import Random
from typing import NamedTuple

from gauntlet.core.clock import NS_PER_S
from gauntlet.scenarios.client.backoff import SESSION_BASE_MS, SESSION_CAP_MS, Backoff
from gauntlet.scenarios.client.liveness import CONNECT_TIMEOUT_NS

# Of more clients, a sample is simulated, and served at a rate that is smaller by the same factor.
CLIENTS_MAX = 4_000
GIVEN_UP_S = 3_600.0
_SEED = 7


class Storm(NamedTuple):
    """A storm: how many clients are lost, and what receives them.

    `refused` means that what was lost refuses connections at once, as after the end of a process;
    a lost zone does not answer at all. `delay_s` is how long a handshake takes without a queue.
    """

    lost: float
    served_per_s: float
    detection_s: tuple[float, float] = (0.0, 0.0)
    reroute_s: float = 0.0
    lost_share: float = 0.0
    refused: bool = False
    delay_s: float = 0.0


class Course(NamedTuple):
    """The course of a storm: when clients are back (seconds, sorted; inf if never), and attempts.

    `attempts_peak_per_s` is the highest rate of attempts over a second.
    """

    back_s: tuple[float, ...]
    attempts: int
    attempts_peak_per_s: float

    def until(self, share: float) -> float:
        """Return the time until a share of the lost clients is back."""
        return self.back_s[max(0, math.ceil(share * len(self.back_s)) - 1)]


def simulate(storm: Storm, *, seed: int = _SEED, clients_max: int = CLIENTS_MAX) -> Course:
    """Return the course of a storm."""
    clients = max(1, min(clients_max, round(storm.lost)))
    scale = max(storm.lost, 1.0) / clients
    if storm.served_per_s <= 0:
        return Course((math.inf,) * clients, 0, 0.0)
    run = _Run(storm, clients, scale / storm.served_per_s, seed)
    back = run.run()
    return Course(tuple(sorted(back)), run.attempts, run.peak() * scale)


class _Run:
    """One simulation, as a queue of the clients' next attempts."""

    def __init__(self, storm: Storm, clients: int, service_s: float, seed: int) -> None:
        self._storm = storm
        self._rng = Random(seed)
        self._service_s = service_s
        self._free_s = 0.0  # when the server has served everything in its queue
        self._per_second: dict[int, int] = {}
        self.attempts = 0
        self._waits = [Backoff(self._rng, SESSION_BASE_MS, SESSION_CAP_MS) for _ in range(clients)]
        self._next: list[tuple[float, int]] = []
        for client in range(clients):
            self._again(self._rng.uniform(*storm.detection_s), client)

    def run(self) -> list[float]:
        """Return when each client is back."""
        heapq.heapify(self._next)
        back = [math.inf] * len(self._waits)
        while self._next:
            at_s, client = heapq.heappop(self._next)
            if at_s > GIVEN_UP_S:
                break
            self.attempts += 1
            self._per_second[int(at_s)] = self._per_second.get(int(at_s), 0) + 1
            accepted, ends_s = self._attempt(at_s)
            if accepted:
                back[client] = ends_s
            else:
                self._again(ends_s, client)
        return back

    def peak(self) -> float:
        """Return the highest number of attempts in a second."""
        return float(max(self._per_second.values(), default=0))

    def _attempt(self, at_s: float) -> tuple[bool, float]:
        """Return whether an attempt is accepted, and when it ends."""
        storm, gives_up_s = self._storm, at_s + CONNECT_TIMEOUT_NS / NS_PER_S
        if at_s < storm.reroute_s and self._rng.random() < storm.lost_share:
            return False, at_s + storm.delay_s if storm.refused else gives_up_s
        served_s = max(at_s, self._free_s) + self._service_s
        if served_s + storm.delay_s > gives_up_s:
            return False, gives_up_s
        self._free_s = served_s
        return True, served_s + storm.delay_s

    def _again(self, failed_s: float, client: int) -> None:
        heapq.heappush(self._next, (failed_s + self._waits[client].next_ns() / NS_PER_S, client))
