"""The stack that the tests of a module share, and short runs against one server."""

from collections.abc import Callable, Iterator
from functools import partial

import pytest

from . import small_runs
from .running_stack import SERVICES, RunningStack, run_stack


@pytest.fixture(scope="module")
def stack(request, require_service, tmp_path_factory) -> Iterator[RunningStack]:
    """The stack named by the parameter, with the module's `LINKS` proxied and its `REQUEST`."""
    for service in SERVICES[request.param]:
        require_service(service)
    folder = tmp_path_factory.mktemp(request.param)
    with run_stack(request.param, folder, request.module.LINKS, **request.module.REQUEST) as stack:
        yield stack


@pytest.fixture
def run_small(request, tmp_path, require_service) -> Callable[..., small_runs.SmallRun]:
    """`run_small(server, *faults, **load)` runs a small load on the stack that a module names."""
    require_service(request.module.STACK)
    return partial(small_runs.run_small, tmp_path, request.module.STACK)
