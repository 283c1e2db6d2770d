"""Real clusters of real processes, started and steered as the harness does it."""

import os
import signal
import time
import urllib.error

import psutil
import pytest

pytestmark = pytest.mark.integration


@pytest.fixture(scope="module")
def embedded(cluster):
    """A running `embedded` cluster, shared by the tests that leave it whole."""
    return cluster("embedded", config={"ping_ms": 1000, "pong_ms": 1000})


def test_embedded_boots(embedded):
    """Boots."""
    print(embedded.components())
