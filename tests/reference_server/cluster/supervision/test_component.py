"""One component's life: healthy, exited and restarted, killed and held, failed with its log."""

import asyncio
import os
import signal
import sys
from dataclasses import replace

import pytest

from gauntlet.reference_server.cluster.supervision import component as module
from gauntlet.reference_server.cluster.supervision.component import Component, restart_delay_s
from gauntlet.reference_server.cluster.topology.errors import StartError, StateError


@pytest.fixture
async def started(planned, web_server):
    """A component that is up, and the events that it told."""
    events = []
    one = planned("one")
    component = Component(one, web_server(one), lambda *event: events.append(event))
    await component.start()
    yield component, events
    await component.stop()


async def until(condition):
    """Poll until something holds; the test's own time-out is the limit."""
    while not condition():
        await asyncio.sleep(0.01)


@pytest.mark.parametrize(
    ("previous_s", "up_s", "expected_s"),
    [(None, 0, 0.5), (0.5, 1, 1.0), (1.0, 1, 2.0), (4.0, 1, 5.0), (5.0, 1, 5.0), (5.0, 10, 0.5)],
)
def test_the_restart_delay_doubles_until_a_stable_life(previous_s, up_s, expected_s):
    """Half a second at first, five at most."""
    assert restart_delay_s(previous_s, up_s) == expected_s


async def test_start_returns_when_healthy(started):
    """With the pid, which the event tells too; a second start finds it running."""
    component, events = started
    assert component.state == "up"
    assert events == [("one", "started", component.pid, {})]
    assert await component.start() == component.pid


async def test_an_exit_is_told_and_mended(started):
    """The new process has a new pid, and the restart is counted."""
    component, events = started
    pid = component.pid
    os.kill(pid, signal.SIGKILL)
    await until(lambda: len(events) == 3)
    assert events[1] == ("one", "exited", pid, {"status": "SIGKILL"})
    assert events[2][1:3] == ("started", component.pid)
    assert (component.state, component.restarts) == ("up", 1)
    assert component.pid != pid


async def test_a_kill_holds_even_between_restarts(started):
    """Killed after it exited by itself, it stays down until it is started."""
    component, events = started
    os.kill(component.pid, signal.SIGKILL)
    await until(lambda: component.state == "exited")
    await component.kill()
    await asyncio.sleep(module.RESTART_DELAY_MIN_S + 0.2)
    assert (component.state, component.pid, component.restarts) == ("held", None, 0)
    with pytest.raises(StateError):
        await component.kill()
    assert await component.start() == component.pid
    assert [event[1] for event in events] == ["started", "exited", "killed", "started"]


async def test_two_starts_at_once_make_one_keeper(planned, web_server):
    """After a crash one process comes, whether it ran before or not, and a stop ends it."""
    one, events = planned("one"), []
    component = Component(one, web_server(one), lambda *event: events.append(event[1]))
    for number in (1, 2):
        pids = await asyncio.gather(component.start(), component.start())
        assert set(pids) == {component.pid}
        os.kill(component.pid, signal.SIGKILL)
        await until(lambda number=number: events.count("started") == 1 + number)
        await asyncio.sleep(0.2)
        assert component.restarts == number
    await component.stop()
    await asyncio.sleep(module.RESTART_DELAY_MIN_S + 0.2)
    assert (component.state, component.pid, component.restarts) == ("held", None, 2)
    assert events == ["started", "exited", "started", "exited", "started"]


@pytest.mark.parametrize("end", [Component.kill, Component.stop])
async def test_an_end_during_a_start_holds(started, end):
    """It ends the process that the start makes, not the one before it, and nothing restarts it."""
    component, _ = started
    await component.kill()
    ready = asyncio.Event()
    component.launch = replace(component.launch, prepare=ready.wait)
    start = asyncio.create_task(component.start())
    await until(lambda: component.state == "starting")
    ending = asyncio.create_task(end(component))
    await asyncio.sleep(0.05)
    ready.set()
    await asyncio.gather(start, ending)
    await asyncio.sleep(module.RESTART_DELAY_MIN_S + 0.2)
    assert (component.state, component.pid, component.restarts) == ("held", None, 0)


async def test_pause_and_resume_need_a_process(started):
    """And each other."""
    component, events = started
    with pytest.raises(StateError, match="not paused"):
        component.resume()
    component.pause()
    assert component.state == "paused"
    with pytest.raises(StateError, match="paused"):
        await component.start()
    component.resume()
    assert component.state == "up"
    await component.stop()
    with pytest.raises(StateError, match="no process"):
        component.pause()
    assert [event[1] for event in events] == ["started", "paused", "resumed"]


async def test_a_process_that_ends_early_is_a_failure_with_its_last_words(planned, web_server):
    """At once, not after the time-out, and nothing restarts it."""
    one = planned("one")
    launch = replace(web_server(one), argv=(sys.executable, "-c", "exit('no disk')"))
    component = Component(one, launch, lambda *_: None)
    with pytest.raises(StartError, match="ended with exit code 1") as caught:
        await component.start()
    assert caught.value.failed() == {
        "component": "one",
        "reason": "ended with exit code 1 before it was healthy",
        "log_tail": ["no disk"],
        "missing": False,
        "refused": False,
    }
    assert (component.state, component.restarts) == ("exited", 0)


async def test_a_process_that_never_gets_healthy_is_ended(planned, web_server, monkeypatch):
    """And named, with its helpers gone as well."""
    monkeypatch.setattr(module, "START_TIMEOUT_S", 0.3)
    one = planned("one")
    launch = replace(web_server(one), argv=("sleep", "60"), helpers=(("sleep", "61"),))
    component = Component(one, launch, lambda *_: None)
    with pytest.raises(StartError, match="not healthy after"):
        await component.start()
    assert component.pid is None


async def test_a_program_that_is_not_there_is_a_failure(planned, web_server):
    """Not a traceback."""
    one = planned("one")
    launch = replace(web_server(one), argv=("/no/such/program",))
    component = Component(one, launch, lambda *_: None)
    with pytest.raises(StartError, match="/no/such/program"):
        await component.start()
