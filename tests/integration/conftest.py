"""The stack that the tests of a module share, and short runs against one server."""

import shutil
import tempfile
from collections.abc import Callable, Iterator
from functools import partial
from pathlib import Path

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


@pytest.fixture(scope="module")
def traversable_folder() -> Iterator[Path]:
    """A folder that every account of the machine can enter, for disks of PostgreSQL.

    Only its owner can enter the folders of pytest. Run by root, PostgreSQL has another account,
    which must reach its disk.
    """
    folder = Path(tempfile.mkdtemp(prefix="gauntlet-test-"))
    folder.chmod(0o711)
    yield folder
    shutil.rmtree(folder)
