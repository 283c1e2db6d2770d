"""The probe of the list of who is in a room: what it reports of servers that keep it wrongly."""

from types import SimpleNamespace

import pytest

from gauntlet.scenarios.adapters.base import Immediate
from gauntlet.scenarios.conformance import connections
from gauntlet.scenarios.conformance.findings import Outcome

from ..world import ANN, BOB, ROOM


class FakeRoom:
    """A room in which Bob is; `lists` is what its list says while Bob is in it, and while not."""

    def __init__(self, lists):
        self.is_in, self.lists, self.reads = True, lists, 0
        channel = SimpleNamespace(codec=self, ask=lambda make, *arguments: make(*arguments))
        self.creator = SimpleNamespace(user=ANN, channel=channel, call=self.call)
        self.member = SimpleNamespace(user=BOB, session=self)

    def attend(self, room, *, on):
        assert room is ROOM
        self.is_in = on

    def attendance(self, conv):
        assert conv == ROOM.name
        return Immediate(value=None)

    async def call(self, _call):
        self.reads += 1
        return self.lists(self)


def listed(room):
    return [ANN.name, BOB.name] if room.is_in else [ANN.name]


CASES = {
    "follows": (listed, Outcome.HOLDS, "follows a member who exits it and enters it again"),
    "empty": (lambda _room: [], Outcome.FAILS, "does not name a member who entered it."),
    "unanswered": (lambda _room: None, Outcome.FAILS, "does not name a member who entered it."),
    "members": (lambda _room: [ANN.name, BOB.name], Outcome.FAILS, "names a member who exited"),
    "once": (
        lambda room: listed(room) if room.reads < 3 else [ANN.name],
        Outcome.FAILS,
        "does not name a member who entered it again.",
    ),
    "text": (lambda room: " ".join(listed(room)), Outcome.FAILS, "does not name a member"),
}


@pytest.mark.parametrize(("lists", "outcome", "sentence"), CASES.values(), ids=CASES)
async def test_a_list_must_follow_who_is_in_the_room(monkeypatch, lists, outcome, sentence):
    monkeypatch.setattr(connections, "QUIET_S", 0.01)
    monkeypatch.setattr(connections, "PUSH_TIMEOUT_S", 0.03)
    room = FakeRoom(lists)
    found = await connections._try_list(room.creator, room.member, ROOM)
    assert (found.subject, found.outcome) == ("attendance", outcome)
    assert sentence in found.sentence
    assert room.is_in  # whatever was found, later probes need the member


async def test_a_codec_without_the_method_is_reported():
    room = FakeRoom(listed)
    room.creator.channel.codec = SimpleNamespace(attendance=no_method)
    found = await connections._try_list(room.creator, room.member, ROOM)
    assert found.outcome is Outcome.FAILS
    assert "does not implement `attendance`" in found.sentence


def no_method(_conv):
    raise NotImplementedError
