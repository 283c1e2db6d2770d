"""queue-delete: the broker deletes the queues of edges, with all that is in them."""

from typing import ClassVar, Protocol

import redis

from gauntlet.chaos.clients.cluster_control import Component
from gauntlet.chaos.clients.rabbitmqctl import evaluate, integers
from gauntlet.chaos.faults._broker import broker_of, redis_client, uses_redis
from gauntlet.chaos.faults.base import VERIFY_S, Evidence, poll
from gauntlet.chaos.faults.context import Context
from gauntlet.chaos.faults.victims import COUNT_OR_PERCENT, VICTIM_PARAMS, choose
from gauntlet.core.errors import RollbackError, StackError
from gauntlet.core.plugins import FaultKind
from gauntlet.core.scenario.model import Fault as Spec

# A queue is named `edges.NAME.EPOCH`, and its edge declares it again under the same name.
_QUEUES = (
    "Queues = [Q || Q <- rabbit_amqqueue:list(), lists:any(fun(Edge) -> lists:prefix(Edge, "
    "binary_to_list(element(4, amqqueue:get_name(Q)))) end, [{edges}])]"
)
# Another queue of that name has another process.
_DELETE = (
    "{queues}, Pids = [amqqueue:get_pid(Q) || Q <- Queues], "
    '[rabbit_amqqueue:delete(Q, false, false, <<"fault">>) || Q <- Queues], '
    "timer:sleep(100), "
    "{{length(Pids), length([left || Pid <- Pids, is_process_alive(Pid)])}}."
)
_COUNT = "{queues}, {{length(Queues)}}."


class QueueDelete:
    """Deletes queues once. The edges must notice it, declare them again and repair from SQL."""

    kind: ClassVar[FaultKind] = FaultKind(
        "queue-delete",
        "deletes the queues of edges on the broker, with all messages in them",
        targets=("edge",),
        params=VICTIM_PARAMS,
        exclusive=COUNT_OR_PERCENT,
        own_end=True,
    )

    def __init__(self, spec: Spec) -> None:
        self._spec = spec
        self._queues: _Queues | None = None
        self._edges: list[str] = []
        self._deleted = self._left = 0

    def inject(self, context: Context) -> Evidence:
        """Delete them; an exclusive queue, which no client could delete, on the node itself."""
        self._edges = sorted(choose(context, self._spec))
        broker = broker_of(context)
        if uses_redis(context, broker):
            self._queues = _RedisQueues(context, broker, self._edges)
        else:
            self._queues = _RabbitMqQueues(broker, self._edges)
        self._deleted, self._left = self._queues.delete()
        return {"components": self._edges}

    def prove(self, context: Context) -> Evidence:
        """There was a queue of each edge, and the broker has none of them any more."""
        if self._deleted >= len(self._edges) > 0 and not self._left:
            return {"deleted": self._deleted, "left": self._left}
        return {}

    def heal(self, context: Context) -> Evidence:
        """Do nothing: the edges declare their queues again."""
        if self._queues is None or (self._deleted >= len(self._edges) and not self._left):
            return {}
        return {"unproven": {"deleted": self._deleted, "left": self._left}}

    def verify(self, context: Context) -> Evidence:
        """Every edge that still runs has a queue again."""
        running = context.running(self._spec.target) if self._queues else {}
        expected = len(set(self._edges) & set(running))
        if self._queues is None or not expected:
            return {}
        queues = self._queues.count_at_least(expected)
        if queues < expected:
            raise RollbackError(
                f"after {VERIFY_S:.0f} s there are {queues} queues for {expected} edges"
            )
        return {"queues": queues}


class _Queues(Protocol):
    def delete(self) -> tuple[int, int]:
        """Return how many queues there were, and how many of them are left."""

    def count_at_least(self, expected: int) -> int:
        """Wait until there are as many queues; return how many there are."""


class _RedisQueues:
    def __init__(self, context: Context, broker: Component, edges: list[str]) -> None:
        self._client = redis_client(context, broker)
        self._edges = edges

    def delete(self) -> tuple[int, int]:
        try:
            names = self._names()
            with self._client.pipeline(transaction=True) as transaction:
                transaction.delete(*names) if names else None
                transaction.exists(*names) if names else None
                return tuple(transaction.execute()) if names else (0, 0)
        except redis.RedisError as error:
            raise StackError(f"the broker: {error}") from error

    def count_at_least(self, expected: int) -> int:
        found = [0]

        def enough() -> bool | None:
            found[0] = len(self._names())
            return found[0] >= expected or None

        poll(enough, VERIFY_S)
        return found[0]

    def _names(self) -> list[bytes]:
        found = (self._client.scan_iter(f"edges.{edge}.*", count=1_000) for edge in self._edges)
        return [name for each in found for name in each]


class _RabbitMqQueues:
    def __init__(self, broker: Component, edges: list[str]) -> None:
        self._pid = broker.pid
        self._queues = _QUEUES.format(edges=", ".join(f'"edges.{edge}."' for edge in edges))

    def delete(self) -> tuple[int, int]:
        deleted, left = integers(evaluate(self._pid, _DELETE.format(queues=self._queues)))
        return deleted, left

    def count_at_least(self, expected: int) -> int:
        def enough() -> int | None:
            found.append(integers(evaluate(self._pid, _COUNT.format(queues=self._queues)))[0])
            return found[-1] if found[-1] >= expected else None

        found: list[int] = [0]
        poll(enough, VERIFY_S)
        return found[-1]
