"""The canaries' refusals that need no cluster."""

import pytest

from gauntlet.reference_server.cluster.rollout import canary


async def test_without_an_old_edge_nothing_can_be_proved():
    """Clients of both environments are to reach each other: an error of the canaries' own."""
    with pytest.raises(canary.CanaryError, match="no edge of the old environment is running"):
        await canary.verify("http://127.0.0.1:1", [], ["ws://127.0.0.1:1"])
