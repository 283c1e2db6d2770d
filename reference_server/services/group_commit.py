"""Group commit: many sends share one transaction, a lone one waits for nobody.

The method is old (DeWitt et al., "Implementation Techniques for Main Memory Database Systems",
1984): while one transaction commits, the wishes that arrive gather, and go together as the next.
"""

import asyncio
import logging
from collections import deque
from collections.abc import Callable, Sequence
from typing import NamedTuple, Protocol

from gauntlet.reference_server.store.base import Append, Outcome, StoreDown, StoreError

log = logging.getLogger(__name__)


class Committer(Protocol):
    """The part of a message store that is used here."""

    @property
    def writers(self) -> int:
        """How many transactions may run at the same time."""
        ...

    async def append(self, batch: Sequence[Append]) -> list[Outcome]:
        """One transaction; StoreError, StoreDown, StoreUncertain."""
        ...


class _Pending(NamedTuple):
    wish: Append
    outcome: asyncio.Future[Outcome]
    since: float


class GroupCommit:
    """Gathers wishes into transactions of at most `rows_max`, in the order of arrival.

    A transaction starts at once when none runs. While others run, one more may start beside them
    (if the store takes several) as soon as a wish has waited `wait_ms` or a batch is full.
    `committed` hears of every transaction after its senders do.
    """

    def __init__(
        self,
        store: Committer,
        rows_max: int,
        wait_ms: int,
        committed: Callable[[list[Outcome]], None],
    ) -> None:
        self._store = store
        self._committed = committed
        self._rows_max = rows_max
        self._wait_s = wait_ms / 1000
        self._pending: deque[_Pending] = deque()
        self._running: set[asyncio.Task[None]] = set()
        self._timer: asyncio.TimerHandle | None = None

    async def submit(self, wish: Append) -> Outcome:
        """The outcome, once committed; StoreError, StoreDown or StoreUncertain."""
        loop = asyncio.get_running_loop()
        pending = _Pending(wish, loop.create_future(), loop.time())
        self._pending.append(pending)
        self._start()
        return await pending.outcome

    async def close(self) -> None:
        """Finish what was submitted."""
        while self._running:
            await asyncio.wait(self._running)

    def _start(self) -> None:
        """Start the next transaction if its time has come, else see to it that it does."""
        while self._pending and len(self._running) < self._store.writers:
            wait_s = self._pending[0].since + self._wait_s - asyncio.get_running_loop().time()
            if self._running and len(self._pending) < self._rows_max and wait_s > 0:
                if self._timer is None:
                    self._timer = asyncio.get_running_loop().call_later(wait_s, self._woken)
                return
            size = range(min(len(self._pending), self._rows_max))
            batch = [self._pending.popleft() for _ in size]
            task = asyncio.create_task(self._commit(batch))
            self._running.add(task)
            task.add_done_callback(self._finished)

    def _woken(self) -> None:
        self._timer = None
        self._start()

    def _finished(self, task: asyncio.Task[None]) -> None:
        self._running.discard(task)
        self._start()

    async def _commit(self, batch: list[_Pending], behind: Sequence[_Pending] = ()) -> None:
        try:
            outcomes = await self._store.append([each.wish for each in batch])
        except StoreDown as error:
            # Whoever waits behind would only wait for the same time-out.
            _fail([*batch, *behind, *self._pending], error)
            self._pending.clear()
        except StoreError as error:
            if len(batch) == 1:
                _fail(batch, error)
            else:
                await self._one_by_one(batch)
        except Exception as error:  # noqa: BLE001 - StoreUncertain, or a defect: as unknown
            _fail(batch, error)
        else:
            for each, outcome in zip(batch, outcomes, strict=True):
                if not each.outcome.done():
                    each.outcome.set_result(outcome)
            self._committed(outcomes)

    async def _one_by_one(self, batch: list[_Pending]) -> None:
        """One bad row must not fail its neighbours."""
        for number, each in enumerate(batch, start=1):
            if not each.outcome.done():  # a database that went down has failed the rest
                await self._commit([each], behind=batch[number:])


def _fail(batch: list[_Pending], error: Exception) -> None:
    log.warning("%d sends failed: %r, caused by %r", len(batch), error, error.__cause__)
    for each in batch:
        if not each.outcome.done():
            each.outcome.set_exception(error)
