"""Layouts: by name or written out; whatever cannot serve is refused with its key."""

import pytest

from gauntlet.reference_server.cluster.topology import layouts
from gauntlet.reference_server.cluster.topology.errors import RequestError
from gauntlet.reference_server.cluster.topology.layouts import LAYOUTS
from gauntlet.reference_server.core.config import SERVICES

HTTP = [service for service in SERVICES if service != "edge"]


@pytest.mark.parametrize("stack", ["embedded", "full"])
@pytest.mark.parametrize("name", LAYOUTS)
def test_named_layouts_can_serve(name, stack):
    """On both stacks."""
    layouts.check(stack, layouts.choose(stack, name))


@pytest.mark.parametrize("stack", ["embedded", "full"])
def test_split_gives_every_service_its_own_process(stack):
    """Roles are named after what they host, and host nothing else."""
    split = layouts.choose(stack, "split").processes
    assert {role: process.services for role, process in split.items()} == {
        service: (service,) for service in HTTP
    }


def test_a_layout_can_be_written_out():
    """Counts that are left out have their defaults."""
    core = {"services": ["gateway", "message"], "count": 3}
    rest = {"services": ["room", "sessions", "friend", "sticker"]}
    layout = layouts.choose("full", {"processes": {"core": core, "rest": rest}, "edges": 4})
    layouts.check("full", layout)
    assert (layout.edges, layout.spare) == (4, 1)
    assert [process.count for process in layout.processes.values()] == [3, 1]


def one(**change):
    """A layout of one role that hosts everything, changed."""
    return {"processes": {"all": {"services": HTTP, **change}}}


@pytest.mark.parametrize(
    ("wanted", "told"),
    [
        ("none", "layout: found 'none'; allowed: default"),
        ({}, "layout.processes: required"),
        (one(count=0), r"layout.processes.all: .*count"),
        (one(number=2), r"layout.processes.all: .*number"),
        (one(services=["chat"]), r"layout.processes.all: .*chat"),
        ({**one(), "edge": 3}, r"layout: .*edge"),
        ({**one(), "edges": 0}, r"layout: .*edges"),
        (one(services=[*HTTP, "edge"]), "layout.processes.all.services"),
        (one(services=[]), "layout.processes.all.services"),
        (one(services=HTTP[1:]), "no role hosts gateway"),
        (one(count=2), "2 processes host room; allowed on full: 1"),
        ({"processes": {"registry": {"services": HTTP}}}, "layout.processes.registry"),
        ({"processes": {"room": {"services": ["message"]}}}, "layout.processes.room.services"),
    ],
)
def test_what_cannot_serve_is_refused_with_its_key(wanted, told):
    """Before anything is planned."""
    with pytest.raises(RequestError, match=told) as refused:
        layouts.check("full", layouts.choose("full", wanted))
    assert refused.value.failed()["refused"]


def test_the_messages_db_has_one_writer_on_embedded():
    """Two would each order their own commits; PostgreSQL orders for any number."""
    processes = {
        "message": {"services": ["message"], "count": 2},
        "rest": {"services": [service for service in HTTP if service != "message"]},
    }
    layouts.check("full", layouts.choose("full", {"processes": processes}))
    with pytest.raises(RequestError, match="host message; allowed on embedded: 1"):
        layouts.check("embedded", layouts.choose("embedded", {"processes": processes}))
