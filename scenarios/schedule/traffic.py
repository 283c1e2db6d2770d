"""The traffic of one worker: its users, its conversations and its ops, all from one seed.

The module does no I/O and reads no clock. Numbers are unique over all workers of a run:
`worker * 1_000_000 + running number`, from 1.
"""

import bisect
import itertools
import random
from collections.abc import Callable, Iterable, Iterator
from typing import Any

from gauntlet.core.clock import NS_PER_S
from gauntlet.core.run_directory import NUMBERS_PER_WORKER
from gauntlet.core.scenario import catalog, rate_profiles
from gauntlet.core.scenario.accounts import Account, users_per_worker
from gauntlet.core.scenario.capabilities import FOR_DEVICES
from gauntlet.core.scenario.model import Scenario
from gauntlet.core.scenario.traces.arrival_trace import Trace
from gauntlet.scenarios.schedule.arrivals import SCHEDULES, Stripe, Surge, apply_surges
from gauntlet.scenarios.schedule.replay import Replay
from gauntlet.scenarios.workloads import WORKLOADS
from gauntlet.scenarios.workloads.entities import (
    Conversation,
    OfflinePeriod,
    Op,
    PlannedConversation,
    RoomAbsence,
    RoomRemoval,
    Scope,
    User,
    device_keys,
)

# Before a removal and after being added again: a message of a user who is no member is refused.
_SILENCE_NS = NS_PER_S
_DRAWS_MAX = 64  # per op: when hardly anything is ready, drawing on would take too long


def make_users(
    worker: int, count: int, tag: str = "", accounts: tuple[Account, ...] = ()
) -> tuple[User, ...]:
    """Return the users of a worker's slots, each on their first device.

    They have the names of their accounts; without accounts, `u<worker>-<slot>`.
    """
    base = worker * NUMBERS_PER_WORKER + 1
    if accounts:
        return tuple(
            User(base + slot, account.name, credentials=account)
            for slot, account in enumerate(accounts[:count])
        )
    return tuple(User(base + slot, f"u{tag}{worker}-{slot}") for slot in range(count))


class Traffic:
    """Everything that a worker's users are going to do; the same seed gives the same ops.

    `tag` becomes a part of all names, so that users and conversations belong to this run alone.
    """

    def __init__(
        self,
        scenario: Scenario,
        stripe: Stripe,
        trace: Trace | None = None,
        tag: str = "",
        accounts: tuple[Account, ...] = (),
    ) -> None:
        load = scenario.load
        self._scenario, self._stripe, self._trace = scenario, stripe, trace
        user_count = users_per_worker(stripe.worker, stripe.workers, load.users)
        self.users = make_users(stripe.worker, user_count, tag, accounts)
        scope = Scope(
            stripe.worker, self.users, int(load.ramp * NS_PER_S), int(load.steady * NS_PER_S), tag
        )
        self._first_number = stripe.worker * NUMBERS_PER_WORKER + 1
        self.conversations: dict[str, Conversation] = {}
        self._choices: list[list[Conversation]] = []  # by workload
        weights: list[float] = []
        self.offline_periods: list[OfflinePeriod] = []
        self.room_absences: list[RoomAbsence] = []
        self.room_removals: list[RoomRemoval] = []
        self.needs: set[str] = set(FOR_DEVICES) if load.devices > 1 else set()
        for name, share in sorted(load.shares().items()):
            rng = random.Random(f"plan/{scenario.seed}/{stripe.worker}/{name}")
            workload = WORKLOADS[name](scope, share, rng)
            conversations = self.open_conversations(name, workload.conversations())
            if conversations:
                self._choices.append(conversations)
                weights.append(share.weight)
            self.offline_periods += workload.offline_periods()
            self.room_absences += workload.room_absences()
            self.room_removals += workload.room_removals()
            self.needs |= set(workload.kind.needs)
        self._rng = random.Random(f"ops/{scenario.seed}/{stripe.worker}")
        self._cumulative_weights = list(itertools.accumulate(weights))
        self._last_sseqs: dict[int, int] = {}  # by conversation and author
        self._offline = _Absent([(p.from_ns, p.to_ns, p.user) for p in self.offline_periods])
        self._removed = _Absent(
            [
                (
                    each.from_ns - _SILENCE_NS,
                    each.to_ns + _SILENCE_NS,
                    _member_key(self.conversations[each.conv], each.user),
                )
                for each in self.room_removals
            ]
        )
        self._replay: Replay | None = None
        if trace is not None and trace.messages is not None:
            self._replay = Replay(trace.messages, stripe, list(self.conversations.values()))

    def open_conversations(
        self, workload: str, planned: list[PlannedConversation]
    ) -> list[Conversation]:
        """Return the conversations with these names; new ones are numbered in order.

        Two workloads that plan a conversation of the same name share it.
        """
        for plan in planned:
            if plan.name not in self.conversations:
                number = self._first_number + len(self.conversations)
                self.conversations[plan.name] = Conversation(
                    number, plan.name, workload, plan.members
                )
        return [self.conversations[plan.name] for plan in planned]

    def offsets_ns(self) -> Iterator[int]:
        """Yield the intended times of this worker's ops, from the start of the arrivals."""
        load = self._scenario.load
        if load.model == "closed":
            return iter(())
        if self._replay is not None:
            return self._replay.own_times(self._times_ns)
        return self._times_ns(self._stripe)

    def _times_ns(self, stripe: Stripe) -> Iterator[int]:
        load = self._scenario.load
        profile = apply_surges(rate_profiles.pieces(load, self._trace), _surges(self._scenario))
        return SCHEDULES[load.arrivals](profile, stripe, self._scenario.seed)

    def backlog_limits(self) -> tuple[int, int]:
        """Return how many ops may wait in one queue, and be in flight at this worker."""
        load = self._scenario.load
        return load.queue_max, -(-load.backlog_max // self._stripe.workers)

    def draw_op(self, offset_ns: int, ready: Callable[[Conversation], bool]) -> Op | None:
        """Draw the op for the next offset; offsets must be passed in ascending order.

        A conversation that is not `ready` is drawn again; None where nothing can be sent. With
        everything ready, the sequence depends on the seed alone.
        """
        t_ns = offset_ns + int(self._scenario.load.ramp * NS_PER_S)
        offline, removed = self._offline.at(t_ns), self._removed.at(t_ns)

        def may_send(conv: Conversation, author: int) -> bool:
            member = not removed or _member_key(conv, author) not in removed
            return author not in offline and member and ready(conv)

        if self._replay is not None:
            return self._recorded_op(self._replay, offset_ns, may_send)
        return self._drawn_op(offset_ns, may_send)

    def _recorded_op(
        self,
        replay: Replay,
        offset_ns: int,
        may_send: Callable[[Conversation, int], bool],
    ) -> Op | None:
        row = replay.next_row()
        if (sender := replay.sender(row)) is None:
            op = self._drawn_op(offset_ns, may_send)
        elif not may_send(*sender):
            op = None
        else:
            op = self.next_op(offset_ns, *sender)
        if op is None:
            return None
        body_bytes, text = replay.body_of(row)
        return Op(op.offset_ns, op.conv, op.author, op.sseq, body_bytes, text)

    def _drawn_op(self, offset_ns: int, may_send: Callable[[Conversation, int], bool]) -> Op | None:
        for _ in range(_DRAWS_MAX if self._choices else 0):
            conv, author = self._draw_sender()
            if may_send(conv, author):
                return self.next_op(offset_ns, conv, author)
        return None

    def next_op(self, offset_ns: int, conv: Conversation, author: int) -> Op:
        """Return the author's next op in a conversation."""
        key = conv.number << 32 | author
        sseq = self._last_sseqs[key] = self._last_sseqs.get(key, 0) + 1
        return Op(offset_ns, conv, author, sseq)

    def sending_device(self, op: Op) -> int:
        """Return the key of the device that sends an op: an author's devices take turns."""
        devices = self._scenario.load.devices
        return op.author if devices == 1 else device_keys((op.author,), devices)[op.sseq % devices]

    def _draw_sender(self) -> tuple[Conversation, int]:
        """Draw a workload by weight, then any of its conversations, then any of its members.

        Only `random()` is used: `choice` and `choices` cost four times as much, for every op.
        """
        draw, choices = self._rng.random, self._choices
        index = 0
        if len(choices) > 1:
            weights = self._cumulative_weights
            index = bisect.bisect(weights, draw() * weights[-1], 0, len(choices) - 1)
        conversations = choices[index]
        conv = conversations[int(draw() * len(conversations))]
        return conv, conv.members[int(draw() * len(conv.members))]


def _surges(scenario: Scenario) -> Iterator[Surge]:
    """Yield the surges among the faults, in seconds from the start of the arrivals."""
    default = catalog.FAULTS["surge"].params["factor"].default
    for fault in scenario.faults:
        if fault.kind == "surge":
            start_s, end_s = fault.begins_s - scenario.load.ramp, fault.ends_s - scenario.load.ramp
            factor: Any = fault.params.get("factor", default)
            yield Surge(start_s, end_s, factor)


def _member_key(conv: Conversation, user: int) -> int:
    return conv.number << 32 | user


class _Absent:
    """Who is absent on purpose at a moment; moments must be passed in ascending order.

    A period is (from, to, key).
    """

    def __init__(self, periods: Iterable[tuple[int, int, int]]) -> None:
        changes = [
            change
            for from_ns, to_ns, key in periods
            for change in ((from_ns, 1, key), (to_ns, -1, key))
        ]
        self._changes = sorted(changes, reverse=True)
        self._depth: dict[int, int] = {}  # by key: periods of several workloads may overlap
        self._keys: set[int] = set()

    def at(self, t_ns: int) -> set[int]:
        """Return the keys of those who are absent at `t_ns`."""
        while self._changes and self._changes[-1][0] <= t_ns:
            _, step, key = self._changes.pop()
            self._depth[key] = self._depth.get(key, 0) + step
            (self._keys.add if self._depth[key] > 0 else self._keys.discard)(key)
        return self._keys
