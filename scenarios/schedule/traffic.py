"""The traffic of one worker: its users, its conversations and its ops, all from one seed. Pure.

Numbers are unique over workers: `worker * 1_000_000 + running number`, from 1.
"""

import bisect
import itertools
import random
from collections.abc import Callable, Iterator
from typing import Any

from gauntlet.core.clock import NS_PER_S
from gauntlet.core.run_directory import NUMBERS_PER_WORKER
from gauntlet.core.scenario import catalog, rate_profiles
from gauntlet.core.scenario.arrival_trace import Trace
from gauntlet.core.scenario.capabilities import FOR_DEVICES
from gauntlet.core.scenario.model import Scenario
from gauntlet.scenarios.schedule.arrivals import SCHEDULES, Stripe, Surge, surged
from gauntlet.scenarios.workloads import WORKLOADS
from gauntlet.scenarios.workloads.entities import (
    Conversation,
    OfflinePeriod,
    Op,
    PlannedConversation,
    RoomAbsence,
    Scope,
    User,
    device_keys,
)

_PICKS = 64


class Directory:
    """A worker's conversations by name. Two workloads that wish the same one share it."""

    def __init__(self, worker: int) -> None:
        self._first = worker * NUMBERS_PER_WORKER + 1
        self.by_name: dict[str, Conversation] = {}

    def settle(self, workload: str, planned: list[PlannedConversation]) -> list[Conversation]:
        """The conversations that a workload planned, new ones numbered in order."""
        for plan in planned:
            if plan.name not in self.by_name:
                number = self._first + len(self.by_name)
                self.by_name[plan.name] = Conversation(number, plan.name, workload, plan.members)
        return [self.by_name[plan.name] for plan in planned]


def users_per_worker(worker: int, workers: int, users: int) -> int:
    """How many of a run's users a worker plans for: an even share, rounded up."""
    return -(-users // workers) if users > worker else 0


def make_users(worker: int, count: int, tag: str = "") -> tuple[User, ...]:
    """A worker's users, one a slot."""
    base = worker * NUMBERS_PER_WORKER + 1
    return tuple(User(base + slot, f"u{tag}{worker}-{slot}") for slot in range(count))


class Traffic:
    """What a worker's users are going to do: the same seed gives the same ops.

    A `tag` is a part of all names, so that users and conversations are this run's alone.
    """

    def __init__(
        self, scenario: Scenario, stripe: Stripe, trace: Trace | None = None, tag: str = ""
    ) -> None:
        load = scenario.load
        self._scenario, self._stripe, self._trace = scenario, stripe, trace
        slots = users_per_worker(stripe.worker, stripe.workers, load.users)
        self.users = make_users(stripe.worker, slots, tag)
        scope = Scope(
            stripe.worker, self.users, int(load.ramp * NS_PER_S), int(load.steady * NS_PER_S), tag
        )
        directory = self._directory = Directory(stripe.worker)
        self._choices: list[list[Conversation]] = []
        weights: list[float] = []
        self.offline_periods: list[OfflinePeriod] = []
        self.room_absences: list[RoomAbsence] = []
        self.needs: set[str] = set(FOR_DEVICES) if load.devices > 1 else set()
        for name, share in sorted(load.shares().items()):
            rng = random.Random(f"plan/{scenario.seed}/{stripe.worker}/{name}")
            workload = WORKLOADS[name](scope, share, rng)
            settled = directory.settle(name, workload.conversations())
            if settled:
                self._choices.append(settled)
                weights.append(share.weight)
            self.offline_periods += workload.offline_periods()
            self.room_absences += workload.room_absences()
            self.needs |= set(workload.kind.needs)
        self.conversations = directory.by_name
        self._rng = random.Random(f"ops/{scenario.seed}/{stripe.worker}")
        self._bounds = list(itertools.accumulate(weights))
        self._sseqs: dict[int, int] = {}  # by conversation and author: the last one's number
        self._away = _Away(self.offline_periods)

    def offsets(self) -> Iterator[int]:
        """The intended times of this worker's ops, in nanoseconds from the start of arrivals."""
        load = self._scenario.load
        if load.model == "closed":
            return iter(())
        profile = surged(rate_profiles.pieces(load, self._trace), _surges(self._scenario))
        return SCHEDULES[load.arrivals](profile, self._stripe, self._scenario.seed)

    def bounds(self) -> tuple[int, int]:
        """How many sends may wait in one queue, and be under way at this worker."""
        load = self._scenario.load
        return load.queue_max, -(-load.backlog_max // self._stripe.workers)

    def draw(self, offset_ns: int, ready: Callable[[Conversation], bool]) -> Op | None:
        """The op of the next offset; offsets are drawn for in order.

        A conversation that is not `ready` is drawn again; where nothing is ready, nothing is sent.
        With everything ready the sequence depends on the seed alone.
        """
        away = self._away.at(offset_ns + int(self._scenario.load.ramp * NS_PER_S))
        for _ in range(_PICKS if self._choices else 0):
            conv, author = self._pick()
            if author not in away and ready(conv):
                return self.op(offset_ns, conv, author)
        return None

    def op(self, offset_ns: int, conv: Conversation, author: int) -> Op:
        """An author's next op in a conversation."""
        key = conv.number << 32 | author
        sseq = self._sseqs[key] = self._sseqs.get(key, 0) + 1
        return Op(offset_ns, conv, author, sseq)

    def sender(self, op: Op) -> int:
        """The device key that an op is sent from: an author's devices take turns."""
        devices = self._scenario.load.devices
        return op.author if devices == 1 else device_keys((op.author,), devices)[op.sseq % devices]

    def settle(self, workload: str, planned: list[PlannedConversation]) -> list[Conversation]:
        """More conversations than were planned."""
        return self._directory.settle(workload, planned)

    def _pick(self) -> tuple[Conversation, int]:
        """A workload by weight, then any of its conversations, then any of its members.

        By `random()` alone: `choice` and `choices` cost four times as much, for every op.
        """
        draw, choices = self._rng.random, self._choices
        at = 0
        if len(choices) > 1:
            at = bisect.bisect(self._bounds, draw() * self._bounds[-1], 0, len(choices) - 1)
        convs = choices[at]
        conv = convs[int(draw() * len(convs))]
        return conv, conv.members[int(draw() * len(conv.members))]


def _surges(scenario: Scenario) -> Iterator[Surge]:
    """The surges among the faults, counted from the start of the arrivals."""
    default = catalog.FAULTS["surge"].params["factor"].default
    for fault in scenario.faults:
        if fault.kind == "surge":
            start_s, end_s = fault.at - scenario.load.ramp, fault.ends_s - scenario.load.ramp
            factor: Any = fault.params.get("factor", default)
            yield Surge(start_s, end_s, factor)


class _Away:
    """Who is offline on purpose at a moment; moments are asked for in order."""

    def __init__(self, offline_periods: list[OfflinePeriod]) -> None:
        moves = [(period.from_ns, 1, period.user) for period in offline_periods]
        moves += [(period.to_ns, -1, period.user) for period in offline_periods]
        self._moves = sorted(moves, reverse=True)
        self._depth: dict[int, int] = {}
        self._users: set[int] = set()

    def at(self, t_ns: int) -> set[int]:
        while self._moves and self._moves[-1][0] <= t_ns:
            _, step, user = self._moves.pop()
            self._depth[user] = self._depth.get(user, 0) + step
            (self._users.add if self._depth[user] > 0 else self._users.discard)(user)
        return self._users
