"""The examples of docs/howto/faults-on-your-own-system.md are valid, and those that can run do."""

import re
import shutil
import subprocess
import sys
import time
from pathlib import Path

import pytest
import yaml

from gauntlet.core.scenario import loader

PAGE = (Path(__file__).parents[1] / "docs/howto/faults-on-your-own-system.md").read_text()
EXAMPLES = re.findall(r"^```yaml\n(.*?)^```", PAGE, re.MULTILINE | re.DOTALL)
WHOLE = {
    "version": 1,
    "name": "example",
    "about": "An example of the page.",
    "target": {"adapter": "mine:Chat", "stack": "external", "url": ["ws://127.0.0.1:9000/ws"]},
    "load": {"steady": "60s"},
}


def faults():
    """The faults of all examples, by id."""
    found = [fault for text in EXAMPLES for fault in yaml.safe_load(text).get("faults", [])]
    return {fault["id"]: fault for fault in found}


@pytest.mark.parametrize("text", EXAMPLES, ids=lambda text: text.split("\n")[1].strip()[:30])
def test_an_example_is_a_valid_scenario(text):
    scenario = loader.parse(yaml.safe_dump({**WHOLE, **yaml.safe_load(text)}), "example")
    assert scenario.target.stack == "external"


@pytest.mark.parametrize(
    ("fault", "program"),
    [("crash", "pkill"), ("service-down", "systemctl"), ("container-paused", "docker"),
     ("pod-lost", "kubectl")],
)  # fmt: skip
def test_there_is_an_example_for(fault, program):
    params = faults()[fault]["params"]
    assert {"inject", "prove", "heal", "verify"} <= set(params)
    assert any(program in " ".join(params[step]) for step in ("inject", "verify"))


def test_shell_text_is_syntactically_correct():
    texts = [
        params[step][2]
        for params in (fault.get("params", {}) for fault in faults().values())
        for step in ("inject", "prove", "heal", "verify")
        if params.get(step, [])[:2] == ["sh", "-c"]
    ]
    assert texts
    for text in texts:
        subprocess.run(["sh", "-n", "-c", text], check=True)


@pytest.mark.skipif(not shutil.which("pkill"), reason="pkill is not installed")
def test_the_commands_with_a_pid_file_act_on_that_process_alone(tmp_path):
    server = subprocess.Popen([sys.executable, "-c", "import time; time.sleep(60)"])
    other = subprocess.Popen([sys.executable, "-c", "import time; time.sleep(60)"])
    file = tmp_path / "chat.pid"
    file.write_text(f"{server.pid}\n")

    def succeeds(step):
        command = [
            word.replace("/run/chat/chat.pid", str(file))
            for word in faults()["crash"]["params"][step]
        ]
        return subprocess.run(command, check=False).returncode == 0

    try:
        deadline_s = time.monotonic() + 30
        while not succeeds("verify"):  # until it is Python that runs there
            assert time.monotonic() < deadline_s
            time.sleep(0.05)
        assert not succeeds("prove")
        assert succeeds("inject")
        assert server.wait(30) == -9
        assert succeeds("prove")
        assert not succeeds("verify")
        assert other.poll() is None
    finally:
        for process in (server, other):
            process.kill()
            process.wait()
