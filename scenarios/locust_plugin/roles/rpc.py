"""Remote calls from a master to its workers, over Locust's own messages.

Every answer carries the times at which the worker received the request and answered it, so that
each call is also an exchange by which clocks can be compared (`clock_sync`). What a worker sends
without a request is a notification. Locust delivers messages in order, or not at all if the other
side is gone.
"""

import contextlib
import itertools
import logging
from collections.abc import Callable, Mapping
from typing import Any, NamedTuple

from gevent.event import AsyncResult
from locust.env import Environment
from locust.runners import MasterRunner, WorkerRunner

from gauntlet.core import clock
from gauntlet.core.errors import Exit, GauntletError
from gauntlet.scenarios.distributed.clock_sync import Exchange

# Types of Locust messages.
REQUEST = "gauntlet-ask"
ANSWER = "gauntlet-answer"
NOTIFY = "gauntlet-tell"
_POLL_S = 0.1
_TRY_TIMEOUT_S = 1.0

Data = dict[str, Any]
log = logging.getLogger(__name__)


class NoAnswerError(GauntletError):
    """A worker did not answer in time, or is gone."""


class WorkerError(GauntletError):
    """A worker could not carry out a request; its message and its exit code."""

    def __init__(self, message: str, exit_code: Exit) -> None:
        super().__init__(message)
        self.exit_code = exit_code


class Answer(NamedTuple):
    """A worker's answer, and the times of the exchange."""

    data: Data
    exchange: Exchange


class RpcClient:
    """The master's side: calls functions of workers."""

    def __init__(self, runner: MasterRunner) -> None:
        self._runner = runner
        self._numbers = itertools.count(1)
        self._pending: dict[int, AsyncResult] = {}
        runner.register_message(ANSWER, self._on_answer)

    def call(
        self,
        client_id: str,
        what: str,
        data: Data | None = None,
        *,
        within_s: float,
        is_lost: Callable[[], bool] = lambda: False,
    ) -> Answer:
        """Call the function `what` of a worker and return its answer.

        Raises NoAnswerError if there is none within `within_s` or as soon as `is_lost` returns
        true, and WorkerError if the function fails.
        """
        number = next(self._numbers)
        pending = self._pending[number] = AsyncResult()
        sent_ns = clock.now_ns()
        request = {"number": number, "what": what, "data": data or {}}
        self._runner.send_message(REQUEST, request, client_id)
        deadline_ns = sent_ns + int(within_s * clock.NS_PER_S)
        try:
            while not pending.wait(_POLL_S) and clock.now_ns() < deadline_ns and not is_lost():
                pass
        finally:
            del self._pending[number]
        if not pending.ready():
            raise NoAnswerError("it does not answer")
        answer, received_ns = pending.value
        if "error" in answer["data"]:
            raise WorkerError(answer["data"]["error"], Exit(answer["data"]["exit_code"]))
        exchange = Exchange(sent_ns, answer["heard_ns"], answer["answered_ns"], received_ns)
        return Answer(answer["data"], exchange)

    def try_call(self, client_id: str, what: str, data: Data | None = None) -> None:
        """Call a function whose failure does not matter."""
        with contextlib.suppress(GauntletError):
            self.call(client_id, what, data, within_s=_TRY_TIMEOUT_S)

    def _on_answer(self, environment: Environment, msg: Any, **_: Any) -> None:
        pending = self._pending.get(msg.data["number"])
        if pending is not None:
            pending.set((msg.data, clock.now_ns()))


class RpcServer:
    """A worker's side: the functions that its master can call, by their names."""

    def __init__(
        self, runner: WorkerRunner, functions: Mapping[str, Callable[[Data], Data]]
    ) -> None:
        self._runner = runner
        self._functions = functions
        # Concurrent, because a function may take a while, and Locust reads no other message
        # meanwhile.
        runner.register_message(REQUEST, self._on_request, concurrent=True)

    def notify(self, what: str, data: Data) -> None:
        """Send the master something without a request."""
        self._runner.send_message(NOTIFY, {"what": what, "data": data})

    def _on_request(self, environment: Environment, msg: Any, **_: Any) -> None:
        received_ns = clock.now_ns()
        data = self._call(msg.data["what"], msg.data["data"])
        answer = {"number": msg.data["number"], "data": data, "heard_ns": received_ns}
        self._runner.send_message(ANSWER, {**answer, "answered_ns": clock.now_ns()})

    def _call(self, what: str, data: Data) -> Data:
        try:
            return self._functions[what](data)
        except GauntletError as error:
            return {"error": str(error), "exit_code": int(error.exit_code)}
        except Exception as error:
            log.exception("The request %r of the master failed.", what)
            return {"error": repr(error), "exit_code": int(Exit.HARNESS)}
