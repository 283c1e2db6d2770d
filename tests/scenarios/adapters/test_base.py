"""The public names of the adapter interface."""

import pytest

from gauntlet.core.scenario import capabilities
from gauntlet.scenarios.adapters import base


def test_all_capability_names_are_exported():
    constants = (getattr(base, name) for name in base.__all__ if name.isupper())
    assert set(capabilities.CAPABILITIES) <= {name for name in constants if isinstance(name, str)}


def test_every_public_class_is_exported():
    classes = {
        name
        for name, value in vars(base).items()
        if isinstance(value, type)
        and value.__module__ == base.__name__
        and not name.startswith("_")
    }
    assert classes <= set(base.__all__)


@pytest.mark.parametrize(
    ("old", "new"),
    [
        ("Move", base.ReconnectRequest),
        ("Beat", base.Heartbeat),
        ("Say", base.SendFrames),
        ("Several", base.EventBatch),
    ],
)
def test_the_event_names_of_0_1_still_work(old, new):
    assert getattr(base, old) is new


def test_the_page_method_of_0_1_still_works():
    assert base.Page([], more=True).goes_on(1) == base.Page([], more=True).continues(1)
