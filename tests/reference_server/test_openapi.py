"""The published OpenAPI file describes exactly the routes, errors and statuses of the server."""

from pathlib import Path

import pytest
import yaml

from gauntlet.reference_server.core import errors
from gauntlet.reference_server.core.config import Config, Urls
from gauntlet.reference_server.core.metrics import Metrics
from gauntlet.reference_server.gateway.gateway import SERVICE_OF
from gauntlet.reference_server.http.service_client import ServiceClient
from gauntlet.reference_server.services.assembly import SERVICES, Resources
from gauntlet.reference_server.services.base import ServiceContext

PAGE = Path(__file__).parents[2] / "docs" / "reference" / "openapi.yaml"
METHODS = {"get", "put", "post", "delete"}


@pytest.fixture
async def routes(tmp_path):
    """The public routes of all services."""
    config = Config(
        name="x",
        services=("room",),
        port=1,
        secret="s",
        internal_token="t",
        messages_db=f"sqlite://{tmp_path}/messages.db",
        users_db=f"sqlite://{tmp_path}/users.db",
        registry="redis://127.0.0.1:1",
        bus="redis://127.0.0.1:1",
    )
    context = ServiceContext(config, Metrics(), ServiceClient(Urls(), "t", 1000))
    resources = Resources(context)
    services = [create(resources) for create in SERVICES.values()]
    yield {
        (method, path)
        for service in services
        for method, path in service.router.routes
        if not path.startswith("/internal/")
    }
    for service in services:
        await service.close()
    await resources.close()


@pytest.fixture(scope="module")
def published():
    """The content of the file."""
    return yaml.safe_load(PAGE.read_text())


async def test_the_file_lists_exactly_the_public_routes(published, routes):
    shown = {
        (method.upper(), path)
        for path, item in published["paths"].items()
        for method in METHODS & item.keys()
    }
    assert shown == routes
    assert {"/".join(path.split("/")[:3]) for _, path in shown} == set(SERVICE_OF)


def test_the_file_lists_every_error_code_and_status(published):
    error = published["components"]["schemas"]["Error"]["properties"]["error"]
    assert set(error["properties"]["code"]["enum"]) == set(errors.STATUS_OF)
    statuses = {
        int(status)
        for item in published["paths"].values()
        for method in METHODS & item.keys()
        for status in item[method]["responses"]
    }
    assert statuses - {200, 201} == set(errors.STATUS_OF.values()) - {500}
