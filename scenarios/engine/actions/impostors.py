"""Impostors: requests with a login that the server has not issued, and without one.

The members of a conversation may read it, but only the server can tell that a request is theirs. So
a few times, what a member could read is requested with their token after one character of it was
changed, and with none. The server must refuse both. Each attempt is recorded (PROBE).
"""

import random
from collections.abc import Callable, Iterator
from functools import partial
from typing import NamedTuple

import msgspec

from gauntlet.core.clock import NS_PER_S
from gauntlet.core.history import Kind, Probe
from gauntlet.core.scenario.capabilities import HISTORY, SERVER_SEQ
from gauntlet.scenarios.adapters.base import Call, Cursor, OverHttp, Page
from gauntlet.scenarios.client.context import Context
from gauntlet.scenarios.client.session import Session
from gauntlet.scenarios.engine.actions import strangers
from gauntlet.scenarios.engine.load_plan import LoadPlan
from gauntlet.scenarios.network.transport import SocketTransport
from gauntlet.scenarios.workloads.entities import Conversation

ATTEMPTS_MAX = 4  # of each worker, of both kinds
_ENTRIES = 10


class Attempt(NamedTuple):
    """A conversation is read as by one of its members, `offset_ns` after the start."""

    offset_ns: int
    member: int
    conv: Conversation


def plan_attempts(plan: LoadPlan) -> list[Attempt]:
    """Return the attempts of a worker, spread over the steady phase.

    There are none where the load has no strangers.
    """
    load, conversations = plan.load.scenario.load, list(plan.traffic.conversations.values())
    possible = strangers.are_allowed(plan) and HISTORY in plan.adapter.capabilities
    if not (possible and conversations):
        return []
    rng = random.Random(f"impostors/{plan.load.scenario.seed}/{plan.stripe.worker}")
    attempts = []
    for number in range(ATTEMPTS_MAX):
        offset_s = load.ramp + load.steady * (number + rng.random()) / ATTEMPTS_MAX
        conv = rng.choice(conversations)
        attempts.append(Attempt(int(offset_s * NS_PER_S), rng.choice(conv.members), conv))
    return attempts


class Impostors:
    """Makes the attempts of one worker."""

    def __init__(self, plan: LoadPlan, context: Context, port: SocketTransport) -> None:
        self._plan = plan
        self._context = context
        self._port = port
        self._start: Cursor = 0 if SERVER_SEQ in plan.adapter.capabilities else ""

    def scheduled_actions(self) -> Iterator[tuple[int, int, Callable[[Session], None]]]:
        """Yield (time, user, action), as `user_actions.scheduled_actions`."""
        for attempt in plan_attempts(self._plan):
            yield attempt.offset_ns, attempt.member, partial(self.impersonate, conv=attempt.conv)

    def impersonate(self, session: Session, conv: Conversation) -> None:
        """Make both requests as a member's first device, unless the member is offline."""
        if session.connected and session.user.device_index == 0:
            self._port.spawn(self._try_both(session, conv))

    async def _try_both(self, session: Session, conv: Conversation) -> None:
        for change in (forged, without):
            requested_ns = self._context.now_ns()
            make = partial(self._request, session, conv, change)
            result, obtained = await strangers.result_of(self._port, session, make)
            self._context.sink.add(
                Kind.PROBE,
                self._context.now_ns(),
                ref_ns=requested_ns,
                conv=conv.number,
                link=session.request_channel.connection_number,
                sseq=Probe.IMPOSTOR,
                seq=obtained,
                spare=result,
            )

    def _request(
        self, session: Session, conv: Conversation, change: Callable[[str], str]
    ) -> Call[Page] | None:
        """Return a request for the history with a changed token; None if it has none."""
        call = session.request_channel.codec.history(conv.name, self._start, _ENTRIES)
        if not isinstance(call, OverHttp) or not call.request.token:
            return None
        request = msgspec.structs.replace(call.request, token=change(call.request.token))
        return OverHttp(request, call.read)


def forged(token: str) -> str:
    """Return a token that differs in one character.

    It is one near the end, where a signature is, but not the last one: in an encoded signature,
    that one may have bits without a meaning.
    """
    at = max(0, len(token) * 7 // 8 - 1)
    return f"{token[:at]}{'B' if token[at] == 'A' else 'A'}{token[at + 1 :]}"


def without(_token: str) -> str:
    """Return no token."""
    return ""
