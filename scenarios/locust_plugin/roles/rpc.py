"""Between master and workers, over Locust's own messages: the master asks, a worker answers.

Every answer says when the worker heard the question and when it answered, so that each is also an
exchange by which clocks can be compared (`clock_sync`). What a worker says unasked is
a `TELL`. Locust's messages come in order, and not at all where the other side is gone.
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

ASK = "gauntlet-ask"
ANSWER = "gauntlet-answer"
TELL = "gauntlet-tell"
_POLL_S = 0.1
_TELL_TIMEOUT_S = 1.0

Data = dict[str, Any]
log = logging.getLogger(__name__)


class NoAnswerError(GauntletError):
    """A worker did not answer in time, or is gone."""


class WorkerError(GauntletError):
    """A worker could not do as it was asked; its sentence, and its exit code."""

    def __init__(self, message: str, exit_code: Exit) -> None:
        super().__init__(message)
        self.exit_code = exit_code


class Answer(NamedTuple):
    """What a worker answered, and the times of the exchange."""

    data: Data
    exchange: Exchange


class Asker:
    """The master's side."""

    def __init__(self, runner: MasterRunner) -> None:
        self._runner = runner
        self._numbers = itertools.count(1)
        self._waiting: dict[int, AsyncResult] = {}
        runner.register_message(ANSWER, self._on_answer)

    def ask(
        self,
        client: str,
        what: str,
        data: Data | None = None,
        *,
        within_s: float,
        gone: Callable[[], bool] = lambda: False,
    ) -> Answer:
        """A worker's answer; NoAnswerError without one in time, or where the worker is `gone`."""
        number = next(self._numbers)
        waiting = self._waiting[number] = AsyncResult()
        asked_ns = clock.now_ns()
        question = {"number": number, "what": what, "data": data or {}}
        self._runner.send_message(ASK, question, client)
        until_ns = asked_ns + int(within_s * clock.NS_PER_S)
        try:
            while not waiting.wait(_POLL_S) and clock.now_ns() < until_ns and not gone():
                pass
        finally:
            del self._waiting[number]
        if not waiting.ready():
            raise NoAnswerError("it does not answer")
        reply, back_ns = waiting.value
        if "error" in reply["data"]:
            raise WorkerError(reply["data"]["error"], Exit(reply["data"]["exit_code"]))
        times = Exchange(asked_ns, reply["heard_ns"], reply["answered_ns"], back_ns)
        return Answer(reply["data"], times)

    def tell(self, client: str, what: str, data: Data | None = None) -> None:
        """Ask for something that need not succeed."""
        with contextlib.suppress(GauntletError):
            self.ask(client, what, data, within_s=_TELL_TIMEOUT_S)

    def _on_answer(self, environment: Environment, msg: Any, **_: Any) -> None:
        waiting = self._waiting.get(msg.data["number"])
        if waiting is not None:
            waiting.set((msg.data, clock.now_ns()))


class Answerer:
    """A worker's side: a function for each thing that it can be asked."""

    def __init__(self, runner: WorkerRunner, answers: Mapping[str, Callable[[Data], Data]]) -> None:
        self._runner = runner
        self._answers = answers
        # Concurrent: an answer may take its time, and Locust reads nothing else meanwhile.
        runner.register_message(ASK, self._on_ask, concurrent=True)

    def tell(self, what: str, data: Data) -> None:
        """Say something unasked."""
        self._runner.send_message(TELL, {"what": what, "data": data})

    def _on_ask(self, environment: Environment, msg: Any, **_: Any) -> None:
        heard_ns = clock.now_ns()
        data = self._answer(msg.data["what"], msg.data["data"])
        reply = {"number": msg.data["number"], "data": data, "heard_ns": heard_ns}
        self._runner.send_message(ANSWER, {**reply, "answered_ns": clock.now_ns()})

    def _answer(self, what: str, data: Data) -> Data:
        try:
            return self._answers[what](data)
        except GauntletError as error:
            return {"error": str(error), "exit_code": int(error.exit_code)}
        except Exception as error:
            log.exception("a worker could not answer %s", what)
            return {"error": repr(error), "exit_code": int(Exit.HARNESS)}
