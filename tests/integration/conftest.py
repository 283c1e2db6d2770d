"""The stack that the tests of a module share."""

from collections.abc import Iterator

import pytest

from .running_stack import SERVICES, RunningStack, run_stack


@pytest.fixture(scope="module")
def stack(request, require_service, tmp_path_factory) -> Iterator[RunningStack]:
    """The stack named by the parameter, with the module's `LINKS` proxied and its `REQUEST`."""
    for service in SERVICES[request.param]:
        require_service(service)
    folder = tmp_path_factory.mktemp(request.param)
    with run_stack(request.param, folder, request.module.LINKS, **request.module.REQUEST) as stack:
        yield stack
