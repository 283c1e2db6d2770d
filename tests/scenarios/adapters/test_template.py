"""A load with the unchanged template, and the verdict on it."""

import asyncio
import json

import pytest
from aiohttp import WSMsgType, web

from gauntlet.core.run_directory import RunDir, write_json
from gauntlet.core.scenario.model import from_builtins, to_builtins
from gauntlet.reports.verdict.judge import judge
from gauntlet.scenarios.adapters._template import Template
from gauntlet.scenarios.engine.engine import Engine
from gauntlet.scenarios.engine.load_file import LoadFile
from gauntlet.scenarios.schedule.arrivals import Stripe

USERS = 4
ADAPTER = "gauntlet.scenarios.adapters._template:Template"


class Chat:
    """The system that the template is written for; it drops every n-th message."""

    def __init__(self, drop_every=0):
        self.drop_every = drop_every
        self.sockets, self.sent = {}, 0

    async def serve(self, request):
        """Serve one user's connection."""
        socket = web.WebSocketResponse(protocols=("chat.v1",), compress=False)
        await socket.prepare(request)
        user = ""
        async for message in socket:
            if message.type is not WSMsgType.TEXT:
                continue
            ((name, content),) = json.loads(message.data).items()
            if name == "hello":
                user = content["user"]
                self.sockets[user] = socket
                await socket.send_json({"welcome": {"node": "chat-1"}})
            elif name == "send":
                await self._send(socket, user, content)
            else:
                await socket.send_json({"pong": {}})
        return socket

    async def _send(self, socket, user, content):
        self.sent += 1
        if not self.drop_every or self.sent % self.drop_every:
            await self.sockets[content["to"]].send_json({"message": {**content, "from": user}})
        await socket.send_json({"stored": {"id": content["id"]}})


@pytest.fixture
def run(tmp_path):
    """Run a short load on a chat, with the adapter named by its import path, and judge it."""

    async def go(chat):
        app = web.Application()
        app.add_routes([web.get("/chat", chat.serve)])
        runner = web.AppRunner(app, shutdown_timeout=0.1)
        await runner.setup()
        site = web.TCPSite(runner, "127.0.0.1", 0)
        await site.start()
        port = site._server.sockets[0].getsockname()[1]
        scenario = from_builtins(
            {
                "version": 1, "name": "x", "about": "x",
                "target": {
                    "adapter": ADAPTER, "stack": "external", "server": {"heads_poll_ms": 100},
                },
                "load": {
                    "users": USERS, "workload": {"direct": 1}, "rate": "40/s",
                    "ramp": "500ms", "steady": "1500ms",
                },
                "delivery_deadline": "1s",
            }
        )  # fmt: skip
        directory = RunDir.create(tmp_path, "x", 1)
        load = LoadFile(scenario, directory, [f"ws://127.0.0.1:{port}"], 1)
        engine = Engine(load, Stripe())
        running = asyncio.create_task(engine.run())
        for _ in range(USERS):
            engine.command(engine.add_user)
        await asyncio.wait({running}, timeout=2.1)
        engine.command(engine.drain)
        await running
        await runner.cleanup()
        adapter = {"name": ADAPTER, "capabilities": sorted(Template.capabilities)}
        write_json(
            directory.manifest, {"scenario": to_builtins(scenario), "seed": 1, "adapter": adapter}
        )
        return judge(directory)

    return go


def verdicts(result):
    """Return the verdict of each check by its name."""
    return {check["id"]: check["verdict"] for check in result["checks"]}


async def test_without_capabilities_deliveries_are_judged_and_storage_is_not(run):
    result = await run(Chat())
    found = verdicts(result)
    assert result["counts"]["acked"] == result["counts"]["ops"] > 20
    assert found["undelivered"] == found["sender-fifo"] == found["duplicate"] == "valid"
    assert found["lost-acked"] == found["wire-order"] == "not-applicable"
    grades = {grade["aspect"]: grade["grade"] for grade in result["grades"]}
    assert grades.items() >= {"loss": "C", "order": "C", "duplicates": "B", "content": "C"}.items()


@pytest.mark.full  # the quiesce waits for the dropped messages
async def test_a_system_that_drops_acknowledged_messages_fails(run):
    result = await run(Chat(drop_every=10))
    assert verdicts(result)["undelivered"] == "invalid"
    assert result["verdict"]["exit_code"] == 1
