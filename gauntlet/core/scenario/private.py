"""What load processes need and no file contains; it is passed through pipes and messages only."""

import msgspec

from gauntlet.core.scenario.accounts import Account
from gauntlet.core.scenario.secrets import Value


class Private(msgspec.Struct, frozen=True):
    """The secrets of a scenario by path, and the target's URLs with what `load.json` leaves out.

    `accounts` are those of one worker that cannot read the file of accounts; None for all others.
    """

    values: dict[str, Value] = {}
    api: list[str] = []
    accounts: list[Account] | None = None
