"""One load over each transport, with the same codec and the same session."""

import asyncio
from collections import Counter

import pytest
from aiohttp import WSMsgType

from gauntlet.core.history import Kind
from gauntlet.scenarios.engine.engine import Engine
from gauntlet.scenarios.schedule.arrivals import Stripe

from ..chat_server import ChatServer
from .test_engine import LONG_RAMP, drive, events, load, records

ADAPTER = "tests.scenarios.chat_server:Chat"


@pytest.mark.parametrize("cut", [False, True], ids=["steady", "cut"])
@pytest.mark.parametrize("transport", ["websocket", "tcp", "sse", "long-poll"])
async def test_a_load_adds_up_over_every_transport(tmp_path, transport, cut):
    async with ChatServer() as server:
        load_file = load(
            tmp_path,
            [server.url(transport)],
            {"direct": 1},
            limits={"transport": transport, "give_up_after": "3s", **LONG_RAMP},
            adapter=ADAPTER,
            stack="external",
        )
        engine = Engine(load_file, Stripe())
        running = asyncio.create_task(drive(engine))
        if cut:
            while engine.phase == "ramp" and not running.done():
                await asyncio.sleep(0.02)
            await asyncio.sleep(0.5)
            server.cut()
        await running
    (row,) = events(load_file.run, "reconciliation")
    assert row["ops"] == 120, events(load_file.run, "error-count")
    assert row["missing"] == row["rejected"] == 0, events(load_file.run, "error-count")
    found = Counter(record.kind for record in records(load_file.run))
    assert found[Kind.DELIVER] >= row["presented"] == row["expected"] > 0
    if not cut:
        assert row["acked"] == 120
        assert found[Kind.RECEIVE] == found[Kind.DISCONNECT] - 8 == 0
    else:
        assert found[Kind.DISCONNECT] > 8
        assert row["acked"] > 100
    if transport == "websocket":
        assert server.kinds <= {WSMsgType.BINARY, WSMsgType.CLOSE, WSMsgType.CLOSING}
