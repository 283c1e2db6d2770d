"""A master's fleet by itself: workers that are functions, on a Locust that only passes on."""

import subprocess
import sys
import textwrap

import msgspec
import pytest

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
from gauntlet.scenarios.distributed import worker_identity as identity
from gauntlet.scenarios.locust_plugin.roles.master import Fleet

SCENARIO = from_builtins({"version": 1, "name": "x", "about": "x"})
OURS = identity.of_this_process(SCENARIO)

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
    def answer(self, client, asked):
        data = self.workers[client](asked["what"], asked["data"])
        if data is not None:
            times = dict.fromkeys(("heard_ns", "answered_ns"), clock.now_ns())
            self.say("gauntlet-answer", client, {"number": asked["number"], "data": data, **times})
    def say(self, kind, client, data):
        self.handlers[kind](None, SimpleNamespace(node_id=client, data=data))
    def broke(self, client, message, exit_code):
        told = {"message": message, "exit_code": exit_code}
        self.say("gauntlet-tell", client, {"what": "broke", "data": told})

def worker(**answers):
    known = {"who": msgspec.to_builtins(OURS), "prepare": {"shares": True}, "drain": {"files": []}}
    return lambda what, data: {**known, **answers}.get(what, {})

run = RunDir.create(Path(tempfile.mkdtemp()), "x", 1)
file = write_load_file(run, SCENARIO, ["http://127.0.0.1:1"])
ended = []

def fleet(**workers):
    runner = Runner(workers)
    return runner, Fleet(Environment(), runner, OURS, lambda code: ended.append(int(code)))

def told(codes=()):
    rows = list(read_jsonl(run.events / "load-master.jsonl"))
    workers = [row for row in rows if row["kind"] == "worker"]
    steps = [[row["worker"], row["step"], row["message"]] for row in workers]
    refused = [row["message"] for row in rows if row["kind"] == "refused"]
    print(json.dumps([[int(code) for code in codes], ended, steps, refused]))
"""


def told(script):
    """Exit codes, what the run was ended with, workers' steps, refusals.

    Locust patches the process that imports it.
    """
    text = PREAMBLE + textwrap.dedent(script)
    shown = subprocess.run(
        [sys.executable, "-P", "-c", text], capture_output=True, text=True, timeout=60, check=False
    )
    assert shown.returncode == 0, shown.stderr
    return msgspec.json.decode(shown.stdout)


def last_steps(steps):
    """Each worker's last step and word."""
    return {number: (step, message) for number, step, message in steps}


def test_an_engine_that_broke_is_a_lost_worker():
    """Its reason is told; the other one is drained, and the run is no success."""
    codes, ended, steps, _ = told("""
        runner, both = fleet(a=worker(), b=worker())
        both.begin(file, 2)
        runner.broke("b", "out of memory", 3)
        told(both.drain())
    """)
    steps = last_steps(steps)
    assert (codes, ended) == ([3], [])
    assert steps[0][0] == "whole"
    assert steps[1][0] == "lost"
    assert steps[1][1].endswith("s: out of memory")


def test_a_configuration_that_no_worker_can_use_ends_the_run():
    """It would be the same everywhere, so nobody waits for the others."""
    codes, ended, *_ = told("""
        runner, one = fleet(a=worker())
        one.begin(file, 1)
        runner.broke("a", "10.0.0.1 is not on loopback", 4)
        told(one.drain())
    """)
    assert (codes, ended) == ([3], [4])


@pytest.mark.parametrize(
    ("answers", "why"),
    [
        ("drain={'files': [['history/w0-g0.bin', 4, '00']]}", "another checksum"),
        ("piece={'error': 'it broke', 'exit_code': 3}", "it broke"),
    ],
)
def test_a_part_that_does_not_come_home_whole_is_lost(answers, why):
    """And nothing of it is in the run directory."""
    *_, steps, _ = told(f"""
        home = dict(prepare={{"shares": False}}, piece={{"bytes": b"1234"}},
                    drain={{"files": [["history/w0-g0.bin", 4, "00"]]}})
        runner, one = fleet(a=worker(**{{**home, **dict({answers})}}))
        one.begin(file, 1)
        codes = one.drain()
        assert not list(run.history.iterdir())
        told(codes)
    """)
    step, message = last_steps(steps)[0]
    assert step == "lost"
    assert why in message


def test_a_worker_of_a_locust_without_us_is_sent_away():
    """It cannot say who it is, and users must not be spread over it."""
    *_, steps, refused = told("""
        runner, both = fleet(a=worker(), b=worker(who={"error": "what?", "exit_code": 3}))
        both.begin(file, 1)
        assert ["quit", "b"] in runner.sent
        both.drain()
        told()
    """)
    assert refused == ["The worker b is refused: it does not speak as one of ours."]
    assert set(last_steps(steps)) == {0}
