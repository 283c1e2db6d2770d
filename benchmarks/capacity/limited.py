"""The message service commits 40 messages a second, and no more.

No defect: a limit that is known, so that a search of the capacity can be compared with it.
`gauntlet capacity steady --bug benchmarks/capacity/limited.py --set load.users=40` should find it
on any machine. With many users, the messages wait behind the events of users who enter their rooms,
which are committed too.
"""

from gauntlet.chaos.server_hooks.faults import slow_commits

SENTENCE = "The message service commits 40 messages a second, and no more."
SERVICES = ("message",)
COMMITS_PER_S = 40


def install() -> None:
    """Give each append the next slot of an even schedule."""
    slow_commits.limit_commits(COMMITS_PER_S)
