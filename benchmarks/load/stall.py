"""The accuracy of percentiles when the server stops: the echo is stopped for a known time."""

import time
from typing import NamedTuple, TypeVar

from benchmarks.load import ours, rivals, truth
from benchmarks.load.options import Options
from benchmarks.load.target import Target, echo
from benchmarks.peers import PEERS
from benchmarks.peers.reports import Claimed
from benchmarks.progress import say
from benchmarks.table import Row

CONNECTIONS = 20
PACE_S = 0.01  # 2,000 messages per second, a few percent of what the echo can do
STOP_S = 2.0
TOTAL_S = 20.0
BEFORE_S = 5.0
WITHIN_PERCENT = 2.0
PLANNED = round(CONNECTIONS * TOTAL_S / PACE_S)


class _Run(NamedTuple):
    """How long the echo was stopped, and the percentiles that a generator reported."""

    stopped_s: float
    claimed: Claimed

    @property
    def order(self) -> float:
        """The value by which the median run is chosen."""
        return self.claimed.p99_ms

    @property
    def errors(self) -> tuple[float, float]:
        """The errors of p99 and p99.9, in percent of the true value."""
        p99_ms, p999_ms = _true_ms(self.stopped_s)
        return (
            truth.error_percent(self.claimed.p99_ms, p99_ms),
            truth.error_percent(self.claimed.p999_ms, p999_ms),
        )

    def __str__(self) -> str:
        (true99_ms, true999_ms), (error99, error999) = _true_ms(self.stopped_s), self.errors
        return (
            f"p99 {self.claimed.p99_ms:.0f} ms ({error99:+.1f} %), p99.9 "
            f"{self.claimed.p999_ms:.0f} ms ({error999:+.1f} %); true: {true99_ms:.0f} and "
            f"{true999_ms:.0f}; {self.claimed.samples} samples of {PLANNED} planned"
        )


class _Silent(NamedTuple):
    """The same for a generator that records no latency: the messages that the echo counted."""

    stopped_s: float
    sent: int

    @property
    def order(self) -> float:
        """The value by which the median run is chosen."""
        return self.sent

    def __str__(self) -> str:
        true99_ms, true999_ms = _true_ms(self.stopped_s)
        return (
            f"no latency of a message is recorded; true: {true99_ms:.0f} and {true999_ms:.0f}; "
            f"{self.sent} sent of {PLANNED} planned"
        )


_Kind = TypeVar("_Kind", bound=_Run | _Silent)


def _true_ms(stopped_s: float) -> tuple[float, float]:
    """Return the analytic p99 and p99.9."""
    p99_s, p999_s = (truth.percentile_s(share, stopped_s, TOTAL_S) for share in (0.99, 0.999))
    return 1e3 * p99_s, 1e3 * p999_s


def rows(options: Options) -> list[Row]:
    """Return the median run of Gauntlet and of every installed peer that keeps statistics."""
    peers = {name: peer for name, peer in rivals.present(options.peers).items() if not peer.bare}
    ours_runs: list[_Run] = []
    their_runs: dict[str, list[_Run | _Silent]] = {name: [] for name in peers}
    broken: dict[str, str] = {}
    with echo() as target:
        for _ in range(options.repeats):
            ours_runs.append(_of_ours(options, target))
            say(f"  stall: ours {ours_runs[-1]}")
            for name in peers:
                try:
                    their_runs[name].append(_of_peer(name, target))
                except (RuntimeError, OSError, LookupError, ValueError) as error:
                    broken[name] = f"did not finish: {error}"
                    continue
                say(f"  stall: {name} {their_runs[name][-1]}")
    middle = _middle(ours_runs)
    found = [
        Row(
            "stall",
            f"ours, echo stopped for {STOP_S:.0f} s",
            str(middle),
            f"within {WITHIN_PERCENT:.0f} %",
            met=max(map(abs, middle.errors)) <= WITHIN_PERCENT,
        )
    ]
    for name, peer in peers.items():
        result = broken.get(name) or str(_middle(their_runs[name]))
        found.append(Row("stall", f"{peer.name}, the same", result))
    return found


def _middle(runs: list[_Kind]) -> _Kind:
    return sorted(runs, key=lambda run: run.order)[len(runs) // 2]


def _of_ours(options: Options, target: Target) -> _Run:
    plan = ours.Plan(
        (target.url,), CONNECTIONS, CONNECTIONS / PACE_S, TOTAL_S, through=options.through
    )
    with ours.load(plan) as load:
        load.wait_for("steady", ours.BOOT_S)
        stopped_s = _stop(target)
        load.finish()
        response = load.histogram("response")
        p99_ms, p999_ms = (response.percentile_ms(share) or 0.0 for share in (0.99, 0.999))
        return _Run(stopped_s, Claimed(p99_ms, p999_ms, response.total))


def _of_peer(name: str, target: Target) -> _Run | _Silent:
    claims = PEERS[name].claims
    with rivals.rival(PEERS[name], target, CONNECTIONS, PACE_S, TOTAL_S, claims=True) as running:
        running.wait_connected(target)
        began_s, before = time.monotonic(), target.count().messages
        stopped_s = _stop(target)
        if claims is None:  # its end need not be awaited
            time.sleep(max(0.0, began_s + TOTAL_S - time.monotonic()))
            return _Silent(stopped_s, target.count().messages - before)
        running.finish()
        return _Run(stopped_s, claims(running.case.folder))


def _stop(target: Target) -> float:
    """Stop the echo for `STOP_S` and return for how many seconds it was stopped."""
    time.sleep(BEFORE_S)
    with target.stopped() as began_s:
        time.sleep(STOP_S)
    return time.monotonic() - began_s
