"""A broken or hostile server cannot hurt the load: it ends in order, and names what it saw."""

import asyncio

import psutil
import pytest

from gauntlet.core.errors import StackError
from gauntlet.core.run_directory import read_jsonl
from gauntlet.scenarios.engine import audit, network_settings, shutdown
from gauntlet.scenarios.engine.engine import Engine
from gauntlet.scenarios.metrics import connect_diagnosis
from gauntlet.scenarios.schedule.arrivals import Stripe

from ..hostile_peer import HostilePeer
from .test_engine import USERS, drive, events, load

GROWTH_MAX_BYTES = 300 << 20

# What each behaviour must be counted as, and a part of its text.
BEHAVIOURS = {
    "garbage": ("protocol", "not a frame"),
    "binary_garbage": ("protocol", "not a frame"),
    "terminal_close": ("close", "closed with 4503 (you are all banned)"),
    "huge_gap": ("protocol", "the last position of a gap is 4611686018427387904"),
    "huge_head": ("protocol", "a head is 1099511627776"),
    "foreign_reconnect": ("connect", "not on loopback"),
    "file_reconnect": ("connect", "'file:///etc/passwd' is not an address"),
    "unknown_name": ("connect", "'no.such.invalid' cannot be resolved"),
    "fragments": ("close", "a message of more than"),
    "negative_ack": ("protocol", "the position in an acknowledgement is -5"),
    "huge_ack": ("protocol", "the position in an acknowledgement is 1099511627776"),
    "text_ack": ("protocol", "HTTP 200"),
    "foreign_redirect": ("http", "not on loopback"),
    "silence": ("http", "no answer in time"),
    "slow_bytes": ("http", "no answer in time"),
    "endless_body": ("http", "a response of more than"),
    "huge_page_head": None,  # the judge reports it
    "repeated_pages": ("protocol", "do not advance beyond"),
    "endless_pages": ("protocol", "has more than"),
    "no_interval": ("protocol", "ping_ms is 0"),
    "deep_json": ("protocol", "RecursionError"),
    "huge_number": ("protocol", "not a frame"),
    "not_a_number": ("protocol", "not a frame"),
    "huge_delay": ("protocol", ""),
    "wrong_utf8": ("protocol", "not a frame"),
    "compressed": ("protocol", "not a frame"),
    "reserved_kind": ("close", "opcode"),
    "long_ids": ("protocol", "an id or a name of an entry has 5000000 characters"),
    "reconnect_flood": None,
    "endless_wait": ("http", "HTTP 503"),
    "deep_answer": ("protocol", "RecursionError"),
    "redirect_nowhere": ("http", "a redirect to 'http://['"),
    "endless_login": ("protocol", "a login lasts 1000"),
    "many_rooms": None,
    "tiny_frames": None,  # harmless, but for the work
    "pings": None,
}


@pytest.fixture
async def hostile():
    """Return a function that starts a peer with a behaviour."""
    started = []

    async def start(behaviour):
        peer = HostilePeer()
        peer.behaviour = behaviour
        await peer.start()
        started.append(peer)
        return peer

    yield start
    for peer in started:
        await peer.stop()


@pytest.fixture(autouse=True)
def short_waits(monkeypatch):
    monkeypatch.setattr(shutdown, "QUIESCE_MAX_S", 2.0)
    monkeypatch.setattr(audit, "_ENTRIES_MAX", 5_000)


async def drive_to_the_end(engine, steady_s):
    """Run an engine until its last arrival was due, however late its load begins; then end it."""
    running = asyncio.create_task(engine.run())
    for _ in range(USERS + 1):
        engine.command(engine.add_user)
    while engine.phase == "ramp" and not running.done():
        await asyncio.sleep(0.02)
    await asyncio.wait({running}, timeout=steady_s)
    engine.command(engine.drain)
    await running


def limits_of(behaviour):
    """Return the times in which a load waits; those for much data are long, for a busy machine."""
    if behaviour == "endless_body":
        return {"attempt_timeout": "20s", "give_up_after": "30s"}
    return {"give_up_after": "1s"}


@pytest.mark.parametrize("behaviour", BEHAVIOURS)
async def test_the_load_ends_in_order_and_names_what_the_server_did(
    tmp_path, hostile, monkeypatch, behaviour
):
    if behaviour == "endless_body":
        # Responses of 2 MB are too long then: 64 of them at once stay far below the allowed growth.
        monkeypatch.setattr(network_settings, "MESSAGE_BYTES_MAX", 1 << 20)
    peer = await hostile(behaviour)
    load_file = load(
        tmp_path, [peer.url], {"direct": 1}, steady="800ms", limits=limits_of(behaviour)
    )
    process = psutil.Process()
    before_bytes = process.memory_info().rss
    async with asyncio.timeout(60):
        await drive_to_the_end(Engine(load_file, Stripe()), steady_s=0.8)
    assert process.memory_info().rss - before_bytes < GROWTH_MAX_BYTES
    (row,) = events(load_file.run, "reconciliation")
    assert row["intended"] == row["ops"] + row["missed"] == 64
    assert row["ops"] == row["acked"] + row["rejected"] + row["untried"] + row["unknown"]
    assert row["acked"] > 0
    expected = BEHAVIOURS[behaviour]
    if expected is not None:
        kind, text = expected
        errors = events(load_file.run, "error-count")
        found = [error for error in errors if error["concerns"] == kind and text in error["text"]]
        assert found, [(error["concerns"], error["text"][:90]) for error in errors]
        assert all(error["count"] >= 1 for error in found)


HANDSHAKES = {
    "close_at_once": ("connect", ""),
    "close_after_welcome": ("close", "closed with 1013"),
    "reconnect_loop": None,
}


@pytest.mark.parametrize("behaviour", HANDSHAKES)
async def test_users_dial_a_bounded_number_of_times(tmp_path, hostile, monkeypatch, behaviour):
    """Whatever ends a connection, the next one waits longer each time."""
    monkeypatch.setattr(connect_diagnosis, "PATIENCE_S", 60)
    peer = await hostile(behaviour)
    load_file = load(
        tmp_path, [peer.url], {"direct": 1}, steady="3s", limits={"give_up_after": "1s"}
    )
    async with asyncio.timeout(60):
        await drive_to_the_end(Engine(load_file, Stripe()), steady_s=3)
    # Waits of 125, 250, 500 and 1,000 ms on average allow about eight handshakes in ten seconds.
    assert USERS <= peer.handshakes <= 20 * USERS
    expected = HANDSHAKES[behaviour]
    if expected is not None:
        kind, text = expected
        errors = events(load_file.run, "error-count")
        found = [error for error in errors if error["concerns"] == kind and text in error["text"]]
        assert sum(error["count"] for error in found) >= USERS, errors


async def test_a_login_that_names_a_foreign_host_ends_the_load_with_the_reason(
    tmp_path, hostile, monkeypatch
):
    monkeypatch.setattr(connect_diagnosis, "PATIENCE_S", 1)
    peer = await hostile("foreign_login")
    load_file = load(tmp_path, [peer.url], {"direct": 1})
    with pytest.raises(
        StackError, match=r"no user could connect .*10\.1\.2\.3.* is not on loopback"
    ):
        await drive(Engine(load_file, Stripe()), after_s=60)
    assert read_jsonl(load_file.run.events / "load-0.jsonl")
    assert len(peer.connects) == 0
    assert peer.logins >= USERS
