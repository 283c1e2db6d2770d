"""Contacts: accounts that befriend, block and write to each other, while their lists are read.

The users of the load must be able to talk, so accounts do this that take no part in it: in each
worker two pairs at the same time, in which first the one and then the other account is the one that
blocks. A round of a pair:

- One requests the friendship of the other, who accepts it after a while. After another while, one
  of them ends it in every second round.
- One blocks the other. When the block was answered and has had the time to take effect, the server
  must refuse a direct message and a request for friendship of the blocked one (PROBE).
- The block is removed. After the same time, the server must accept both again, and a sticker that
  it has listed in the beginning (STICKER). One of them ends the request.

Every change is recorded (CONTACT), and so are the lists of both accounts after it and after each
while (CONTACT_LIST): what was acknowledged may be lost later, for example when a service restarts.

A change is requested only once: the server may carry out an attempt that it did not answer at any
later time, also after the next change. For the same reason, a pair ends with its first change
without an answer. Its lists are read once more, as soon as they can be, and a new pair goes on.
"""

import asyncio
import itertools
from collections.abc import Awaitable, Callable, Iterator
from functools import partial
from http import HTTPStatus
from typing import Any, NamedTuple

from gauntlet.core.clock import NS_PER_S
from gauntlet.core.history import Contact, Kind, Probe, ProbeResult, Relation, sticker_digest
from gauntlet.core.run_directory import ACCOUNTS_FROM, NUMBERS_PER_WORKER
from gauntlet.core.scenario.accounts import Account
from gauntlet.core.scenario.capabilities import HISTORY, OPEN_ACCOUNTS, SERVER_SEQ
from gauntlet.scenarios.adapters import base
from gauntlet.scenarios.adapters.base import (
    Call,
    Codec,
    Cursor,
    Entry,
    OverHttp,
    Page,
    ProtocolError,
    Response,
    Sent,
)
from gauntlet.scenarios.adapters.limits import check_contacts, check_stickers, lifetime_s
from gauntlet.scenarios.client.context import Context
from gauntlet.scenarios.client.session import Session
from gauntlet.scenarios.engine.actions import strangers
from gauntlet.scenarios.engine.load_plan import LoadPlan
from gauntlet.scenarios.network.transport import SocketTransport

TAKES_EFFECT_S = 5.0
_PAUSE_S = 1.0
_TIMEOUT_S = 5.0
_DEVICE = "d0"
_BODY = "contacts"
_ENTRIES = 100


class Party(NamedTuple):
    """One of the two accounts of a pair."""

    number: int
    name: str
    codec: Codec


class Outcome(NamedTuple):
    """How a request ended: how much was obtained by it, and the value of the answer, if any."""

    result: ProbeResult
    obtained: int = 0
    value: Any = None
    is_answered: bool = True


class NotAnswered(Exception):
    """A change was requested of which it is not known whether it takes effect."""


class Contacts:
    """The pairs of one worker."""

    def __init__(self, plan: LoadPlan, context: Context, transport: SocketTransport) -> None:
        self._plan = plan
        self._context = context
        self._transport = transport
        load = plan.load.scenario.load
        self._ramp_ns, self._steady_ns = int(load.ramp * NS_PER_S), int(load.steady * NS_PER_S)
        self._accounts = itertools.count()
        self._end_ns = 0
        # Where the history of a conversation begins, None if there is none.
        self.history_start: Cursor | None = None
        if HISTORY in plan.adapter.capabilities:
            self.history_start = 0 if SERVER_SEQ in plan.adapter.capabilities else ""

    def scheduled_actions(self) -> Iterator[tuple[int, int, Callable[[Session], None]]]:
        """Yield (time, user, action) of the first round, as `user_actions.scheduled_actions`."""
        users = self._plan.traffic.users
        possible = strangers.has_strangers(self._plan) and self._plan.traffic.conversations
        if users and possible and OPEN_ACCOUNTS in self._plan.adapter.capabilities:
            yield self._ramp_ns, users[0].number, self._begin

    def _begin(self, session: Session) -> None:
        """Begin the rounds, once for all devices of the user."""
        if not self._end_ns:
            self._end_ns = self._context.now_ns() + self._steady_ns
            for turn in (0, 1):
                self._transport.spawn(self._run(session, turn))

    async def _run(self, session: Session, turn: int) -> None:
        """Let one pair after the other go on; `turn` is which account blocks first."""
        while self.has_time():
            pair = self._new_pair(session)
            if pair is None or not pair.is_possible:
                return
            if turn:
                pair.swap()
            while self.has_time() and not await pair.log_in():
                await asyncio.sleep(_PAUSE_S)
            if self.has_time():
                await self._repeat(pair, turn)
            await asyncio.sleep(_PAUSE_S)

    async def _repeat(self, pair: "Pair", turn: int) -> None:
        """Repeat the rounds of a pair until a change is not answered, or the time is over."""
        try:
            await pair.part()
            for number in itertools.count(turn):
                if not self.has_time():
                    return
                await pair.play(number)
                pair.swap()
                await asyncio.sleep(_PAUSE_S)
        except NotAnswered:
            await pair.read_lists()

    def has_time(self) -> bool:
        """Whether a block that begins now takes effect while the load runs."""
        return self._context.now_ns() + TAKES_EFFECT_S * NS_PER_S < self._end_ns

    def _new_pair(self, session: Session) -> "Pair | None":
        """Return two new accounts; None if the adapter has no codec for them."""
        worker, adapter = self._plan.stripe.worker, self._context.adapter
        parties = []
        for account in itertools.islice(self._accounts, 2):
            number = worker * NUMBERS_PER_WORKER + ACCOUNTS_FROM + account
            name = f"{self._context.tag}b{worker}-{account}"
            codec = session.request_channel.ask(adapter.codec, Account(name), _DEVICE)
            if codec is None:
                return None
            self._context.on_account(number, name)
            parties.append(Party(number, name, codec))
        conv = next(iter(self._plan.traffic.conversations.values()))
        record = partial(strangers.record_probe, self._context, session, conv)
        return Pair(self, self._context, self._transport, session, parties, record)


class Pair:
    """Two accounts: in the next round, the first one blocks the other."""

    def __init__(
        self,
        contacts: Contacts,
        context: Context,
        transport: SocketTransport,
        session: Session,
        parties: list[Party],
        record_probe: Callable[..., None],
    ) -> None:
        self._contacts = contacts
        self._context = context
        self._transport = transport
        self._channel = session.request_channel
        self._parties = parties
        self._record_probe = record_probe
        self._conv = "d." + ".".join(sorted(party.name for party in parties))
        self._gateway = 0
        self._logged_in_ns = 0
        self._messages = itertools.count(1)
        first, second = parties
        block = self._channel.ask(partial(first.codec.block, second.name))
        self._has_blocks = isinstance(block, OverHttp)
        self._has_lists = isinstance(self._channel.ask(first.codec.contacts), OverHttp)

    @property
    def is_possible(self) -> bool:
        """Whether the adapter has what a round needs."""
        return self._has_blocks or self._has_lists

    def swap(self) -> None:
        """Let the other account be the one that blocks."""
        self._parties.reverse()

    async def log_in(self) -> bool:
        """Log in both; return whether they are."""
        self._logged_in_ns = self._context.now_ns()
        for party in self._parties:
            call = self._channel.ask(party.codec.login)
            if call is not None:
                outcome = await self._outcome(call)
                if outcome.result is not ProbeResult.GRANTED:
                    return False
        return True

    async def _renew(self) -> None:
        """Log in both again if half of the time has passed for which a login lasts."""
        passed_s = (self._context.now_ns() - self._logged_in_ns) / NS_PER_S
        for party in self._parties:
            lasts_s = self._channel.ask(lambda codec=party.codec: lifetime_s(codec.login_lasts_s()))
            if lasts_s and passed_s > lasts_s / 2:
                await self.log_in()
                return

    async def part(self) -> None:
        """End what may be between two accounts that have just been created: nothing."""
        first, second = self._parties
        if self._has_lists:
            await self._change(Contact.END, first, second)
            await self.read_lists()

    async def play(self, number: int) -> None:
        """Play one round; NotAnswered at a change without an answer."""
        blocker, other = self._parties
        ender = self._parties[number // 2 % 2]
        await self._send(other, blocker)
        stickers = await self._list_stickers(other)
        if self._has_lists:
            await self._listed_change(Contact.REQUEST, other, blocker)
            await asyncio.sleep(_PAUSE_S)
            await self._listed_change(Contact.REQUEST, blocker, other)
            await asyncio.sleep(_PAUSE_S)
            await self.read_lists()
            if number % 2 == 0:
                await self._listed_change(Contact.END, ender, self._other(ender))
        if not (self._has_blocks and self._contacts.has_time()):
            return
        if await self._listed_change(Contact.BLOCK, blocker, other) is not ProbeResult.GRANTED:
            return
        await asyncio.sleep(TAKES_EFFECT_S)
        await self._send(other, blocker, Probe.BLOCKED_SEND)
        await self._listed_change(Contact.REQUEST, other, blocker, Probe.BLOCKED_REQUEST)
        await self._listed_change(Contact.UNBLOCK, blocker, other)
        if not self._contacts.has_time():
            return
        await asyncio.sleep(TAKES_EFFECT_S)
        if await self._send(other, blocker) is ProbeResult.GRANTED and stickers:
            await self._send_sticker(other, blocker, stickers[-number % len(stickers)])
        if self._has_lists:
            await self._listed_change(Contact.REQUEST, other, blocker)
            await self._listed_change(Contact.END, ender, self._other(ender))

    def _other(self, party: Party) -> Party:
        return self._parties[self._parties[0] is party]

    async def _listed_change(
        self, contact: Contact, actor: Party, other: Party, probe: Probe | None = None
    ) -> ProbeResult | None:
        """Request a change, and read the lists of both."""
        result = await self._change(contact, actor, other, probe)
        await self.read_lists()
        return result

    async def _change(
        self, contact: Contact, actor: Party, other: Party, probe: Probe | None = None
    ) -> ProbeResult | None:
        """Request a change once; None if the adapter cannot, NotAnswered without an answer."""
        await self._renew()
        make = {
            Contact.REQUEST: actor.codec.befriend,
            Contact.END: actor.codec.unfriend,
            Contact.BLOCK: actor.codec.block,
            Contact.UNBLOCK: actor.codec.unblock,
        }[contact]
        call = self._channel.ask(partial(make, other.name))
        if call is None:
            return None
        requested_ns = self._context.now_ns()
        outcome = await self._outcome(call, self._ask_once)
        if probe is not None:
            self._record_probe(probe, requested_ns, outcome.result, outcome.obtained)
        self._record(Kind.CONTACT, actor, other.number, contact, requested_ns, outcome.result)
        if outcome.result is ProbeResult.UNKNOWN:
            raise NotAnswered
        return outcome.result

    async def _send(
        self, sender: Party, recipient: Party, probe: Probe | None = None
    ) -> ProbeResult | None:
        """Send a direct message, which may be repeated: it has an id."""
        await self._renew()
        ident = f"{sender.name}-{next(self._messages)}"
        call = self._channel.ask(partial(sender.codec.send, self._conv, ident, _BODY))
        if call is None:
            return None
        requested_ns = self._context.now_ns()
        outcome = await self._outcome(call)
        if probe is not None:
            self._record_probe(probe, requested_ns, outcome.result, outcome.obtained)
        result = outcome.result if _is_final(outcome.value) else ProbeResult.UNKNOWN
        self._record(Kind.CONTACT, sender, recipient.number, Contact.SEND, requested_ns, result)
        return result

    async def _list_stickers(self, party: Party) -> list[str]:
        """Return the names of all stickers; none if they are not known now."""
        call = self._channel.ask(party.codec.stickers)
        outcome = await self._outcome(call, check=check_stickers) if call is not None else None
        return [] if outcome is None or outcome.value is None else list(outcome.value)

    async def _send_sticker(self, sender: Party, recipient: Party, sticker: str) -> None:
        """Send a sticker, and read the message that is stored."""
        message = next(self._messages)
        ident = f"{sender.name}-{message}"
        call = self._channel.ask(partial(sender.codec.send_sticker, self._conv, ident, sticker))
        if call is None:
            return
        requested_ns = self._context.now_ns()
        outcome = await self._outcome(call)
        result = outcome.result if _is_final(outcome.value) else ProbeResult.UNKNOWN
        digest = sticker_digest(sticker, "")
        self._record(Kind.STICKER, sender, message, digest, requested_ns, result)
        if result is ProbeResult.GRANTED and self._contacts.history_start is not None:
            requested_ns = self._context.now_ns()
            start = outcome.value.seq - 1 if outcome.value.seq else self._contacts.history_start
            entry = await self._find(recipient, ident, start)
            if entry is not None:
                digest = sticker_digest(entry.sticker, entry.body)
                self._record(Kind.STICKER, sender, message, digest, requested_ns)

    async def _find(self, reader: Party, ident: str, start: Cursor) -> Entry | None:
        """Return a message from the history; None if there is no message with that id."""
        call = self._channel.ask(partial(reader.codec.history, self._conv, start, _ENTRIES))
        page = (await self._outcome(call)).value if call is not None else None
        entries = page.entries if isinstance(page, Page) else ()
        return next((entry for entry in entries if entry.client_msg_id == ident), None)

    def _record(
        self, kind: Kind, account: Party, about: int, said: int, requested_ns: int, result: int = 0
    ) -> None:
        """Record what an account did or was shown, about another account or a message."""
        self._context.sink.add(
            kind,
            self._context.now_ns(),
            ref_ns=requested_ns,
            peer=account.number,
            sseq=about,
            seq=said,
            spare=result,
        )

    async def read_lists(self) -> None:
        """Read the lists of both, each until it is answered or the time is over."""
        if self._has_lists:
            for reader in self._parties:
                await self._read_list(reader, self._other(reader))

    async def _read_list(self, reader: Party, other: Party) -> None:
        while True:
            await self._renew()
            call = self._channel.ask(reader.codec.contacts)
            if call is None:
                return
            requested_ns = self._context.now_ns()
            outcome = await self._outcome(call, self._ask_once, check_contacts)
            if outcome.is_answered or not self._contacts.has_time():
                break
            await asyncio.sleep(_PAUSE_S)
        if outcome.value is not None:
            shown = relation(outcome.value, other.name)
            self._record(Kind.CONTACT_LIST, reader, other.number, shown, requested_ns)

    async def _outcome(
        self,
        call: bytes | Call[Any],
        ask: Callable[[OverHttp[Any]], Awaitable[Response | None]] | None = None,
        check: Callable[[Any], None] = lambda _value: None,
    ) -> Outcome:
        """Return how a request ends; nothing but HTTP is possible without a connection."""
        if not isinstance(call, OverHttp):
            return Outcome(ProbeResult.UNKNOWN)
        try:
            response = await (ask or self._ask_again)(call)
            if response is None:
                return Outcome(ProbeResult.UNKNOWN, is_answered=False)
            value = call.read(response)
            check(value)
            return Outcome(*strangers.assess(value), value)
        except ProtocolError:
            return Outcome(ProbeResult.REFUSED)
        except Exception as error:  # noqa: BLE001 - the adapter may raise anything
            self._channel.record_error(error)
            return Outcome(ProbeResult.UNKNOWN)

    async def _ask_once(self, call: OverHttp[Any]) -> Response | None:
        """Return the answer to one attempt; None for none, and for a failure that may pass."""
        response = await self._transport.request_once(self._gateway, call.request, _TIMEOUT_S)
        if response is None or _may_pass(response):
            self._gateway += 1
            return None
        return response

    async def _ask_again(self, call: OverHttp[Any]) -> Response | None:
        """Return the answer to the first attempt that has one, from any gateway."""
        response = await self._transport.request_until_answered(
            self._gateway, call.request, _TIMEOUT_S
        )
        return None if response is None or _may_pass(response) else response


def _may_pass(response: Response) -> bool:
    """Return whether the next answer may be another one: the login may have expired."""
    status = response.status
    return status >= HTTPStatus.TOO_MANY_REQUESTS or status == HTTPStatus.UNAUTHORIZED


def _is_final(answer: Any) -> bool:
    """Return whether an answer to a send says that the message was accepted, or is refused."""
    return isinstance(answer, Sent) and not (answer.stored == "no" and answer.temporary)


def relation(contacts: base.Contacts, other: str) -> Relation:
    """Return which lists of an account name the other one of its pair."""
    lists = {
        Relation.FRIEND: contacts.friends,
        Relation.INCOMING: contacts.incoming,
        Relation.OUTGOING: contacts.outgoing,
        Relation.BLOCKED: contacts.blocked,
    }
    found = Relation(0)
    for flag, names in lists.items():
        found |= flag if other in names else Relation(0)
        if any(name != other for name in names):
            found |= Relation.UNRELATED
    return found
