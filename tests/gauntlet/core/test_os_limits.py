"""What the machine lets a process and an address have."""

import json
import subprocess
import sys

import pytest

from gauntlet.core import os_limits

CODE = """
import json, resource, subprocess, sys
from gauntlet.core import os_limits as limits
soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
resource.setrlimit(resource.RLIMIT_NOFILE, (100, {hard}))
allowed = limits.descriptors_allowed()
raised = limits.raise_descriptors()
show = "import resource; print(resource.getrlimit(resource.RLIMIT_NOFILE)[0])"
child = subprocess.run([sys.executable, "-c", show], capture_output=True, check=True)
print(json.dumps([allowed, raised, int(child.stdout)]))
"""


def test_a_process_and_its_children_get_what_there_is():
    """The soft limit is raised to the hard one; a child started later has it too."""
    done = subprocess.run(
        [sys.executable, "-c", CODE.format(hard=1000)], capture_output=True, check=True
    )
    assert json.loads(done.stdout) == [1000, 1000, 1000]


@pytest.mark.parametrize(
    ("soft", "hard", "allowed"),
    [
        (1024, 4096, 4096),
        (1024, os_limits.resource.RLIM_INFINITY, 2**20),
        (1024, 2**30, 2**20),
        (2**22, 2**30, 2**22),
    ],
)
def test_a_table_of_a_billion_is_not_asked_for(monkeypatch, soft, hard, allowed):
    """A million is enough; a process that already has more keeps it."""
    monkeypatch.setattr(os_limits.resource, "getrlimit", lambda _: (soft, hard))
    assert os_limits.descriptors_allowed() == allowed


def test_a_refusal_of_the_system_is_no_error(monkeypatch):
    """What cannot be raised stays, and its figure is the answer."""

    def refuse(*_):
        raise ValueError("not allowed to raise maximum limit")

    monkeypatch.setattr(os_limits.resource, "getrlimit", lambda _: (256, 10_240))
    monkeypatch.setattr(os_limits.resource, "setrlimit", refuse)
    assert os_limits.raise_descriptors() == 256


def test_the_range_of_ports_is_the_kernels(tmp_path):
    """Both ends count; where it is not told, it is the dynamic ports."""
    told = tmp_path / "range"
    told.write_text("32768\t60999\n")
    assert os_limits.ports_per_address(told) == 28_232
    assert os_limits.ports_per_address(tmp_path / "none") == 16_384
