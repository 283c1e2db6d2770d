"""The stack that a module of failure tests shares."""

from collections.abc import Iterator

import pytest

from .failures import SERVICES, World, booted


@pytest.fixture(scope="module")
def world(request, require_service, tmp_path_factory) -> Iterator[World]:
    """The stack named by the parameter, with the module's `LINKS` proxied and its `REQUEST`."""
    for service in SERVICES[request.param]:
        require_service(service)
    folder = tmp_path_factory.mktemp(request.param)
    with booted(request.param, folder, request.module.LINKS, **request.module.REQUEST) as running:
        yield running
