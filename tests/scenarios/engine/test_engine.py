"""The engine against a peer that drops, repeats, reorders, refuses and hangs."""

import asyncio
import math
import time
from collections import Counter
from dataclasses import replace

import msgspec
import pytest

from gauntlet.core import clock
from gauntlet.core.errors import ConfigError
from gauntlet.core.history import (
    RECORD,
    STRANGER_SSEQ,
    Channel,
    Kind,
    Probe,
    ProbeResult,
    Record,
    RoomEvent,
)
from gauntlet.core.run_directory import RunDir, read_jsonl
from gauntlet.core.scenario.capabilities import OPEN_ACCOUNTS
from gauntlet.core.scenario.model import Accounts, from_builtins
from gauntlet.scenarios.adapters.reference import Reference
from gauntlet.scenarios.engine import shutdown
from gauntlet.scenarios.engine.actions.impostors import ATTEMPTS_MAX
from gauntlet.scenarios.engine.actions.strangers import VISITS_MAX
from gauntlet.scenarios.engine.dispatcher import Dispatcher
from gauntlet.scenarios.engine.engine import Engine
from gauntlet.scenarios.engine.load_file import LoadFile
from gauntlet.scenarios.schedule.arrivals import Stripe

from ..fakes import Faults

USERS = 8
IMPOSTORS = {Probe.IMPOSTOR, Probe.IMPOSTOR_SEND, Probe.IMPOSTOR_CONNECT}


class Closed(Reference):
    """A system in which the accounts of users have to exist before they log in."""

    capabilities = Reference.capabilities - {OPEN_ACCOUNTS}


def load(tmp_path, api, workload=None, devices=1, steady="1500ms", limits=None, **target):
    """A load with a ramp of half a second; unless `steady` is given, of two seconds."""
    scenario = {
        "version": 1, "name": "x", "about": "x",
        "target": {"server": {"heads_poll_ms": 200}, **target},
        "load": {
            "users": USERS, "devices": devices,
            "strangers": False,
            "workload": workload or {"direct": 1, "group": {"size": 4}},
            "rate": "80/s", "ramp": "500ms", "steady": steady, "attempt_timeout": "300ms",
            **(limits or {}),
        },
    }  # fmt: skip
    return LoadFile(from_builtins(scenario), RunDir.create(tmp_path, "x", 1), api, 1)


async def drive(engine, after_s=None, end=None, users=USERS + 1):
    """Run an engine with its users (one more than the plan has slots for), and end it.

    By default it ends after its last arrival was due, however late the load began.
    """
    running = asyncio.create_task(engine.run())
    for _ in range(users):
        engine.command(engine.add_user)
    if after_s is None:
        while not running.done() and clock.now_ns() < getattr(engine, "_end_ns", math.inf):
            await asyncio.sleep(0.02)
    else:
        await asyncio.wait({running}, timeout=after_s)
    engine.command(end or engine.drain)
    await running


def events(run, kind):
    """The rows of a kind in the load's journal."""
    return [row for row in read_jsonl(run.events / "load-0.jsonl") if row["kind"] == kind]


def records(run):
    """All records of a run."""
    shards = sorted(run.history.glob("*.bin"))
    return [Record(*one) for shard in shards for one in RECORD.iter_unpack(shard.read_bytes())]


# For tests in which no arrival is missed: on a busy machine users need so long to connect.
LONG_RAMP = {"ramp": "3s"}


async def test_a_load_on_a_nasty_peer_adds_up(tmp_path, peer):
    """Every op is acked, every delivery is presented once, the line says what files hold."""
    peer.faults = Faults(
        drop_push=7, repeat_push=5, swap_push=11, hang_after_commit=40, refuse_send=13
    )
    made = load(tmp_path, [peer.url], limits=LONG_RAMP)
    engine = Engine(made, Stripe())
    await drive(engine)
    assert [row["phase"] for row in events(made.run, "phase")] == [
        "ramp", "steady", "quiesce", "audit", "flushed",
    ]  # fmt: skip
    (line,) = events(made.run, "reconciliation")
    assert (line["intended"], line["ops"], line["missed"]) == (120, 120, 0)
    assert (line["acked"], line["rejected"], line["unknown"]) == (120, 0, 0)
    assert (line["missing"], line["unread"]) == (0, 0)
    assert line["presented"] == line["expected"] > 120
    kept = records(made.run)
    assert len(kept) == sum(line["records"].values())
    intended = [record.ref_ns for record in kept if record.kind == Kind.OP]
    assert min(intended) == events(made.run, "phase")[1]["t_ns"]
    kinds = Counter(record.kind for record in kept)
    assert kinds[Kind.DELIVER] == line["presented"]
    acked = {(r.conv, r.peer, r.sseq) for r in kept if r.kind == Kind.ACK}
    assert kinds[Kind.OP] == len(acked) == 120 < kinds[Kind.ACK]  # late retries are answered, too
    assert kinds[Kind.ATTEMPT] > 120
    assert kinds[Kind.RECEIVE] > 0
    assert any(r.kind == Kind.DELIVER and r.flags & 3 == Channel.RESYNC for r in kept)
    stored = [entry for entries in peer.entries.values() for entry in entries]
    assert kinds[Kind.AUDIT] == len(stored)
    assert kinds[Kind.HEAD] == line["audited"]
    assert (made.run.latency / "delivery-w0.hdr").stat().st_size > 0


async def test_the_live_rows_count_up(tmp_path, peer):
    """One row a second and one at the end, in which nothing is outstanding."""
    made = load(tmp_path, [peer.url], limits=LONG_RAMP)
    await drive(Engine(made, Stripe()))
    rows = list(read_jsonl(made.run.live))
    assert len(rows) >= 3
    assert [row["sent"] for row in rows] == sorted(row["sent"] for row in rows)
    last = rows[-1]
    assert (last["sent"], last["acked"], last["outstanding"], last["missing"]) == (120, 120, 0, 0)
    assert (last["users"], last["connections"]) == (USERS, USERS)
    assert all(0 <= row["loop_lag_p99_ms"] <= row["loop_lag_max_ms"] for row in rows[:-1])
    assert all(0 < row["engine_cpu_share"] <= row["process_cpu_share"] + 0.05 for row in rows)


async def test_a_hole_in_the_history_is_missing_at_the_end(tmp_path, peer):
    """A position that only a skipping history could have given is never presented."""
    peer.faults = Faults(drop_push=9, skip_in_history=1)
    made = load(tmp_path, [peer.url], {"direct": 1})
    engine = Engine(made, Stripe())
    settled = asyncio.create_task(drive(engine))
    await asyncio.wait({settled}, timeout=4)
    engine.command(engine.abort)
    await settled
    assert engine.ledger.missing > 0


async def test_a_load_that_nobody_can_send_misses_its_arrivals(tmp_path, peer):
    """One of a room's eight never comes: what was intended is counted, live and at the end."""
    made = load(tmp_path, [peer.url], {"group": {"size": 8}})
    await drive(Engine(made, Stripe()), users=USERS - 1)
    (line,) = events(made.run, "reconciliation")
    assert (line["intended"], line["ops"], line["missed"]) == (120, 0, 120)
    assert sum(record.kind == Kind.MISSED for record in records(made.run)) == 120
    assert list(read_jsonl(made.run.live))[-1]["missed"] == 120


async def test_an_abort_keeps_what_is_there_and_claims_nothing(tmp_path, peer):
    """Files are whole, but no reconciliation line says that the run was."""
    made = load(tmp_path, [peer.url])
    engine = Engine(made, Stripe())
    running = asyncio.create_task(drive(engine, after_s=60, end=engine.abort))
    while not engine.ledger.presented:
        await asyncio.sleep(0.02)
    engine.command(engine.abort)
    await running
    assert engine.phase == "aborted"
    assert events(made.run, "reconciliation") == []
    assert {record.kind for record in records(made.run)} >= {Kind.OP, Kind.ACK, Kind.DELIVER}


async def test_a_load_may_end_in_its_ramp(tmp_path, peer):
    """Phases never go back, and a line of zeros still adds up."""
    made = load(tmp_path, [peer.url], limits={"ramp": "30s"})
    await drive(Engine(made, Stripe()), after_s=0.2)
    phases = [row["phase"] for row in events(made.run, "phase")]
    assert phases == ["ramp", "quiesce", "audit", "flushed"]
    assert events(made.run, "reconciliation")[0]["ops"] == 0


def assert_half_of_the_users_were_away(run):
    """Each of them connected once more, and no delivery is missing."""
    kept = records(run)
    assert sum(record.kind == Kind.OFFLINE for record in kept) == USERS // 2
    assert sum(record.kind == Kind.CONNECT for record in kept) == USERS * 3 // 2
    (line,) = events(run, "reconciliation")
    assert line["missing"] == 0


async def test_absences_happen_and_are_made_up_for(tmp_path, peer):
    """Users leave and return as planned, and read what they missed."""
    storm = {"weight": 1, "at": ["1s"], "offline": "400ms", "percent": 50}
    made = load(tmp_path, [peer.url], {"reconnect_storm": storm})
    await drive(Engine(made, Stripe()))
    assert_half_of_the_users_were_away(made.run)


async def test_users_stall_and_read_what_they_missed(tmp_path, peer):
    """They stop reading from their sockets, reconnect afterwards, and miss nothing."""
    slow = {"weight": 1, "size": 4, "at": ["1s"], "offline": "300ms", "percent": 50}
    made = load(tmp_path, [peer.url], {"slow_consumer": slow})
    await drive(Engine(made, Stripe()))
    assert_half_of_the_users_were_away(made.run)


async def test_load_goes_nowhere_that_is_not_allowed(tmp_path):
    """A target outside loopback is refused before anything is written."""
    made = load(tmp_path, ["http://10.0.0.1:80"])
    with pytest.raises(ConfigError, match="allow_hosts"):
        await Engine(made, Stripe()).run()
    assert list(made.run.events.iterdir()) == []


def test_an_unknown_adapter_is_a_bad_configuration(tmp_path):
    """The error names what was found and what is allowed."""
    with pytest.raises(ConfigError, match="allowed: reference"):
        Engine(load(tmp_path, ["http://127.0.0.1:1"], adapter="nosuch"), Stripe())


async def test_every_device_sees_everything(tmp_path, peer):
    """Both of each user's devices are shown all, what the other one sent too, and both send."""
    peer.faults = Faults(drop_push=7)
    made = load(tmp_path, [peer.url], devices=2)
    await drive(Engine(made, Stripe()))
    (line,) = events(made.run, "reconciliation")
    acked = line["acked"]
    # On a busy machine a user may not be connected yet when the first arrivals come.
    assert (acked + line["missed"], line["missing"]) == (120, 0)
    rows = [row for row in read_jsonl(made.run.links) if row["row"] == "link"]
    device_of = {row["link"]: (row["user"], row["device"]) for row in rows}
    assert len(rows) == 2 * USERS
    kept = records(made.run)
    assert {device_of[r.link][1] for r in kept if r.kind == Kind.ACK} == {"d0", "d1"}
    own = Counter(
        device_of[r.link][1]
        for r in kept
        if r.kind == Kind.DELIVER and device_of[r.link][0] == r.peer
    )
    assert own == {"d0": acked, "d1": acked}
    # On a busy machine the last second may begin when the sessions are closed already.
    seconds = list(read_jsonl(made.run.live))
    assert max((each["users"], each["connections"]) for each in seconds) == (USERS, 2 * USERS)


@pytest.mark.parametrize(
    ("adapter", "first_user"), [("reference", "useven0-0"), (f"{__name__}:Closed", "u0-0")]
)
async def test_a_tagged_run_has_ids_of_its_own(tmp_path, peer, adapter, first_user):
    """Messages always have the tag; users only if the system accepts any name."""
    made = replace(load(tmp_path, [peer.url], {"direct": 1}, adapter=adapter), tag="seven")
    await drive(Engine(made, Stripe()))
    assert first_user in {connect["token"] for connect in peer.connects}
    ids = [
        (conv, entry["sender"], entry["client_msg_id"])
        for conv, entries in peer.entries.items()
        for entry in entries
    ]
    (line,) = events(made.run, "reconciliation")
    assert len(ids) == len({*ids}) == 120 - line["missed"]
    assert all("seven" in ident for _, _, ident in ids)


def test_devices_are_refused_where_the_system_has_no_such_thing(tmp_path):
    """By name, before anything starts."""
    made = load(tmp_path, [], {"direct": 1}, adapter="xmpp", stack="prosody", devices=2)
    with pytest.raises(ConfigError, match="has no devices"):
        Engine(made, Stripe())


async def test_members_come_and_go_while_the_talk_goes_on(tmp_path, peer):
    """Exits and entries are asked for, and nothing is missed by those who are out."""
    rooms = {"weight": 1, "size": 4, "exits": "2/s", "offline": "200ms"}
    # A user who is not connected yet asks for no exit, but for the entry after it.
    made = load(tmp_path, [peer.url], {"group": rooms}, steady="4s", limits=LONG_RAMP)
    await drive(Engine(made, Stripe()))
    asked = Counter(r.sseq for r in records(made.run) if r.kind == Kind.ATTEND)
    assert asked[RoomEvent.EXITED] == asked[RoomEvent.ENTERED] > USERS
    assert peer.attendance == {
        "enter": asked[RoomEvent.ENTERED] + USERS,
        "exit": asked[RoomEvent.EXITED],
    }
    (line,) = events(made.run, "reconciliation")
    assert line["missing"] == 0


async def test_a_second_word_to_drain_is_not_one_to_abort(tmp_path, peer):
    """Stop is pressed while the load ends by itself: it ends in order, once."""
    made = load(tmp_path, [peer.url], limits=LONG_RAMP)
    engine = Engine(made, Stripe())
    running = asyncio.create_task(drive(engine))
    while engine.phase != "quiesce":
        await asyncio.sleep(0.02)
    for _ in range(3):
        engine.command(engine.drain)
        await asyncio.sleep(0.03)
    await running
    assert engine.phase == "flushed"
    (line,) = events(made.run, "reconciliation")
    assert line["acked"] == 120


async def test_a_load_outlives_its_logins(tmp_path, peer):
    """No user is refused in a load longer than a token is valid, and the audit works.

    A token is taken for longer than it is said to last, because a busy machine may renew it late.
    """
    peer.token_lasts_s, peer.tokens_taken_s = 1, 3.0
    made = load(tmp_path, [peer.url], steady="4s", limits={"rate": "30/s"})
    await drive(Engine(made, Stripe()))
    (line,) = events(made.run, "reconciliation")
    assert line["acked"] + line["missed"] == 120
    assert (line["rejected"], line["unread"], line["missing"]) == (0, 0, 0)
    assert peer.logins > 2 * USERS
    assert len(peer.connects) == USERS


async def test_nothing_is_under_way_when_records_are_counted(tmp_path, peer, monkeypatch):
    """A history that is still asked for at the end is not: its answer would not be in the count."""
    made = load(tmp_path, [peer.url])
    engine = Engine(made, Stripe())
    count, under_way = shutdown.reconciliation, []

    async def leaving_some_behind(_):
        for session in engine._parts.sessions.values():
            for inbox in session.receiver._ordered.values():
                inbox.on_head(inbox.head + 1, 0)
        return 120

    def reconciliation(parts, *counts):
        under_way.append(len(parts.transport._tasks) + len(parts.transport._http._busy))
        return count(parts, *counts)

    monkeypatch.setattr(Dispatcher, "intended", leaving_some_behind)
    monkeypatch.setattr(shutdown, "reconciliation", reconciliation)
    await drive(engine)
    (line,) = events(made.run, "reconciliation")
    assert under_way == [0]
    assert len(records(made.run)) == sum(line["records"].values())


async def test_users_cannot_sign_up_where_the_adapter_cannot(tmp_path, peer):
    made = load(tmp_path, [peer.url])
    scenario = msgspec.structs.replace(made.scenario, accounts=Accounts(sign_up=True))
    with pytest.raises(ConfigError, match=r"accounts\.sign_up must be false.*'reference'"):
        Engine(replace(made, scenario=scenario), Stripe())


async def test_strangers_try_everything_and_an_open_server_grants_it(tmp_path, peer):
    peer.admits_strangers = True
    made = load(tmp_path, [peer.url])
    strangers = msgspec.structs.replace(made.scenario.load, strangers=True)
    made = replace(made, scenario=msgspec.structs.replace(made.scenario, load=strangers))
    await drive(Engine(made, Stripe()))
    probes = [record for record in records(made.run) if record.kind == Kind.PROBE]
    by_impostors = [record for record in probes if record.sseq in IMPOSTORS]
    assert {record.sseq for record in by_impostors} == IMPOSTORS
    assert {record.spare for record in by_impostors} - {ProbeResult.UNKNOWN} == {
        ProbeResult.REFUSED
    }
    reads = [record for record in by_impostors if record.sseq == Probe.IMPOSTOR]
    assert ATTEMPTS_MAX <= len(reads) <= 2 * ATTEMPTS_MAX  # the last ones may come too late
    probes = [record for record in probes if record.sseq not in IMPOSTORS]
    granted = {record.sseq for record in probes if record.spare == ProbeResult.GRANTED}
    assert {Probe.HISTORY, Probe.SEND} <= granted
    sent = [record.peer for record in probes if record.sseq == Probe.SEND]
    assert min(sent) == STRANGER_SSEQ
    assert len(sent) == len(set(sent)) == VISITS_MAX
    named = list(read_jsonl(made.run.links))
    members = {row["conv"]: row["members"] for row in named if row["row"] == "conv"}
    users = {row["link"]: row["user"] for row in named if row["row"] == "link"}
    assert not any(users[record.link] in members[record.conv] for record in probes)


async def test_a_server_that_admits_no_strangers_refuses_everything(tmp_path, peer):
    made = load(tmp_path, [peer.url])
    strangers = msgspec.structs.replace(made.scenario.load, strangers=True)
    made = replace(made, scenario=msgspec.structs.replace(made.scenario, load=strangers))
    await drive(Engine(made, Stripe()))
    probes = [record for record in records(made.run) if record.kind == Kind.PROBE]
    assert {Probe.HISTORY, Probe.SEND} <= {record.sseq for record in probes}
    answered = {record.spare for record in probes} - {ProbeResult.UNKNOWN}
    assert answered == {ProbeResult.REFUSED}


async def test_an_engine_without_messages_wakes_rarely(tmp_path, peer, monkeypatch):
    """Four flushes, one row and one timer of the connections per second, whatever the users."""
    ticks, tick = [], Engine._tick

    def counted(engine, now_ns):
        ticks.append(engine.phase)
        return tick(engine, now_ns)

    monkeypatch.setattr(Engine, "_tick", counted)
    made = load(tmp_path, [peer.url], steady="3s", limits={"rate": "0.001/s"})
    await drive(Engine(made, Stripe()))
    assert 3 <= ticks.count("steady") <= 40  # fewer on a busy machine


async def test_a_command_does_not_wait_for_the_next_tick(tmp_path, peer):
    """From another thread, as Locust's; an idle engine sleeps for a quarter of a second."""
    made = load(tmp_path, [peer.url], steady="60s", limits={"rate": "0.001/s"})
    engine = Engine(made, Stripe())
    running = asyncio.create_task(drive(engine, after_s=60))
    await asyncio.sleep(1.5)
    soon = 0
    for _ in range(40):  # a busy machine may delay many of them
        done, began_s = asyncio.Event(), time.monotonic()
        await asyncio.to_thread(engine.command, done.set)
        await done.wait()
        # The next tick comes a quarter of a second after the one that made the last call.
        soon += time.monotonic() - began_s < 0.05
        if soon == 3:
            break
    assert soon == 3
    engine.command(engine.abort)
    await running
