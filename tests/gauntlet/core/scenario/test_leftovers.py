"""Which runs may meet messages of earlier runs."""

import pytest

from gauntlet.core.scenario import leftovers
from gauntlet.core.scenario.capabilities import OPEN_ACCOUNTS
from gauntlet.core.scenario.model import from_builtins

EXTERNAL = {"stack": "external", "url": ["ws://127.0.0.1:9"]}


@pytest.mark.parametrize(
    ("target", "accounts", "capabilities", "possible"),
    [
        ({"stack": "embedded"}, None, {OPEN_ACCOUNTS}, False),
        ({"stack": "embedded"}, {"pattern": "load-{n}"}, set(), False),
        (EXTERNAL, None, {OPEN_ACCOUNTS}, False),
        (EXTERNAL, None, set(), True),
        (EXTERNAL, {"pattern": "load-{n}"}, {OPEN_ACCOUNTS}, True),
        (EXTERNAL, {"pattern": "load-{run:>9}-{n}"}, set(), False),
        (EXTERNAL, {"sign_up": True}, set(), False),
        (EXTERNAL, {"sign_up": True, "pattern": "load-{n}"}, set(), True),
        (EXTERNAL, {"file": "users.csv"}, {OPEN_ACCOUNTS}, True),
    ],
)
def test_leftovers_need_a_running_system_and_accounts_that_may_be_older(
    target, accounts, capabilities, possible
):
    scenario = {"version": 1, "name": "x", "about": "X.", "load": {"users": 2}, "target": target}
    if accounts:
        scenario["accounts"] = accounts
    assert leftovers.are_possible(from_builtins(scenario), capabilities) is possible
