"""The audit of a system without positions: the archives of all members, as one."""

from types import SimpleNamespace

import pytest

from gauntlet.kernel.history import Flag, Kind
from scenarios import audit, payload
from scenarios.adapters.base import Entry, Page
from scenarios.adapters.xmpp import Xmpp
from scenarios.audit import Audit

from .world import TALK, World


def said(sseq, ident, body=""):
    """A message of Bob's in somebody's archive."""
    text = body or payload.build(TALK.number, 2, sseq, 500, 120)
    return Entry(TALK.name, 0, "u0-1", text, id=ident)


@pytest.fixture
def audited(monkeypatch):
    """Audits a talk whose members have these archives, in pages of two; the world after it."""

    async def ask(_port, _access, _gateway, page, _within_s):
        return page

    monkeypatch.setattr(audit, "ask", ask)

    async def go(*archives):
        world = World(Xmpp({}))

        def session(entries):
            def history(_conv, after, _limit):
                start = next((at + 1 for at, one in enumerate(entries) if one.id == after), 0)
                return Page(entries[start : start + 2], more=len(entries) > start + 2)

            return SimpleNamespace(access=SimpleNamespace(codec=SimpleNamespace(history=history)))

        sessions = {user: session(one) for user, one in zip((1, 2), archives, strict=True)}
        await Audit(world.context, None, sessions).run([TALK])
        return world

    return go


def found(world):
    """The numbers of the messages that the audit recorded."""
    return [record.fields["sseq"] for record in world.kinds(Kind.AUDIT)]


async def test_stored_is_what_any_archive_holds(audited):
    """Each has its own ids and may lack some; every page is read."""
    world = await audited(
        [said(1, "a"), said(2, "b"), said(3, "c")], [said(2, "x"), said(3, "y"), said(4, "z")]
    )
    assert found(world) == [1, 2, 3, 4]
    assert len(world.kinds(Kind.HEAD)) == 1
    assert all(record.fields["seq"] == 0 for record in world.kinds(Kind.AUDIT))


async def test_a_message_stored_twice_is_recorded_twice(audited):
    """Once in each archive is one message; twice in one of them is a duplicate."""
    world = await audited([said(1, "a"), said(1, "b")], [said(1, "x")])
    assert found(world) == [1, 1]


async def test_what_is_none_of_ours_is_recorded_as_such(audited):
    """A phantom in an archive is evidence, and stored for nobody."""
    world = await audited([said(1, "a", body="hello")], [])
    (record,) = world.kinds(Kind.AUDIT)
    assert record.fields["flags"] & Flag.FOREIGN
