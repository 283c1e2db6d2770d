"""A server requires its password, also if its data folder is of a version that had none."""

import shutil
import tempfile
from pathlib import Path

import asyncpg
import pytest

from gauntlet.reference_server.cluster.engines import postgres, postgres_password
from gauntlet.reference_server.cluster.supervision.component import Component
from gauntlet.reference_server.cluster.topology import plan
from gauntlet.reference_server.cluster.topology.errors import StartError
from gauntlet.reference_server.cluster.topology.ports import PortAllocator

OLD = """\
# "local" is for Unix domain sockets, and trust in a comment stays
local   all             all                                     trust
 host    all             all             127.0.0.1/32            trust
# host replication all 127.0.0.1/32 trust
host    trust           all             ::1/128                 scram-sha-256
"""


def test_only_methods_of_rules_are_changed():
    changed = postgres_password.requiring_password(OLD)
    before, after = OLD.splitlines(), changed.splitlines()
    assert [old == new for old, new in zip(before, after, strict=True)] == [
        True, False, False, True, True,
    ]  # fmt: skip
    assert [line.split()[-1] for line in after[1:3]] == ["scram-sha-256"] * 2
    assert postgres_password.requiring_password(changed) == changed


@pytest.fixture
def folder():
    """A folder that PostgreSQL, which is no root, can reach: otherwise it would not be used."""
    found = Path(tempfile.mkdtemp(prefix="postgres-", dir="/tmp"))
    found.chmod(0o711)
    yield found
    shutil.rmtree(found)


@pytest.fixture
def make_server(require_service, folder):
    """`make_server(password)` plans a server on the one data folder of the test."""
    require_service("postgres")
    made = []

    def make(password):
        planned = plan.PlannedComponent("store", "store", plan.POSTGRES, [PortAllocator()()])
        launch = postgres.launch_spec(planned, folder, folder / "log", password)
        made.append(Component(planned, launch, lambda *_: None))
        return made[-1]

    yield make
    for each in made:
        each.launch.clean_up()


async def connect(server, password):
    return await asyncpg.connect(f"postgresql://im:{password}@{server.planned.address}/postgres")


async def old_data(make_server):
    """Create a data folder that lets in every user, with a table; return the file that says so."""
    server = make_server("forgotten")
    await server.start()
    try:
        admin = await connect(server, "forgotten")
        await admin.execute("CREATE TABLE kept ()")
        await admin.execute("ALTER ROLE im PASSWORD NULL")
        await admin.close()
    finally:
        await server.stop()
    access = Path(server.launch.argv[2]) / "pg_hba.conf"
    access.write_text(access.read_text().replace("scram-sha-256", "trust"))
    return access


async def test_an_old_data_folder_keeps_its_data_and_gets_the_password(make_server):
    access = await old_data(make_server)
    owner = access.stat().st_uid
    server = make_server("for-tests")
    await server.start()
    try:
        with pytest.raises(asyncpg.InvalidPasswordError):
            await connect(server, "guessed")
        admin = await connect(server, "for-tests")
        await admin.execute("SELECT FROM kept")
        await admin.close()
    finally:
        await server.stop()
    assert (access.stat().st_uid, access.stat().st_mode & 0o777) == (owner, 0o600)


async def test_a_password_that_cannot_be_set_is_an_error_of_the_start(make_server):
    """Otherwise every user could connect, or none."""
    access = await old_data(make_server)
    (access.parent / "PG_VERSION").write_text("9.6\n")
    with pytest.raises(StartError, match="setting its password ended with exit code 1"):
        await make_server("for-tests").launch.prepare()
    assert "trust" in access.read_text()
