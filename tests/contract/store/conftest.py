"""Both engines with the same interface: an empty database for each test, which may crash."""

import itertools

import asyncpg
import pytest
import pytest_asyncio

from gauntlet.reference_server.cluster.engines import postgres
from gauntlet.reference_server.cluster.supervision.component import Component
from gauntlet.reference_server.cluster.topology import plan
from gauntlet.reference_server.cluster.topology.ports import PortAllocator
from gauntlet.reference_server.store import open_messages

TIMEOUT_MS = 3000
PASSWORD = "for-tests"


class Engine:
    """`url` of an empty database; `crash` kills its server, and `restart` starts it again.

    SQLite runs within the process: it has no server that could crash.
    """

    def __init__(self, url, server=None):
        self.url = url
        self._server = server

    @property
    def has_server(self):
        return self._server is not None

    async def crash(self):
        await self._server.kill()

    async def restart(self):
        await self._server.start()


@pytest_asyncio.fixture(scope="session", loop_scope="session")
async def postgres_server(require_service, tmp_path_factory):
    """One PostgreSQL for all tests, with the settings of the cluster."""
    require_service("postgres")
    folder = tmp_path_factory.mktemp("postgres")
    planned = plan.PlannedComponent("messages-db", "messages-db", "postgres", [PortAllocator()()])
    launch = postgres.launch_spec(planned, folder, folder / "postgres.log", PASSWORD)
    component = Component(planned, launch, lambda *_: None)
    await component.start()
    yield component
    await component.stop()
    launch.clean_up()


@pytest.fixture(scope="session")
def numbers():
    """Numbers for the names of databases."""
    return itertools.count(1)


@pytest.fixture(params=["sqlite", "postgres"])
def server(request):
    """The server of each engine; None for SQLite."""
    return None if request.param == "sqlite" else request.getfixturevalue("postgres_server")


@pytest_asyncio.fixture(loop_scope="session")
async def engine(server, tmp_path, numbers):
    """An empty database of each engine."""
    if server is None:
        yield Engine(f"sqlite://{tmp_path}/a.db")
        return
    address = f"postgresql://{postgres.USER}:{PASSWORD}@{server.planned.address}"
    name = f"test_{next(numbers)}"
    await administer(address, f"CREATE DATABASE {name}")
    yield Engine(f"{address}/{name}", server)
    # A server that crashed syncs every file of every database before it is back.
    await administer(address, f"DROP DATABASE {name} WITH (FORCE)")


async def administer(address, statement):
    """Execute a statement in the administrative database."""
    admin = await asyncpg.connect(f"{address}/{postgres.DATABASE}")
    await admin.execute(statement)
    await admin.close()


@pytest_asyncio.fixture(loop_scope="session")
async def open_store(engine):
    """`open_store()` opens the messages DB as another process would."""
    stores = []

    def opened():
        stores.append(open_messages(engine.url, TIMEOUT_MS))
        return stores[-1]

    yield opened
    for store in stores:
        await store.close()


@pytest_asyncio.fixture(loop_scope="session")
async def store(open_store):
    """An open messages DB."""
    return open_store()
