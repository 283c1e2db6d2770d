"""Failures of the canaries that need no cluster."""

import pytest

from gauntlet.reference_server.cluster.rollout import canary


async def test_canaries_fail_without_an_edge_of_the_old_environment():
    """Messages between both environments cannot be tested then."""
    with pytest.raises(canary.CanaryError, match="no edge of the old environment is running"):
        await canary.verify("http://127.0.0.1:1", [], ["ws://127.0.0.1:1"])
