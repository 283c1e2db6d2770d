"""The operating system's limits on descriptors and ports."""

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


def test_the_soft_limit_is_raised_to_the_hard_one_also_for_children():
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
def test_the_allowed_descriptors_are_bounded_unless_the_soft_limit_is_higher(
    monkeypatch, soft, hard, allowed
):
    monkeypatch.setattr(os_limits.resource, "getrlimit", lambda _: (soft, hard))
    assert os_limits.descriptors_allowed() == allowed


def test_a_limit_that_cannot_be_raised_is_returned_unchanged(monkeypatch):
    def refuse(*_):
        raise ValueError("not allowed to raise maximum limit")

    monkeypatch.setattr(os_limits.resource, "getrlimit", lambda _: (256, 10_240))
    monkeypatch.setattr(os_limits.resource, "setrlimit", refuse)
    assert os_limits.raise_descriptors() == 256


def test_ports_are_counted_from_the_kernels_range_or_the_dynamic_range(tmp_path):
    range_file = tmp_path / "range"
    range_file.write_text("32768\t60999\n")
    assert os_limits.ports_per_address(range_file) == 28_232
    assert os_limits.ports_per_address(tmp_path / "none") == 16_384
