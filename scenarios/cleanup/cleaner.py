"""Performs a clean-up: what a codec names, for every user of the run, with bounded concurrency."""

import asyncio
from collections.abc import Callable, Sequence

from gauntlet.scenarios.adapters.base import Adapter, Kept, Removal
from gauntlet.scenarios.cleanup.outcome import Outcome, Status, of_answer
from gauntlet.scenarios.cleanup.run_record import ACCOUNT, Member, RunRecord
from gauntlet.scenarios.cleanup.sessions import CleaningSession, Sessions
from gauntlet.scenarios.metrics import error_log

CONNECTIONS_MAX = 20
# After so many users in a row who could not connect, with none who could, the others are not tried.
_REFUSALS_MAX = CONNECTIONS_MAX
_NO_ANSWER = "no answer"
_MESSAGES = "messages of a conversation"
Step = Removal | Kept


class Plan:
    """Which member removes what. Things that several members can remove are given to the first."""

    def __init__(self, adapter: Adapter, members: Sequence[Member]) -> None:
        self.kept: list[Outcome] = []  # and what cannot even be planned
        self.steps: list[tuple[Member, list[Removal]]] = []
        self.last_steps: list[tuple[Member, list[Removal]]] = []
        seen = self._seen = set[tuple[str, str]]()
        for member in members:
            own: list[Removal] = []
            own_last: list[Removal] = []
            for step in self._steps_of(adapter, member):
                if (key := (step.kind, step.name)) in seen:
                    continue
                seen.add(key)
                if isinstance(step, Kept):
                    self.kept.append(_outcome(step, member, Status.KEPT, step.reason))
                else:
                    (own_last if step.last else own).append(step)
            if own:
                self.steps.append((member, own))
            if own_last:
                self.last_steps.append((member, own_last))

    def _steps_of(self, adapter: Adapter, member: Member) -> Sequence[Step]:
        try:
            codec = adapter.codec(member.user.account, member.user.device)
            return codec.clean_up(member.data)
        except Exception as error:  # noqa: BLE001 - the adapter may raise anything
            why = error_log.describe_exception(error)
            name = member.user.name
            self.kept.append(Outcome("user", name, name, Status.FAILED, 0, f"adapter: {why}"))
            return ()

    def keep_the_rest(self, record: RunRecord) -> None:
        """Add what the run is known to have left, and the adapter names nothing of."""
        users = {member.user.name for member in record.members}  # without those of gone accounts
        left = {
            (kind, name)
            for kind, name in record.created - self._seen
            if kind != ACCOUNT or name in users
        }
        if users and not self._seen:
            left |= {(_MESSAGES, conv.name) for conv in record.conversations}
        why = "the adapter cannot remove it (Codec.clean_up)"
        self.kept += [Outcome(kind, name, "", Status.KEPT, 0, why) for kind, name in sorted(left)]

    def outcomes(self) -> list[Outcome]:
        """Return what would be removed, and what would be kept."""
        planned = [
            _outcome(step, member, Status.PLANNED, "")
            for member, steps in (*self.steps, *self.last_steps)
            for step in steps
        ]
        return [*planned, *self.kept]


class Cleaner:
    """Removes what a plan names. `on_outcome` receives every outcome when it is known."""

    def __init__(
        self, plan: Plan, sessions: Sessions, on_outcome: Callable[[Outcome], None]
    ) -> None:
        self._plan = plan
        self._sessions = sessions
        self._on_outcome = on_outcome
        self._free = asyncio.Semaphore(CONNECTIONS_MAX)
        self._connected = False
        self._refusals = 0

    async def clean(self, timeout_s: float) -> None:
        """Remove everything; what is not removed in time has failed."""
        for outcome in self._plan.kept:
            self._on_outcome(outcome)
        loop = asyncio.get_running_loop()
        end_s = loop.time() + timeout_s
        async with self._sessions:
            for stage in (self._plan.steps, self._plan.last_steps):
                await asyncio.gather(
                    *(self._clean_as(member, steps, end_s) for member, steps in stage)
                )
        if self._sessions.failure is not None:
            raise self._sessions.failure

    async def _clean_as(self, member: Member, steps: Sequence[Removal], end_s: float) -> None:
        left = list(steps)
        async with self._free:
            if not self._connected and self._refusals >= _REFUSALS_MAX:
                self._fail(member, left, "not tried, because no user could connect")
                return
            try:
                async with asyncio.timeout_at(end_s):
                    await self._remove(member, left)
            except TimeoutError:
                self._fail(member, left, "not tried: the time was over")

    async def _remove(self, member: Member, left: list[Removal]) -> None:
        """Remove what is `left`, and take what has an outcome from it."""
        session = self._sessions.session(member.user)
        kinds = {(step.kind, step.name) for step in left}
        try:
            # The steps of this session: those of the plan belong to a codec without a connection.
            steps = [
                step
                for step in session.codec.clean_up(member.data)
                if isinstance(step, Removal) and (step.kind, step.name) in kinds
            ]
            if not await session.connect():
                self._refusals += 1
                why = self._sessions.last_error or _NO_ANSWER
                self._fail(member, left, f"{member.user.name} could not connect: {why}")
                return
            self._connected = True
            for step in steps:
                outcome = await self._perform(session, member, step)
                left[:] = [
                    each for each in left if (each.kind, each.name) != (step.kind, step.name)
                ]
                self._on_outcome(outcome)
        finally:
            await session.close()

    async def _perform(self, session: CleaningSession, member: Member, step: Removal) -> Outcome:
        self._sessions.last_error = ""
        try:
            answer = await session.call(step.begin())
        except Exception as error:  # noqa: BLE001 - the adapter may raise anything
            session.record_error(error)
            answer = None
        why = self._sessions.last_error or _NO_ANSWER
        return of_answer(step.kind, step.name, member.user.name, answer, why)

    def _fail(self, member: Member, steps: Sequence[Removal], why: str) -> None:
        for step in steps:
            self._on_outcome(_outcome(step, member, Status.FAILED, why))


def _outcome(step: Step, member: Member, status: Status, reason: str) -> Outcome:
    return Outcome(step.kind, step.name, member.user.name, status, 0, reason)
