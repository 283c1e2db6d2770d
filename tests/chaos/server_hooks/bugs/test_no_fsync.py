"""no_fsync: what was acknowledged survives a kill, but no loss of power."""

import pytest

from gauntlet.chaos.disks import mounting
from gauntlet.chaos.disks.condition import Condition
from gauntlet.chaos.disks.disk import Disk

pytestmark = pytest.mark.integration
NAMES = ["m0", "m1", "m2"]


@pytest.fixture
def disk(tmp_path):
    """A mounted disk."""
    if reason := mounting.unavailable():
        pytest.skip(reason)
    for name in ("files", "disk"):
        (tmp_path / name).mkdir()
    mounted = Disk.mount(tmp_path / "files", tmp_path / "disk", tmp_path / "log")
    yield mounted
    mounted.stop()


def stored_afterwards(disk, server, *, power):
    """Send three messages, end the process, with its power or not; return what a new one has."""
    disk.flush()  # the tables
    for name in NAMES:
        server.send(name)
    server.kill()
    if not power:
        disk.set(Condition(power=False))
        disk.lose(0.0, seed=1)
        disk.set(Condition())
    server.start()
    return [client_msg_id for _, client_msg_id, _ in server.history()]


@pytest.mark.parametrize(
    ("bug", "power", "stored"),
    [("no_fsync", False, []), ("no_fsync", True, NAMES), (None, False, NAMES)],
)
def test_only_a_loss_of_power_shows_the_bug(disk, serve_in, bug, power, stored):
    server = serve_in(disk.mount_point, bug)
    assert stored_afterwards(disk, server, power=power) == stored
    server.kill()  # before its disk is unmounted
