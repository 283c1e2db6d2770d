"""What an awaited call of an adapter costs when the adapter or the server does something else."""

import pytest

from gauntlet.scenarios.adapters.base import Immediate, ProtocolError
from gauntlet.scenarios.engine import answers
from gauntlet.scenarios.engine.answers import answer_to


class Channel:
    """Keeps the exceptions of the adapter."""

    def __init__(self):
        self.errors = []
        self.record_error = self.errors.append


@pytest.fixture(autouse=True)
def calls(monkeypatch):
    """Calls have their value already, and one without a value has no answer."""

    async def call_and_wait(_transport, _channel, _gateway, call, _timeout_s):
        if call.value is None:
            raise ProtocolError("no answer")
        return call.value

    monkeypatch.setattr(answers, "call_and_wait", call_and_wait)


def accept(_value):
    """Accept every value."""


async def test_the_answer_to_a_call_is_checked():
    checked = []
    answer = await answer_to(None, Channel(), 0, lambda: Immediate(value=5), checked.append, 1.0)
    assert (answer, checked) == (5, [5])


@pytest.mark.parametrize("make", [lambda: None, lambda: Immediate(value=None)])
async def test_without_a_call_or_an_answer_there_is_no_value(make):
    channel = Channel()
    with pytest.raises(ProtocolError):
        await answer_to(None, channel, 0, make, accept, 1.0)
    assert channel.errors == []


@pytest.mark.parametrize("part", ["make", "check"])
async def test_an_exception_of_the_adapter_is_recorded_and_costs_one_call(part):
    """In what makes the call, and in a value of another shape than the check expects."""
    error, channel = KeyError("entries"), Channel()

    def fail(*_):
        raise error

    parts = {"make": lambda: Immediate(value=5), "check": accept} | {part: fail}
    with pytest.raises(ProtocolError) as raised:
        await answer_to(None, channel, 0, parts["make"], parts["check"], 1.0)
    assert channel.errors == [raised.value.__cause__] == [error]


async def test_a_refusal_is_no_exception_of_the_adapter():
    channel = Channel()

    def refuse(_value):
        raise ProtocolError("403")

    with pytest.raises(ProtocolError, match="403"):
        await answer_to(None, channel, 0, lambda: Immediate(value=5), refuse, 1.0)
    assert channel.errors == []
