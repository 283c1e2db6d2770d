"""One component: started, restarted after an exit, held down after a kill, failed with its log."""

import asyncio
import os
import signal
import sys
import time
from dataclasses import replace

import pytest

from gauntlet.reference_server.cluster.supervision import component as module
from gauntlet.reference_server.cluster.supervision.component import Component, restart_delay_s
from gauntlet.reference_server.cluster.topology.errors import StartError, StateError


@pytest.fixture
async def started(planned, web_server):
    """A component that is up, and the events that it reported."""
    events = []
    planned_component = planned("one")
    component = Component(
        planned_component, web_server(planned_component), lambda *event: events.append(event)
    )
    await component.start()
    yield component, events
    await component.stop()


async def until(condition):
    """Poll until a condition holds; the test's own time-out is the limit."""
    while not condition():
        await asyncio.sleep(0.01)


@pytest.mark.parametrize(
    ("previous_s", "up_s", "expected_s"),
    [(None, 0, 0.5), (0.5, 1, 1.0), (1.0, 1, 2.0), (4.0, 1, 5.0), (5.0, 1, 5.0), (5.0, 10, 0.5)],
)
def test_the_restart_delay_doubles_up_to_five_seconds_until_a_stable_run(
    previous_s, up_s, expected_s
):
    assert restart_delay_s(previous_s, up_s) == expected_s


async def test_start_returns_the_pid_of_a_healthy_process(started):
    """A second start finds the same process running."""
    component, events = started
    assert component.state == "up"
    assert events == [("one", "started", component.pid, {})]
    assert await component.start() == component.pid


async def test_a_start_with_a_delay_takes_longer_and_has_one_process_throughout(started):
    component, _ = started
    await component.kill()
    began = time.monotonic()
    starting = asyncio.create_task(component.start(0.5))
    await until(lambda: component.pid is not None)
    pid = component.pid
    assert component.state == "starting"
    assert await starting == component.pid == pid
    assert time.monotonic() - began >= 0.5
    assert component.state == "up"


async def test_a_process_that_exits_is_reported_and_restarted(started):
    component, events = started
    pid = component.pid
    os.kill(pid, signal.SIGKILL)
    await until(lambda: len(events) == 3)
    assert events[1] == ("one", "exited", pid, {"status": "SIGKILL"})
    assert events[2][1:3] == ("started", component.pid)
    assert (component.state, component.restarts) == ("up", 1)
    assert component.pid != pid


async def test_a_component_killed_before_its_restart_stays_down_until_it_is_started(started):
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


async def test_two_concurrent_starts_lead_to_one_restart_per_exit(planned, web_server):
    """Whether the component ran before or not; a stop ends the restarts."""
    planned_component, events = planned("one"), []
    component = Component(
        planned_component, web_server(planned_component), lambda *event: events.append(event[1])
    )
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
async def test_a_kill_or_stop_during_a_start_ends_the_new_process(started, end):
    """And nothing restarts it."""
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


async def test_pause_and_resume_need_a_process_in_the_right_state(started):
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


async def test_a_process_that_ends_before_it_is_healthy_fails_with_the_end_of_its_log(
    planned, web_server
):
    """Immediately and not after the time-out, and nothing restarts it."""
    planned_component = planned("one")
    launch = replace(web_server(planned_component), argv=(sys.executable, "-c", "exit('no disk')"))
    component = Component(planned_component, launch, lambda *_: None)
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


async def test_a_process_that_does_not_become_healthy_is_killed_with_its_helpers(
    planned, web_server, monkeypatch
):
    monkeypatch.setattr(module, "START_TIMEOUT_S", 0.3)
    planned_component = planned("one")
    launch = replace(
        web_server(planned_component), argv=("sleep", "60"), helpers=(("sleep", "61"),)
    )
    component = Component(planned_component, launch, lambda *_: None)
    with pytest.raises(StartError, match="not healthy after"):
        await component.start()
    assert component.pid is None


async def test_a_missing_program_is_a_start_error(planned, web_server):
    planned_component = planned("one")
    launch = replace(web_server(planned_component), argv=("/no/such/program",))
    component = Component(planned_component, launch, lambda *_: None)
    with pytest.raises(StartError, match="/no/such/program"):
        await component.start()
