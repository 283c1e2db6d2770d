"""The independent client with servers that do not answer."""

import asyncio

import aiohttp
import pytest

from benchmarks.resilience.client import Account, NotServed, Receiver, limited
from benchmarks.resilience.endurance import MEASUREMENTS, run


async def test_waiting_for_a_device_that_never_comes_online_fails():
    async with aiohttp.ClientSession() as http:
        receiver = Receiver(Account(http, ["http://127.0.0.1:1"], "ann", "d0"))
        with pytest.raises(NotServed, match=r"ann/d0 was not online within 0\.1 s"):
            await asyncio.wait_for(receiver.wait_online(0.1), 30)


async def test_a_timeout_of_the_block_itself_is_not_mistaken_for_the_limit():
    with pytest.raises(TimeoutError):
        async with limited(60.0, "nothing"):
            raise TimeoutError


def test_a_server_that_does_not_answer_has_not_held(monkeypatch):
    def measure(*_):
        raise NotServed("the room was not full within 1 s")

    monkeypatch.setitem(MEASUREMENTS, "churn", measure)
    record = run("churn", "embedded", 1.0, lambda _: None)
    assert not record.held
    assert record.failures == ("the room was not full within 1 s",)
