"""Pairs of accounts outside the load befriend and block each other; all that they do is seen."""

import asyncio
import heapq
import itertools
import json
from types import SimpleNamespace

import pytest

from gauntlet.core.clock import NS_PER_S
from gauntlet.core.history import (
    Contact,
    Kind,
    Probe,
    ProbeResult,
    Relation,
    sticker_digest,
)
from gauntlet.core.run_directory import ACCOUNTS_FROM, NUMBERS_PER_WORKER
from gauntlet.core.scenario.capabilities import HISTORY, MEMBERS_ONLY, OPEN_ACCOUNTS, SERVER_SEQ
from gauntlet.reference_server.store.relations import CHANGES, relation
from gauntlet.scenarios.adapters import base
from gauntlet.scenarios.adapters.base import Response, Sent
from gauntlet.scenarios.adapters.reference import Reference
from gauntlet.scenarios.adapters.reference_codec import ReferenceCodec
from gauntlet.scenarios.engine.actions import contacts
from gauntlet.scenarios.engine.actions.contacts import Contacts

from ...world import ANN, TALK

FORBIDDEN = Response(
    403, b'{"error":{"code":"forbidden","message":"","temporary":false,"stored":"no"}}'
)
LOGIN = {"api": [], "connect": {"url": "ws://x", "environment": "blue"}}
SENT = {"conv": "", "client_msg_id": "", "seq": 1, "msg_id": "m", "ts": 1}
PACKS = {"cats": ["hello", "thanks"], "signs": ["no", "yes"]}
WORKER = 3
FIRST = WORKER * NUMBERS_PER_WORKER + ACCOUNTS_FROM
GRANTED, REFUSED = ProbeResult.GRANTED, ProbeResult.REFUSED
ACTIONS = {
    ("PUT", "friends"): "request",
    ("DELETE", "friends"): "part",
    ("PUT", "block"): "block",
    ("DELETE", "block"): "unblock",
}


class Server:
    """Answers as the reference server does, or as a test says by method and kind of path.

    A test's answer may be a list, of which one after the other is given, and then the usual ones.
    """

    def __init__(self):
        self.asked, self.answers, self.tasks = [], {}, []
        self.states = {}  # by pair of names
        self.login = LOGIN
        self.stickers = []  # the messages with one, by conversation

    def spawn(self, job):
        self.tasks.append(asyncio.ensure_future(job))

    async def request_once(self, _gateway, request, _timeout_s):
        parts = request.path.partition("?")[0].split("/")[2:]
        kind = "messages" if parts[-1] == "messages" else parts[0]
        kind = "block" if parts[-1] == "block" else kind
        self.asked.append((request.method, request.path))
        answers = self.answers.get((request.method, kind), [])
        if not isinstance(answers, list):
            return answers
        return answers.pop(0) if answers else self._answer(request, kind, parts)

    request_until_answered = request_once

    def _answer(self, request, kind, parts):
        user = request.token
        if kind == "sessions":
            name = json.loads(request.body)["user"]
            return Response(201, json.dumps({"token": name, **self.login}).encode())
        if kind == "stickers":
            return Response(200, json.dumps({"packs": PACKS}).encode())
        if kind == "messages" and request.method == "GET":
            found = [entry for conv, entry in self.stickers if conv == parts[1]]
            return Response(200, json.dumps({"messages": found, "head": 9}).encode())
        if kind == "messages":
            low, high = parts[1].removeprefix("d.").split(".")
            refused = relation(self.states.get((low, high), 0), user == high) == "barred"
            message = json.loads(request.body)
            if "sticker" in message and not refused:
                self.stickers.append((parts[1], {"type": "msg", "seq": 1, **message}))
            return FORBIDDEN if refused else Response(201, json.dumps(SENT).encode())
        if len(parts) == 1:
            return Response(200, json.dumps(self._lists(user)).encode())
        return self._change(user, parts[1], ACTIONS[request.method, kind])

    def _lists(self, user):
        lists = {"friends": [], "incoming": [], "outgoing": [], "blocked": []}
        for (low, high), state in self.states.items():
            if user in (low, high):
                seen = relation(state, user == high)
                lists.get(seen, []).append(high if user == low else low)
        return lists

    def _change(self, user, other, action):
        low, high = sorted((user, other))
        state = self.states.get((low, high), 0)
        change = CHANGES[action](user == high)
        if state & change.unless:
            return FORBIDDEN
        self.states[low, high] = state & change.keep | change.put
        return Response(200, b"{}")


class Sleepers:
    """Lets time pass when all tasks wait for it."""

    def __init__(self, world):
        self._world, self._waiting, self._numbers = world, [], itertools.count()

    async def sleep(self, seconds):
        woken = asyncio.get_running_loop().create_future()
        at_ns = self._world.time_ns + int(seconds * NS_PER_S)
        heapq.heappush(self._waiting, (at_ns, next(self._numbers), woken))
        await woken

    async def wake_until_done(self, tasks):
        while not all(task.done() for task in tasks):
            await asyncio.sleep(0)  # all tasks go on until they wait
            if self._waiting:
                self._world.time_ns, _, woken = heapq.heappop(self._waiting)
                woken.set_result(None)
                await asyncio.sleep(0)
        for task in tasks:
            task.result()


@pytest.fixture
def bench(world, monkeypatch):
    """The rounds of a load with 4 s of ramp and 13 s of arrivals, without waiting for time.

    There is time for one round of each pair.
    """
    server, sleepers = Server(), Sleepers(world)
    monkeypatch.setattr(contacts, "asyncio", SimpleNamespace(sleep=sleepers.sleep))
    load = SimpleNamespace(ramp=4.0, steady=13.0, strangers=True)
    plan = SimpleNamespace(
        load=SimpleNamespace(scenario=SimpleNamespace(load=load)),
        adapter=SimpleNamespace(capabilities={MEMBERS_ONLY, OPEN_ACCOUNTS, HISTORY, SERVER_SEQ}),
        traffic=SimpleNamespace(users=[ANN], conversations={TALK.name: TALK}),
        stripe=SimpleNamespace(worker=WORKER),
    )
    errors, accounts = [], {}
    world.context.on_account = accounts.__setitem__

    def ask(make, *given):
        try:
            return make(*given)
        except Exception as error:  # noqa: BLE001 - as the channel does
            errors.append(error)

    channel = SimpleNamespace(connection_number=11, ask=ask, record_error=errors.append)
    session = SimpleNamespace(request_channel=channel)

    async def run():
        ((offset_ns, user, action),) = Contacts(plan, world.context, server).scheduled_actions()
        assert (offset_ns, user) == (4 * NS_PER_S, ANN.number)
        action(session)
        action(session)  # the engine calls it for each device
        assert len(server.tasks) == 2
        await sleepers.wake_until_done(server.tasks)

    return SimpleNamespace(
        run=run,
        server=server,
        plan=plan,
        load=load,
        world=world,
        errors=errors,
        accounts=accounts,
        session=session,
    )


def probes(world):
    """Return what was tried, and its result."""
    return [(kept.fields["sseq"], kept.fields["spare"]) for kept in world.kinds(Kind.PROBE)]


def story(world, *accounts):
    """Return what two accounts, by default the first two, did and were shown.

    Each entry begins with the number of the account, from 0.
    """
    accounts = accounts or (0, 1)
    numbers = {FIRST + account: account for account in accounts}
    found = []
    for kept in world.kinds(Kind.CONTACT, Kind.CONTACT_LIST):
        fields = kept.fields
        if fields["peer"] in numbers:
            assert fields["sseq"] in numbers
            what = Relation(fields["seq"])
            if kept.kind == Kind.CONTACT:
                what = (Contact(fields["seq"]), fields["spare"])
            found.append((numbers[fields["peer"]], what))
    return found


def stickers(world):
    """Return what is recorded of stickers: the account, from 0, the digest, and the result."""
    return [
        (kept.fields["peer"] - FIRST, kept.fields["seq"], kept.fields["spare"])
        for kept in world.kinds(Kind.STICKER)
    ]


def lists(first, second, *shown):
    """Return the entries of the lists that two accounts are shown."""
    return [(first, Relation(shown[0])), (second, Relation(shown[1]))]


FRIEND, INCOMING = Relation.FRIEND, Relation.INCOMING
OUTGOING, BLOCKED = Relation.OUTGOING, Relation.BLOCKED


async def test_a_round_makes_friends_and_blocks_and_reads_the_lists_again_and_again(world, bench):
    """Account 0 blocks account 1."""
    await bench.run()
    assert story(world) == [
        (0, (Contact.END, GRANTED)),
        *lists(0, 1, 0, 0),
        (1, (Contact.SEND, GRANTED)),
        (1, (Contact.REQUEST, GRANTED)),
        *lists(0, 1, INCOMING, OUTGOING),
        (0, (Contact.REQUEST, GRANTED)),
        *lists(0, 1, FRIEND, FRIEND),
        *lists(0, 1, FRIEND, FRIEND),
        (0, (Contact.END, GRANTED)),
        *lists(0, 1, 0, 0),
        (0, (Contact.BLOCK, GRANTED)),
        *lists(0, 1, BLOCKED, 0),
        (1, (Contact.SEND, REFUSED)),
        (1, (Contact.REQUEST, REFUSED)),
        *lists(0, 1, BLOCKED, 0),
        (0, (Contact.UNBLOCK, GRANTED)),
        *lists(0, 1, 0, 0),
        (1, (Contact.SEND, GRANTED)),
        (1, (Contact.REQUEST, GRANTED)),
        *lists(0, 1, INCOMING, OUTGOING),
        (0, (Contact.END, GRANTED)),
        *lists(0, 1, 0, 0),
    ]


class Broken(Reference):
    """An adapter that has no codec for an account that it does not know."""

    def codec(self, account, device):
        raise KeyError(account.name)


async def test_an_adapter_without_a_codec_for_new_accounts_ends_no_load(world, bench):
    world.context.adapter = Broken({})
    await bench.run()
    assert [type(error) for error in bench.errors] == [KeyError, KeyError]  # one for each pair
    assert bench.server.asked == []
    assert bench.accounts == {}


async def test_the_second_account_of_another_pair_blocks_first_and_a_block_meets_a_friendship(
    world, bench
):
    await bench.run()
    found = story(world, 2, 3)
    assert found[:14] == [
        (3, (Contact.END, GRANTED)),
        *lists(3, 2, 0, 0),
        (2, (Contact.SEND, GRANTED)),
        (2, (Contact.REQUEST, GRANTED)),
        *lists(3, 2, INCOMING, OUTGOING),
        (3, (Contact.REQUEST, GRANTED)),
        *lists(3, 2, FRIEND, FRIEND),
        *lists(3, 2, FRIEND, FRIEND),
        (3, (Contact.BLOCK, GRANTED)),
        (3, BLOCKED),
    ]
    assert found[-1] == (2, Relation(0))


async def test_the_accounts_of_a_pair_block_each_other_in_turn_and_both_end_friendships(
    world, bench
):
    bench.load.steady = 70.0
    await bench.run()
    found = story(world)
    assert {account for account, what in found if what == (Contact.BLOCK, GRANTED)} == {0, 1}
    ended = {account for account, what in found if what == (Contact.END, GRANTED)}
    assert ended == {0, 1}
    second = found.index((1, (Contact.BLOCK, GRANTED)))
    assert found[second - 2 : second] == lists(1, 0, FRIEND, FRIEND)


async def test_what_a_blocked_account_tries_is_also_recorded_as_an_attempt(world, bench):
    await bench.run()
    tried = [(Probe.BLOCKED_SEND, REFUSED), (Probe.BLOCKED_REQUEST, REFUSED)]
    assert probes(world) == tried * 2
    (conv, _) = sorted({path for _, path in bench.server.asked if path.endswith("/messages")})
    assert conv == f"/v1/conversations/d.{world.context.tag}b3-0.{world.context.tag}b3-1/messages"


async def test_the_server_has_five_seconds_for_a_block_and_for_its_removal(world, bench):
    await bench.run()
    changes = [kept for kept in world.kinds(Kind.CONTACT) if kept.fields["peer"] < FIRST + 2]
    times = {kept.fields["seq"]: kept.t_ns for kept in changes}
    sends = [kept.fields["ref_ns"] for kept in changes if kept.fields["seq"] == Contact.SEND]
    assert sends[1] - times[Contact.BLOCK] == 5 * NS_PER_S
    assert sends[2] - times[Contact.UNBLOCK] == 5 * NS_PER_S


async def test_each_pair_sends_another_sticker_and_reads_it(world, bench):
    await bench.run()
    first, last = sticker_digest("cats/hello", ""), sticker_digest("signs/yes", "")
    assert stickers(world) == [(1, first, GRANTED), (1, first, 0), (2, last, GRANTED), (2, last, 0)]
    numbers = [kept.fields["sseq"] for kept in world.kinds(Kind.STICKER)]
    assert numbers[0] == numbers[1]


async def test_what_the_history_has_in_the_place_of_a_sticker_is_recorded(world, bench):
    ident = f"{world.context.tag}b3-1-4"
    entry = {"type": "msg", "seq": 1, "client_msg_id": ident, "sticker": "x", "body": "y"}
    page = json.dumps({"messages": [entry], "head": 1}).encode()
    bench.server.answers["GET", "messages"] = Response(200, page)
    await bench.run()
    assert (1, sticker_digest("x", "y"), 0) in stickers(world)
    assert [result for account, _, result in stickers(world) if account == 2] == [GRANTED]


@pytest.mark.parametrize("answer", [None, Response(503, b""), FORBIDDEN])
async def test_without_a_list_of_stickers_none_is_sent(answer, world, bench):
    bench.server.answers["GET", "stickers"] = answer
    await bench.run()
    assert stickers(world) == []


async def test_a_sticker_is_sent_only_if_a_message_was_accepted(world, bench):
    bench.server.answers["POST", "messages"] = FORBIDDEN
    await bench.run()
    assert stickers(world) == []


async def test_without_a_history_no_sticker_is_read(world, bench):
    bench.plan.adapter.capabilities -= {HISTORY}
    await bench.run()
    assert [result for _, _, result in stickers(world)] == [GRANTED, GRANTED]


async def test_logins_are_renewed_before_they_expire(bench):
    bench.server.login = {**LOGIN, "expires_in_s": 8}
    await bench.run()
    logins = [path for _, path in bench.server.asked if path == "/v1/sessions"]
    assert len(logins) == 4 * 3  # at 0 s, 7 s and 12 s, or in between


async def test_the_names_of_the_accounts_are_recorded(bench):
    await bench.run()
    tag = bench.world.context.tag
    assert bench.accounts == {FIRST + number: f"{tag}b3-{number}" for number in range(4)}


async def test_an_accepted_message_and_an_accepted_request_are_granted(world, bench):
    bench.server.answers["POST", "messages"] = Response(201, json.dumps(SENT).encode())
    bench.server.answers["PUT", "friends"] = Response(200, b'{"state":"requested"}')
    await bench.run()
    assert {result for _, result in probes(world)} == {GRANTED}


@pytest.mark.parametrize("answer", [None, Response(503, b""), FORBIDDEN])
async def test_a_block_that_the_server_did_not_confirm_is_tried_by_none(answer, world, bench):
    bench.server.answers["PUT", "block"] = answer
    await bench.run()
    assert probes(world) == []


@pytest.mark.parametrize("answer", [None, Response(503, b""), Response(401, b"")])
async def test_an_attempt_without_an_answer_is_unknown(answer, world, bench):
    bench.server.answers["POST", "messages"] = answer
    await bench.run()
    assert probes(world)[0] == (Probe.BLOCKED_SEND, ProbeResult.UNKNOWN)


@pytest.mark.parametrize("answer", [None, Response(503, b""), Response(401, b"")])
async def test_a_pair_ends_with_a_change_without_an_answer_after_its_lists_were_read(
    answer, world, bench
):
    """The change may still take effect, after any of those that would follow."""
    bench.load.steady = 30.0
    bench.server.answers["PUT", "block"] = [answer]
    await bench.run()
    *_, change, first, second = story(world)
    assert change == (0, (Contact.BLOCK, ProbeResult.UNKNOWN))
    assert [first, second] == lists(0, 1, 0, 0)
    assert story(world, 4, 5)[0] == (4, (Contact.END, GRANTED))
    assert (4, (Contact.BLOCK, GRANTED)) in story(world, 4, 5)


async def test_a_change_is_requested_once_and_a_list_until_it_is_answered(world, bench):
    bench.server.answers["GET", "friends"] = [None, Response(503, b""), None]
    begun_ns = world.time_ns
    await bench.run()
    first = world.kinds(Kind.CONTACT_LIST)[0]
    assert first.fields["ref_ns"] > begun_ns
    assert story(world)[:3] == [(0, (Contact.END, GRANTED)), *lists(0, 1, 0, 0)]
    ended = [path for method, path in bench.server.asked if method == "DELETE"]
    assert ended[0] != ended[1]


async def test_lists_that_are_never_answered_are_given_up_with_the_load(world, bench):
    bench.server.answers["GET", "friends"] = None
    await bench.run()
    assert world.kinds(Kind.CONTACT_LIST) == []
    assert world.time_ns < 40 * NS_PER_S


async def test_accounts_that_cannot_log_in_do_nothing(world, bench):
    bench.server.answers["POST", "sessions"] = None
    await bench.run()
    assert probes(world) == []
    assert {path for _, path in bench.server.asked} == {"/v1/sessions"}


@pytest.mark.parametrize("without", [MEMBERS_ONLY, OPEN_ACCOUNTS, "strangers"])
def test_there_are_no_accounts_where_it_was_not_declared_or_is_excluded(without, bench):
    bench.plan.adapter.capabilities -= {without}
    bench.plan.load.scenario.load.strangers = without != "strangers"
    assert list(Contacts(bench.plan, bench.world.context, bench.server).scheduled_actions()) == []


async def test_an_adapter_without_blocks_and_lists_makes_no_request(world, bench, monkeypatch):
    codec = SimpleNamespace(block=lambda _user: None, contacts=lambda: None)
    monkeypatch.setattr(type(world.context.adapter), "codec", lambda *_: codec)
    await bench.run()
    assert bench.server.asked == []


async def test_an_adapter_without_lists_only_blocks(world, bench, monkeypatch):
    monkeypatch.setattr(ReferenceCodec, "contacts", base.Codec.contacts)
    await bench.run()
    assert story(world) == [
        (1, (Contact.SEND, GRANTED)),
        (0, (Contact.BLOCK, GRANTED)),
        (1, (Contact.SEND, REFUSED)),
        (1, (Contact.REQUEST, REFUSED)),
        (0, (Contact.UNBLOCK, GRANTED)),
        (1, (Contact.SEND, GRANTED)),
    ]


async def test_an_adapter_without_blocks_only_makes_friends(world, bench, monkeypatch):
    monkeypatch.setattr(ReferenceCodec, "block", base.Codec.block)
    await bench.run()
    done = {what[0] for _, what in story(world) if isinstance(what, tuple)}
    assert done == {Contact.END, Contact.SEND, Contact.REQUEST}
    assert probes(world) == []


async def test_an_answer_that_the_adapter_cannot_read_is_one_unknown_attempt(bench, monkeypatch):
    """An exception that leaves the rounds would end the whole load."""
    assess = contacts.strangers.assess

    def fail_for_sends(value):
        if isinstance(value, Sent):
            raise KeyError("seq")
        return assess(value)

    monkeypatch.setattr(contacts.strangers, "assess", fail_for_sends)
    await bench.run()
    done = [what for _, what in story(bench.world) if isinstance(what, tuple)]
    sends = [result for contact, result in done if contact == Contact.SEND]
    assert sends == [ProbeResult.UNKNOWN] * 3
    assert [type(error) for error in bench.errors] == [KeyError] * 6
    assert (Probe.BLOCKED_REQUEST, REFUSED) in probes(bench.world)


async def test_lists_that_are_no_lists_of_names_leave_no_record(bench, monkeypatch):
    found = base.OverHttp(base.Request("GET", "/v1/friends"), lambda _: base.Contacts({"a": 1}))
    monkeypatch.setattr(ReferenceCodec, "contacts", lambda _: found)
    await bench.run()
    assert bench.world.kinds(Kind.CONTACT_LIST) == []
    assert (Probe.BLOCKED_SEND, REFUSED) in probes(bench.world)


async def test_an_adapter_that_cannot_make_a_request_makes_no_attempt(bench, monkeypatch):
    def befriend(*_):
        raise TypeError

    monkeypatch.setattr(ReferenceCodec, "befriend", befriend)
    await bench.run()
    assert {probe for probe, _ in probes(bench.world)} == {Probe.BLOCKED_SEND}
    assert bench.errors


def test_a_name_in_a_list_that_is_not_the_other_account_is_unrelated():
    shown = contacts.relation(base.Contacts(friends=["b"], incoming=["c"], blocked=["b"]), "b")
    assert shown == Relation.FRIEND | Relation.BLOCKED | Relation.UNRELATED
    assert contacts.relation(base.Contacts(outgoing=("b",)), "b") == Relation.OUTGOING
