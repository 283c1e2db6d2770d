"""Whether the accounts of a run may hold messages that an earlier run left behind.

Messages of another run are *leftovers* there. Everywhere else, nothing but this run can have
written a message, so they are phantoms.
"""

from collections.abc import Set as AbstractSet

from gauntlet.core.scenario import accounts
from gauntlet.core.scenario.capabilities import OPEN_ACCOUNTS
from gauntlet.core.scenario.model import Scenario


def are_possible(scenario: Scenario, capabilities: AbstractSet[str]) -> bool:
    """Return whether the system was running before the run, with users that may be older."""
    if scenario.target.stack != "external":
        return False
    if scenario.accounts is not None:
        return not accounts.are_new_in_each_run(scenario.accounts)
    return OPEN_ACCOUNTS not in capabilities
