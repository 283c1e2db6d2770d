"""Only one cluster at a time uses a data folder."""

import errno
import os
import subprocess
import sys

import pytest

from gauntlet.reference_server.cluster.engines import data_lock
from gauntlet.reference_server.cluster.topology.errors import StartError

HOLD = f"""
import pathlib, sys
from {data_lock.__name__} import hold
hold(pathlib.Path(sys.argv[1]))
print(flush=True)
input()
"""


def test_a_folder_in_use_is_refused_until_the_other_process_has_ended(tmp_path):
    with subprocess.Popen(
        [sys.executable, "-P", "-c", HOLD, str(tmp_path)],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
    ) as other:
        other.stdout.readline()
        for _ in range(2):  # a refusal changes nothing
            with pytest.raises(StartError, match="is in use by another cluster") as refused:
                data_lock.hold(tmp_path)
        assert str(tmp_path) in refused.value.failed()["reason"]
        other.kill()
    os.close(data_lock.hold(tmp_path))


def test_the_processes_of_a_cluster_do_not_hold_its_lock(tmp_path):
    """A store may end a moment after a cluster that was killed."""
    descriptor = data_lock.hold(tmp_path)
    with subprocess.Popen([sys.executable, "-S", "-c", "input()"], stdin=subprocess.PIPE) as child:
        os.close(descriptor)
        os.close(data_lock.hold(tmp_path))
        child.kill()
    assert (tmp_path / data_lock.FILE_NAME).stat().st_mode & 0o777 == 0o600


def test_a_file_system_without_locks_is_used_without_one(tmp_path, monkeypatch):
    def unsupported(*_):
        raise OSError(errno.ENOLCK, "no locks available")

    monkeypatch.setattr(data_lock.fcntl, "flock", unsupported)
    os.close(data_lock.hold(tmp_path))
