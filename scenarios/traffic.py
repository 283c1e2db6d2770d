"""The traffic of one worker: its users, its conversations and its ops, all from one seed. Pure.

Numbers are unique over workers: `worker * 1_000_000 + running number`, from 1.
"""

import itertools
import random
from collections.abc import Callable, Iterator

from gauntlet.kernel.clock import NS_PER_S
from gauntlet.kernel.scenario import Scenario
from scenarios.arrivals import SCHEDULES, Stripe
from scenarios.plan import Absence, Conversation, Draft, Op, Scope, User
from scenarios.workloads import WORKLOADS

NUMBERS_PER_WORKER = 1_000_000
_PICKS = 64


class Directory:
    """A worker's conversations by name. Two workloads that wish the same one share it."""

    def __init__(self, worker: int) -> None:
        self._first = worker * NUMBERS_PER_WORKER + 1
        self.by_name: dict[str, Conversation] = {}

    def settle(self, workload: str, drafts: list[Draft]) -> list[Conversation]:
        """The conversations of a workload's drafts, new ones numbered in order."""
        for draft in drafts:
            if draft.name not in self.by_name:
                number = self._first + len(self.by_name)
                self.by_name[draft.name] = Conversation(number, draft.name, workload, draft.members)
        return [self.by_name[draft.name] for draft in drafts]


def slots_of(worker: int, workers: int, users: int) -> int:
    """How many of a run's users a worker plans for: an even share, rounded up."""
    return -(-users // workers) if users > worker else 0


def users_of(worker: int, count: int) -> tuple[User, ...]:
    """A worker's users, one a slot."""
    base = worker * NUMBERS_PER_WORKER + 1
    return tuple(User(base + slot, f"u{worker}-{slot}") for slot in range(count))


class Traffic:
    """What a worker's users are going to do: the same seed gives the same ops."""

    def __init__(self, scenario: Scenario, stripe: Stripe, schedule: str = "constant") -> None:
        load = scenario.load
        self._scenario, self._stripe, self._schedule = scenario, stripe, schedule
        slots = slots_of(stripe.worker, stripe.workers, load.users)
        self.users = users_of(stripe.worker, slots)
        scope = Scope(
            stripe.worker, self.users, int(load.ramp * NS_PER_S), int(load.steady * NS_PER_S)
        )
        directory = Directory(stripe.worker)
        self._shares: list[tuple[float, list[Conversation]]] = []
        self.absences: list[Absence] = []
        self.needs: set[str] = set()
        for name, share in sorted(load.shares().items()):
            rng = random.Random(f"plan/{scenario.seed}/{stripe.worker}/{name}")
            workload = WORKLOADS[name](scope, share, rng)
            self._shares.append((share.weight, directory.settle(name, workload.conversations())))
            self.absences += workload.absences()
            self.needs |= workload.needs
        self.conversations = list(directory.by_name.values())

    def ops(self, ready: Callable[[Conversation], bool]) -> Iterator[Op]:
        """The ops in the order of their intended times, drawn while they are asked for.

        A conversation that is not `ready` when its turn comes is drawn again; where nothing is
        ready, nothing is sent. With everything ready the sequence depends on the seed alone.
        """
        load, stripe = self._scenario.load, self._stripe
        rng = random.Random(f"ops/{self._scenario.seed}/{stripe.worker}")
        sseqs: dict[tuple[int, int], Iterator[int]] = {}
        away = _Away(self.absences)
        times = SCHEDULES[self._schedule](load.rate_per_s, load.steady, stripe, self._scenario.seed)
        for offset_ns in times:
            picked = self._pick(rng, ready, away.at(offset_ns + int(load.ramp * NS_PER_S)))
            if picked is not None:
                conv, author = picked
                sseq = sseqs.setdefault((conv.number, author), itertools.count(1))
                yield Op(offset_ns, conv, author, next(sseq))

    def _pick(
        self, rng: random.Random, ready: Callable[[Conversation], bool], away: set[int]
    ) -> tuple[Conversation, int] | None:
        shares = [(weight, convs) for weight, convs in self._shares if convs]
        for _ in range(_PICKS if shares else 0):
            convs = rng.choices([c for _, c in shares], [w for w, _ in shares])[0]
            conv = rng.choice(convs)
            author = rng.choice(conv.members)
            if author not in away and ready(conv):
                return conv, author
        return None


class _Away:
    """Who is offline on purpose at a moment; moments are asked for in order."""

    def __init__(self, absences: list[Absence]) -> None:
        moves = [(absence.from_ns, 1, absence.user) for absence in absences]
        moves += [(absence.to_ns, -1, absence.user) for absence in absences]
        self._moves = sorted(moves, reverse=True)
        self._depth: dict[int, int] = {}
        self._users: set[int] = set()

    def at(self, t_ns: int) -> set[int]:
        while self._moves and self._moves[-1][0] <= t_ns:
            _, step, user = self._moves.pop()
            self._depth[user] = self._depth.get(user, 0) + step
            (self._users.add if self._depth[user] > 0 else self._users.discard)(user)
        return self._users
