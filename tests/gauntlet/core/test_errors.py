"""The exit codes and which of them wins."""

from itertools import combinations

from gauntlet.core.errors import PRECEDENCE, Exit, first_exit


def test_every_exit_code_has_its_place():
    """A code without a place in the order could never be the one a run ends with."""
    assert sorted(PRECEDENCE) == sorted(Exit)


def test_bad_configuration_wins_and_success_loses():
    """For every pair of codes the one that stands first is the one returned."""
    for first, second in combinations(PRECEDENCE, 2):
        assert first_exit({second, first}) is first
    assert first_exit(set()) is Exit.OK
