"""Layouts by name or as an object; one that cannot work is refused with its key."""

import pytest

from gauntlet.reference_server.cluster.topology import layouts
from gauntlet.reference_server.cluster.topology.errors import RequestError
from gauntlet.reference_server.cluster.topology.layouts import LAYOUTS
from gauntlet.reference_server.core.config import SERVICES

HTTP = [service for service in SERVICES if service != "edge"]


@pytest.mark.parametrize("stack", ["embedded", "full"])
@pytest.mark.parametrize("name", LAYOUTS)
def test_every_named_layout_works_on_both_stacks(name, stack):
    layouts.check(stack, layouts.choose(stack, name))


@pytest.mark.parametrize("stack", ["embedded", "full"])
def test_the_split_layout_gives_every_service_its_own_process(stack):
    split = layouts.choose(stack, "split").processes
    assert {role: process.services for role, process in split.items()} == {
        service: (service,) for service in HTTP
    }


def test_a_layout_can_be_defined_by_an_object():
    """Counts that are left out have their defaults."""
    core = {"services": ["gateway", "message"], "count": 3}
    rest = {"services": ["room", "sessions", "friend", "sticker"]}
    layout = layouts.choose("full", {"processes": {"core": core, "rest": rest}, "edges": 4})
    layouts.check("full", layout)
    assert (layout.edges, layout.spare) == (4, 1)
    assert [process.count for process in layout.processes.values()] == [3, 1]


def one_role(**change):
    """Return a layout of one role that hosts everything, with changes."""
    return {"processes": {"all": {"services": HTTP, **change}}}


@pytest.mark.parametrize(
    ("requested", "error"),
    [
        ("none", "layout: found 'none'; allowed: default"),
        ({}, "layout.processes: required"),
        (one_role(count=0), r"layout.processes.all: .*count"),
        (one_role(number=2), r"layout.processes.all: .*number"),
        (one_role(services=["chat"]), r"layout.processes.all: .*chat"),
        ({**one_role(), "edge": 3}, r"layout: .*edge"),
        ({**one_role(), "edges": 0}, r"layout: .*edges"),
        (one_role(services=[*HTTP, "edge"]), "layout.processes.all.services"),
        (one_role(services=[]), "layout.processes.all.services"),
        (one_role(services=HTTP[1:]), "no role hosts gateway"),
        (one_role(count=2), "2 processes host room; allowed on full: 1"),
        ({"processes": {"registry": {"services": HTTP}}}, "layout.processes.registry"),
        ({"processes": {"room": {"services": ["message"]}}}, "layout.processes.room.services"),
    ],
)
def test_a_layout_that_cannot_work_is_refused_with_its_key(requested, error):
    with pytest.raises(RequestError, match=error) as refused:
        layouts.check("full", layouts.choose("full", requested))
    assert refused.value.failed()["refused"]


def test_there_is_only_one_message_service_on_embedded():
    """Two would order their commits independently; PostgreSQL orders those of any number."""
    processes = {
        "message": {"services": ["message"], "count": 2},
        "rest": {"services": [service for service in HTTP if service != "message"]},
    }
    layouts.check("full", layouts.choose("full", {"processes": processes}))
    with pytest.raises(RequestError, match="host message; allowed on embedded: 1"):
        layouts.check("embedded", layouts.choose("embedded", {"processes": processes}))
