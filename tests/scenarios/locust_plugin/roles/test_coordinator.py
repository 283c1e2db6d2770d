"""A master's coordinator by itself: its workers are functions, and Locust only passes messages."""

import pytest

from ..child_script import run_script

pytestmark = pytest.mark.integration  # starts processes that import Locust

PREAMBLE = """
import json, tempfile
from pathlib import Path
from types import SimpleNamespace
import gevent, msgspec
from locust.env import Environment
from gauntlet.core import clock
from gauntlet.core.run_directory import RunDir
from gauntlet.core.run_directory import read_jsonl
from gauntlet.core.scenario.model import from_builtins
from gauntlet.runner.load_process import write_load_file
from gauntlet.scenarios.distributed import worker_identity
from gauntlet.scenarios.locust_plugin.roles.coordinator import MasterCoordinator

SCENARIO = from_builtins({"version": 1, "name": "x", "about": "x"})
IDENTITY = worker_identity.of_this_process(SCENARIO)

class Runner:
    def __init__(self, workers):
        self.workers, self.handlers, self.sent = workers, {}, []
        nodes = {name: SimpleNamespace(id=name, state="ready") for name in workers}
        self.clients = SimpleNamespace(get=nodes.get, nodes=nodes)
        self.clients.ready = list(nodes.values())
    def register_message(self, kind, handler, concurrent=False):
        self.handlers[kind] = handler
    def send_message(self, kind, data, client):
        self.sent.append([kind, client])
        if kind == "quit":
            self.clients.ready = [node for node in self.clients.ready if node.id != client]
        else:
            gevent.spawn(self.answer, client, data)
    def answer(self, client, request):
        data = self.workers[client](request["what"], request["data"])
        if data is not None:
            times = dict.fromkeys(("heard_ns", "answered_ns"), clock.now_ns())
            answer = {"number": request["number"], "data": data, **times}
            self.deliver("gauntlet-answer", client, answer)
    def deliver(self, kind, client, data):
        self.handlers[kind](None, SimpleNamespace(node_id=client, data=data))
    def engine_failed(self, client, message, exit_code):
        data = {"message": message, "exit_code": exit_code}
        self.deliver("gauntlet-tell", client, {"what": "engine-failed", "data": data})

def worker(**answers):
    default = {
        "who": msgspec.to_builtins(IDENTITY), "prepare": {"shares": True}, "drain": {"files": []},
    }
    return lambda what, data: {**default, **answers}.get(what, {})

folder = tempfile.TemporaryDirectory()
run = RunDir.create(Path(folder.name), "x", 1)
file = write_load_file(run, SCENARIO, ["http://127.0.0.1:1"])
run_ended_with = []

def coordinate(**workers):
    runner = Runner(workers)
    end_run = lambda code: run_ended_with.append(int(code))
    return runner, MasterCoordinator(Environment(), runner, IDENTITY, end_run)

def print_result(codes=()):
    rows = list(read_jsonl(run.events / "load-master.jsonl"))
    workers = [row for row in rows if row["kind"] == "worker"]
    steps = [[row["worker"], row["step"], row["message"]] for row in workers]
    refused = [row["message"] for row in rows if row["kind"] == "refused"]
    print(json.dumps([[int(code) for code in codes], run_ended_with, steps, refused]))
"""


def result_of(script):
    """Exit codes, the codes with which the run was ended, the workers' steps, and refusals."""
    return run_script(script, PREAMBLE)


def last_steps(steps):
    """The last step of each worker with its message."""
    return {number: (step, message) for number, step, message in steps}


def test_a_worker_whose_engine_fails_is_lost_and_the_other_is_drained():
    """Its reason is reported, and the run does not succeed."""
    codes, run_ended_with, steps, _ = result_of("""
        runner, coordinator = coordinate(a=worker(), b=worker())
        coordinator.begin(file, 2)
        runner.engine_failed("b", "out of memory", 3)
        print_result(coordinator.drain())
    """)
    steps = last_steps(steps)
    assert (codes, run_ended_with) == ([3], [])
    assert steps[0][0] == "whole"
    assert steps[1][0] == "lost"
    assert steps[1][1].endswith("s: out of memory")


def test_a_configuration_error_of_one_worker_ends_the_run():
    """Every other worker would fail in the same way."""
    codes, run_ended_with, *_ = result_of("""
        runner, coordinator = coordinate(a=worker())
        coordinator.begin(file, 1)
        runner.engine_failed("a", "10.0.0.1 is not on loopback", 4)
        print_result(coordinator.drain())
    """)
    assert (codes, run_ended_with) == ([3], [4])


@pytest.mark.parametrize(
    ("answers", "reason"),
    [
        ("drain={'files': [['history/w0-g0.bin', 4, '00']]}", "another checksum"),
        ("chunk={'error': 'it broke', 'exit_code': 3}", "it broke"),
    ],
)
def test_a_worker_whose_files_do_not_arrive_intact_is_lost(answers, reason):
    """None of its files is in the run directory."""
    *_, steps, _ = result_of(f"""
        remote = dict(prepare={{"shares": False}}, chunk={{"bytes": b"1234"}},
                      drain={{"files": [["history/w0-g0.bin", 4, "00"]]}})
        runner, coordinator = coordinate(a=worker(**{{**remote, **dict({answers})}}))
        coordinator.begin(file, 1)
        codes = coordinator.drain()
        assert not list(run.history.iterdir())
        print_result(codes)
    """)
    step, message = last_steps(steps)[0]
    assert step == "lost"
    assert reason in message


def test_a_worker_that_does_not_run_gauntlet_is_refused():
    """It cannot identify itself, and no users must be distributed over it."""
    *_, steps, refused = result_of("""
        without_gauntlet = worker(who={"error": "what?", "exit_code": 3})
        runner, coordinator = coordinate(a=worker(), b=without_gauntlet)
        coordinator.begin(file, 1)
        assert ["quit", "b"] in runner.sent
        coordinator.drain()
        print_result()
    """)
    assert refused == ["The worker b is refused: it is not a Gauntlet worker."]
    assert set(last_steps(steps)) == {0}


def test_a_worker_with_another_version_of_the_adapter_is_refused():
    *_, steps, refused = result_of("""
        adapter = "gauntlet.scenarios.adapters._template:Template"
        target = {"stack": "external", "adapter": adapter, "url": ["http://127.0.0.1:1"]}
        other = from_builtins({"version": 1, "name": "x", "about": "x", "target": target})
        file = write_load_file(run, other, ["http://127.0.0.1:1"])
        from gauntlet.scenarios.adapters.package_version import version_of
        good = worker(adapter={"version": version_of(adapter)})
        bad = worker(adapter={"version": "acme 1.1 (code 0)"})
        missing = worker(adapter={"error": "it cannot be imported", "exit_code": 4})
        runner, coordinator = coordinate(a=good, b=bad, c=missing)
        for id in "bc":  # a refused worker quits
            runner.clients.nodes[id].state = "quit"
        answer = runner.answer
        def leave(client, request):
            answer(client, request)
            if request["what"] == "refuse":
                runner.send_message("quit", None, client)
        runner.answer = leave
        coordinator.begin(file, 1)
        coordinator.drain()
        print_result()
    """)
    assert any("the adapter gauntlet.scenarios" in text for text in refused), refused
    assert any("of acme 1.1 (code 0), the master of " in text for text in refused), refused
    assert any("is refused: it cannot be imported." in text for text in refused), refused
    assert set(last_steps(steps)) == {0}
