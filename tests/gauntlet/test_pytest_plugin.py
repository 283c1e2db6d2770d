"""The pytest plugin, in test sessions of its own."""

import json
import re
import subprocess
import sys
from importlib import metadata
from pathlib import Path

import pytest

pytest_plugins = ["pytester"]
ROOT = Path(__file__).parents[2]
PAGE = ROOT / "docs/howto/judge-in-pytest.md"
INSTALLED = any(
    point.value == "gauntlet.pytest_plugin" for point in metadata.entry_points(group="pytest11")
)
LOAD = ("-p", "no:cacheprovider") if INSTALLED else ("-p", "gauntlet.pytest_plugin")

CHAT = """
import pytest

class Chat:
    def __init__(self, lost):
        self.lost, self.stored = lost, []

    def send(self, user, conversation, message):
        if message not in self.lost:
            self.stored.append(message)

    def receive(self, user, conversation):
        return list(self.stored)

    def history(self, conversation):
        return list(self.stored)

@pytest.fixture
def chat():
    return Chat(lost={LOST})
"""


def example() -> str:
    found = re.search(
        r"<!-- example: test_chat.py -->\n```python\n(.*?)```", PAGE.read_text(), re.DOTALL
    )
    assert found
    return found[1]


@pytest.fixture
def run(pytester: pytest.Pytester):
    def start(test: str, lost: str = "()") -> pytest.RunResult:
        pytester.makeconftest(CHAT.replace("{LOST}", lost))
        pytester.makepyfile(test)
        return pytester.runpytest_subprocess(*LOAD, "-p", "no:locust", "-p", "no:schemathesis")

    return start


def test_the_example_passes_on_a_correct_system(run):
    run(example()).assert_outcomes(passed=1)


def test_the_example_fails_with_the_witness_on_a_system_that_loses(run):
    result = run(example(), lost="(1,)")
    result.assert_outcomes(passed=1, errors=1)
    shown = " ".join(result.stdout.str().split())
    assert "The recorded history: fail" in shown
    assert "The server acknowledged that message 1 of alice in team is stored" in shown


@pytest.mark.parametrize(
    ("body", "outcomes", "text"),
    [
        ("pass", {"passed": 1}, ""),
        ("im_history.member('bob', 'team')", {"passed": 1, "errors": 1}, "inconclusive"),
        ("im_history.add('nonsense')", {"passed": 1, "errors": 1}, "kind must be one of"),
        ("im_history.deliver('a', 't', 1, positon=1)", {"passed": 1, "errors": 1}, "positon"),
    ],
)
def test_what_a_test_records_decides(run, body, outcomes, text):
    result = run(f"def test_it(im_history):\n    {body}\n")
    result.assert_outcomes(**outcomes)
    assert text in result.stdout.str()


def test_the_plugin_imports_nothing_heavy():
    code = (
        "import pytest, sys, json; before = set(sys.modules); import gauntlet.pytest_plugin; "
        "print(json.dumps(sorted(set(sys.modules) - before)))"
    )
    done = subprocess.run(
        [sys.executable, "-P", "-c", code], capture_output=True, text=True, check=True
    )
    assert set(json.loads(done.stdout)) <= {"gauntlet", "gauntlet.pytest_plugin", "time"}


def test_the_project_registers_the_plugin():
    text = (ROOT / "pyproject.toml").read_text()
    assert '[project.entry-points.pytest11]\ngauntlet = "gauntlet.pytest_plugin"\n' in text
