"""The versions of the server differ in what the slow one does, and in nothing else."""

import ast
import inspect
from pathlib import Path

from benchmarks.gate import unchanged
from benchmarks.gate.subject import digest, subject
from gauntlet.chaos.server_hooks.bug_files import find_bug

MACHINE = {"cores": 2, "memory_mb": 4096}


def test_every_version_has_a_hook_in_the_same_processes():
    equal, slow = subject(1, ()), subject(1, (), slow=True)
    assert equal.bug != slow.bug
    assert find_bug(equal.bug).services == find_bug(slow.bug).services == ("gateway",)


def test_the_hook_of_the_equal_versions_does_nothing():
    (install,) = ast.parse(inspect.getsource(unchanged.install)).body
    assert [type(each) for each in install.body] == [ast.Expr]
    assert ast.get_docstring(install)


def test_versions_of_one_load_and_machine_have_one_digest_wherever_the_hooks_lie(monkeypatch):
    found = {
        digest(subject(seed, (), slow=slow), MACHINE) for seed, slow in ((1, False), (2, True))
    }
    monkeypatch.setattr("benchmarks.gate.subject.UNCHANGED", Path("/elsewhere/unchanged.py"))
    found.add(digest(subject(1, ()), MACHINE))
    assert len(found) == 1


def test_another_load_or_machine_has_another_digest():
    found = {digest(subject(1, ()), MACHINE), digest(subject(1, ["load.steady=4s"]), MACHINE)}
    found |= {digest(subject(1, ()), {**MACHINE, "cores": 4})}
    assert len(found) == 3
