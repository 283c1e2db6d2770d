"""What an engine does before its load: the requests that the adapter needs for its users."""

import json

import pytest

from gauntlet.core.errors import StackError
from gauntlet.scenarios.adapters.base import ProtocolError, Request
from gauntlet.scenarios.engine.engine import Engine
from gauntlet.scenarios.schedule.arrivals import Stripe

from ..chat_server import Chat, ChatServer
from .test_engine import drive, load

ADAPTER = "tests.scenarios.engine.test_preparation:Preparing"


class Preparing(Chat):
    """An adapter that says hello for each user before the load, and then creates conversations."""

    prepared = ()

    def prepare(self, accounts, conversations):
        names = [account.name for account in accounts]
        hellos = [_message(name) for name in names]
        responses = yield hellos
        if any(response.status != 200 for response in responses):
            raise ProtocolError("a hello was refused")
        yield [_message(conv) for conv in conversations]
        Preparing.prepared = (names, dict(conversations))


def _message(name):
    return Request("POST", "/messages", body=json.dumps({"id": name, "to": ["log"]}).encode())


def engine_of(tmp_path, url, **target):
    made = load(tmp_path, [url], {"direct": 1}, limits={"transport": "long-poll"}, **target)
    return Engine(made, Stripe())


async def test_the_users_and_conversations_of_the_load_are_prepared_once(tmp_path):
    async with ChatServer() as server:
        engine = engine_of(tmp_path, server.url("long-poll"), adapter=ADAPTER, stack="external")
        await engine.prepare()
        names, conversations = Preparing.prepared
        assert len(names) == 8
        assert all(set(members) <= set(names) for members in conversations.values())
        stored = [row["message"]["id"] for row in server.logs["log"]]
        assert sorted(stored) == sorted([*names, *conversations])
        await drive(engine, after_s=0.3)
        assert len(server.logs["log"]) == len(stored)


async def test_a_server_that_does_not_answer_prevents_the_load(tmp_path, monkeypatch):
    monkeypatch.setattr("gauntlet.scenarios.network.preparation._WITHIN_S", 0.1)
    engine = engine_of(tmp_path, "http://127.0.0.1:1", adapter=ADAPTER, stack="external")
    with pytest.raises(StackError, match="no answer to POST /messages"):
        await engine.prepare()


async def test_an_adapter_that_prepares_nothing_makes_no_request(tmp_path):
    engine = engine_of(
        tmp_path,
        "http://127.0.0.1:1",
        adapter="tests.scenarios.chat_server:Chat",
        stack="external",
    )
    await engine.prepare()
