"""connection-churn: the broker closes the connections of all its clients, again and again."""

from typing import ClassVar, Protocol

import psutil
import redis

from gauntlet.chaos.clients.cluster_control import Component
from gauntlet.chaos.clients.rabbitmqctl import evaluate, integers
from gauntlet.chaos.faults._broker import broker_of, redis_client, uses_redis
from gauntlet.chaos.faults._repetition import Repetition
from gauntlet.chaos.faults.base import Evidence, param
from gauntlet.chaos.faults.context import Context
from gauntlet.core.errors import StackError
from gauntlet.core.plugins import FaultKind, Param
from gauntlet.core.scenario.model import Fault as Spec

_NODE_MARGIN_MS = 30_000  # after which the node itself ends the churn of a run that has died
# A process in the node closes connections, because every call of the tool takes seconds.
_START = """
Close = fun() -> Pids = rabbit_networking:connections(),
    [catch rabbit_networking:close_connection(Pid, "fault") || Pid <- Pids], Pids end,
First = Close(),
Loop = fun Loop(Until, Closed) ->
    receive {{total, From}} -> From ! {{closed, Closed}}, Loop(Until, Closed);
            {{stop, From}} -> From ! {{closed, Closed}}
    after {every_ms} ->
        case erlang:monotonic_time(millisecond) < Until of
            true -> Loop(Until, Closed + length(Close()));
            false -> receive {{_, From}} -> From ! {{closed, Closed}} end
        end
    end
end,
Until = erlang:monotonic_time(millisecond) + {lasts_ms},
spawn(fun() -> group_leader(whereis(init), self()), register(gauntlet_churn, self()),
    Loop(Until, length(First)) end),
timer:sleep(300),
{{length(First), length([open || Pid <- First, is_process_alive(Pid)])}}.
"""
_STOP = """
case whereis(gauntlet_churn) of
    undefined -> {0};
    Pid -> Pid ! {stop, self()}, receive {closed, Closed} -> {Closed} after 5000 -> {-1} end
end.
"""


class ConnectionChurn:
    """Closes every connection at once, and those that replaced them after each `every`."""

    kind: ClassVar[FaultKind] = FaultKind(
        "connection-churn",
        "closes the connections of all clients of the broker, again and again",
        targets=("broker",),
        params={"every": Param("duration", "1s", "time between two rounds", positive=True)},
        lasts=True,
    )

    def __init__(self, spec: Spec) -> None:
        self._every_s: float = param(spec, "every")
        self._lasts_s = float(spec.for_)
        self._churn: _Churn | None = None
        self._first = self._open = 0

    def inject(self, context: Context) -> Evidence:
        """Close the connections once, and begin to repeat it."""
        broker = broker_of(context)
        if uses_redis(context, broker):
            self._churn = _RedisChurn(context, broker, self._every_s)
        else:
            self._churn = _RabbitMqChurn(broker, self._every_s, self._lasts_s)
        self._first, self._open = self._churn.start()
        return {"components": [broker.name]}

    def prove(self, context: Context) -> Evidence:
        """At least one connection was closed in the first round, and none of those is open."""
        return self._observed() if self._first and not self._open else {}

    def heal(self, context: Context) -> Evidence:
        """Repeat it no more; return how many connections were closed in all rounds."""
        if self._churn is None:
            return {}
        detail: Evidence = {"closed": self._churn.stop()}
        if not self._first or self._open:
            detail["unproven"] = self._observed()
        return detail

    def verify(self, context: Context) -> Evidence:
        """Nothing closes connections any more; clients connect again by themselves."""
        if self._churn is None:
            return {}
        self._churn.stop()
        return {"churn": "ended"}

    def _observed(self) -> Evidence:
        return {"closed": self._first, "still_open": self._open}


class _Churn(Protocol):
    def start(self) -> tuple[int, int]:
        """Return how many connections the first round closed, and how many are open even so."""

    def stop(self) -> int:
        """End it; return how many connections were closed. May be called again."""


class _RedisChurn:
    def __init__(self, context: Context, broker: Component, every_s: float) -> None:
        self._client = redis_client(context, broker, retries=0)  # the next round follows anyway
        self._repetition = Repetition(every_s, self._close)
        self._closed = 0

    def start(self) -> tuple[int, int]:
        before = self._ids()
        self._close()
        left = before & self._ids()
        self._repetition.start()
        return len(before), len(left)

    def stop(self) -> int:
        self._repetition.stop()
        return self._closed

    def _close(self) -> None:
        try:
            self._closed += int(self._client.client_kill_filter(_type="normal", skipme=True))
        except redis.RedisError as error:
            raise StackError(f"the broker: {error}") from error

    def _ids(self) -> set[str]:
        """Return the ids of all connections but our own."""
        own = str(self._client.client_id())
        return {row["id"] for row in self._client.client_list(_type="normal")} - {own}


class _RabbitMqChurn:
    def __init__(self, broker: Component, every_s: float, lasts_s: float) -> None:
        self._pid = broker.pid
        every_ms, lasts_ms = round(every_s * 1000), round(lasts_s * 1000) + _NODE_MARGIN_MS
        self._start = _START.format(every_ms=every_ms, lasts_ms=lasts_ms)
        self._closed = 0

    def start(self) -> tuple[int, int]:
        first, left = integers(evaluate(self._pid, self._start))
        return first, left

    def stop(self) -> int:
        # A node that was restarted has no such process.
        if self._pid is not None and psutil.pid_exists(self._pid):
            (closed,) = integers(evaluate(self._pid, _STOP))
            if closed < 0:
                raise StackError("the broker did not end the churn")
            self._closed = max(self._closed, closed)
        return self._closed
