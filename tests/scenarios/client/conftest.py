"""The session of one virtual user."""

from random import Random

import pytest

from gauntlet.scenarios.client.session import Session

from ..world import ANN


@pytest.fixture
def session(world):
    """Ann's session, about to log in."""
    session = Session(world.context, ANN, Random(1))
    session.start()
    return session
