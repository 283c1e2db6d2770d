"""Removes the secrets of a load from texts of the server, which may repeat what it was sent."""

import re
from collections.abc import Callable, Iterable

from gauntlet.core import clock
from gauntlet.core.scenario import secrets
from gauntlet.core.scenario.model import Scenario, to_builtins
from gauntlet.scenarios.metrics.error_log import ErrorLog
from gauntlet.scenarios.workloads.entities import User

# Characters that separate a value from its surroundings in URLs, headers and JSON. A load may have
# a hundred thousand passwords, so that a text is cut into words that are looked up.
_WORD = re.compile(r"[^\s\"'<>,;:&=?/(){}\[\]]+")


def error_log_of(scenario: Scenario, users: Iterable[User]) -> ErrorLog:
    """Return the error log of a load, whose texts contain none of its secrets."""
    return ErrorLog(clock.now_ns, scrubber(scenario, users))


def scrubber(scenario: Scenario, users: Iterable[User]) -> Callable[[str], str]:
    """Return a function that replaces secrets by `***`.

    They are those of the scenario, whose references must have been filled, and the passwords and
    tokens of the users' accounts.
    """
    _, literals = secrets.separate(to_builtins(scenario))
    of_accounts = {
        value
        for user in users
        for value in (user.account.password, user.account.token)
        if value and value != user.name
    }

    def scrub(text: str) -> str:
        words = _WORD.sub(
            lambda word: secrets.REDACTED if word[0] in of_accounts else word[0], text
        )
        return secrets.scrub(words, literals)

    return scrub
