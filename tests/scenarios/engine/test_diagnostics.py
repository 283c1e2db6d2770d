"""What a load leaves behind for authors of adapters: counted errors, and a trace."""

import asyncio
import json
from dataclasses import replace

from gauntlet.core.run_directory import read_jsonl
from gauntlet.scenarios.engine.engine import Engine
from gauntlet.scenarios.schedule.arrivals import Stripe

from ..fakes import Faults
from .test_engine import drive, events, load


async def test_an_aborted_load_has_written_its_errors(tmp_path, peer):
    peer.faults = Faults(refuse_send=2)
    made = load(tmp_path, [peer.url])
    engine = Engine(made, Stripe())
    running = asyncio.create_task(drive(engine, after_s=60, end=engine.abort))
    while engine.ledger.acked < 4:
        await asyncio.sleep(0.02)
    engine.command(engine.abort)
    await running
    assert engine.phase == "aborted"
    errors = events(made.run, "error-count")
    assert [error["concerns"] for error in errors] == ["http"]
    assert errors[0]["count"] == sum(count for _, count in errors[0]["seconds"])


async def test_only_the_first_users_are_traced(tmp_path, peer):
    made = replace(load(tmp_path, [peer.url]), traced_users=2)
    await drive(Engine(made, Stripe()))
    rows = list(read_jsonl(made.run.logs / "trace-0.jsonl"))
    assert {row["user"] for row in rows} == {"u0-0", "u0-1"}
    kinds = {row["what"] for row in rows}
    assert {"dial", "open", "sent", "received", "event", "request", "response"} <= kinds
    sent = [json.loads(row["text"]) for row in rows if row["what"] == "sent"]
    assert any("connect" in frame for frame in sent)
    entries = [row["event"] for row in rows if row["what"] == "event"]
    assert any(entry.startswith("Entry(") for entry in entries)
    statuses = {row["status"] for row in rows if row["what"] == "response"}
    assert 200 in statuses


async def test_a_load_without_a_trace_writes_no_file(tmp_path, peer):
    made = load(tmp_path, [peer.url])
    await drive(Engine(made, Stripe()), after_s=0.8)
    assert list(made.run.logs.glob("trace-*")) == []
