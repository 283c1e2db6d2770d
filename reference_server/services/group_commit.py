"""Group commit: many sends share one transaction, and a lone send is committed without delay.

The method is described by DeWitt et al., "Implementation Techniques for Main Memory Database
Systems", 1984: requests that arrive while a transaction commits are collected and form the next
transaction.
"""

import asyncio
import logging
import time
from collections import deque
from collections.abc import Callable, Sequence
from typing import NamedTuple, Protocol

from gauntlet.reference_server.store.base import AppendRequest, Outcome, StoreDown, StoreError

log = logging.getLogger(__name__)


class Committer(Protocol):
    """The part of a message store that group commit uses."""

    @property
    def writers(self) -> int:
        """How many transactions may run at the same time."""
        ...

    async def append(self, batch: Sequence[AppendRequest]) -> list[Outcome]:
        """Run one transaction; StoreError, StoreDown or StoreUncertain."""
        ...


class _Pending(NamedTuple):
    request: AppendRequest
    outcome: asyncio.Future[Outcome]
    since: float


class GroupCommit:
    """Collects requests into transactions of at most `rows_max`, in the order of arrival.

    A transaction starts immediately if none is running. While others run, one more may start (if
    the store allows several) as soon as a request has waited `wait_ms` or a batch is full.
    `on_commit` is called with the outcomes of every transaction, after its senders are resumed.
    """

    def __init__(
        self,
        store: Committer,
        rows_max: int,
        wait_ms: int,
        on_commit: Callable[[list[Outcome]], None],
    ) -> None:
        self._store = store
        self._on_commit = on_commit
        self._rows_max = rows_max
        self._wait_s = wait_ms / 1000
        self._pending: deque[_Pending] = deque()
        self._running: set[asyncio.Task[None]] = set()
        self._timer: asyncio.TimerHandle | None = None
        # When the last transaction failed; None if it did not.
        self.failed_s: float | None = None

    async def submit(self, request: AppendRequest) -> Outcome:
        """Return the outcome once committed; StoreError, StoreDown or StoreUncertain."""
        loop = asyncio.get_running_loop()
        pending = _Pending(request, loop.create_future(), loop.time())
        self._pending.append(pending)
        self._start_transactions()
        return await pending.outcome

    async def close(self) -> None:
        """Finish everything that was submitted."""
        while self._running:
            await asyncio.wait(self._running)

    def _start_transactions(self) -> None:
        """Start the transactions that are due; otherwise set a timer for the next one."""
        while self._pending and len(self._running) < self._store.writers:
            wait_s = self._pending[0].since + self._wait_s - asyncio.get_running_loop().time()
            if self._running and len(self._pending) < self._rows_max and wait_s > 0:
                if self._timer is None:
                    self._timer = asyncio.get_running_loop().call_later(wait_s, self._on_timer)
                return
            size = range(min(len(self._pending), self._rows_max))
            batch = [self._pending.popleft() for _ in size]
            task = asyncio.create_task(self._commit(batch))
            self._running.add(task)
            task.add_done_callback(self._on_finished)

    def _on_timer(self) -> None:
        self._timer = None
        self._start_transactions()

    def _on_finished(self, task: asyncio.Task[None]) -> None:
        self._running.discard(task)
        self._start_transactions()

    async def _commit(self, batch: list[_Pending], behind: Sequence[_Pending] = ()) -> None:
        try:
            outcomes = await self._store.append([pending.request for pending in batch])
        except StoreDown as error:
            self.failed_s = time.monotonic()
            # Requests that wait behind this one would only wait for the same time-out.
            _fail([*batch, *behind, *self._pending], error)
            self._pending.clear()
        except StoreError as error:
            if len(batch) == 1:
                self.failed_s = time.monotonic()
                _fail(batch, error)
            else:
                await self._commit_one_by_one(batch)
        except Exception as error:  # noqa: BLE001 - StoreUncertain or a defect: outcome unknown
            self.failed_s = time.monotonic()
            _fail(batch, error)
        else:
            self.failed_s = None
            for pending, outcome in zip(batch, outcomes, strict=True):
                if not pending.outcome.done():
                    pending.outcome.set_result(outcome)
            self._on_commit(outcomes)

    async def _commit_one_by_one(self, batch: list[_Pending]) -> None:
        """Commit each row alone, so that a bad row does not fail the others."""
        for number, pending in enumerate(batch, start=1):
            if not pending.outcome.done():  # done if the database went down at an earlier row
                await self._commit([pending], behind=batch[number:])


def _fail(batch: list[_Pending], error: Exception) -> None:
    log.warning("%d sends failed: %r, caused by %r", len(batch), error, error.__cause__)
    for pending in batch:
        if not pending.outcome.done():
            pending.outcome.set_exception(error)
