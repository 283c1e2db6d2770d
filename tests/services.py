"""What a test does without a service that it needs."""

import os
from collections.abc import Mapping
from typing import NoReturn

import pytest

REQUIRE = "GAUNTLET_REQUIRE_SERVICES"
# Names of services that CI has tried to install, and that its machine does not offer.
OPTIONAL = "GAUNTLET_OPTIONAL_SERVICES"


def missing(name: str, reason: str, environment: Mapping[str, str] = os.environ) -> NoReturn:
    """Skip the test, or fail it where services are required and this one is not optional."""
    required = environment.get(REQUIRE) == "1"
    if required and name not in environment.get(OPTIONAL, "").split():
        pytest.fail(reason)
    pytest.skip(reason)
