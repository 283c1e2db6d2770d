"""CPUs and process trees."""

import os
import subprocess
import sys

import pytest

from benchmarks.load import process_tree

SPIN = "import time\nwhile time.process_time() < 0.2: pass\nprint(flush=True); input()"


def test_the_cpu_time_of_a_tree_includes_all_descendants():
    outer = f"import subprocess, sys; subprocess.run([sys.executable, '-c', {SPIN!r}])"
    with subprocess.Popen(
        [sys.executable, "-c", outer], stdin=subprocess.PIPE, stdout=subprocess.PIPE
    ) as child:
        child.stdout.readline()
        assert 0.2 <= process_tree.ProcessTree(child.pid).cpu_s() < 5
        child.stdin.close()


@pytest.mark.skipif(not process_tree.can_pin(), reason="there is one CPU, or no affinity here")
def test_children_are_pinned_and_the_parent_is_not():
    """Otherwise the load would share the CPU of what it measures."""
    ours = os.sched_getaffinity(0)
    show = [sys.executable, "-c", "import os; print(len(os.sched_getaffinity(0)))"]
    with process_tree.pinned(process_tree.GENERATOR_CPU):
        assert subprocess.check_output(show) == b"1\n"
    assert os.sched_getaffinity(0) == ours
