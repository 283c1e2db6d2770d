"""The exit codes and their precedence."""

from itertools import combinations

from gauntlet.core.errors import PRECEDENCE, Exit, first_exit


def test_every_exit_code_has_a_precedence():
    assert sorted(PRECEDENCE) == sorted(Exit)


def test_of_two_exit_codes_the_one_with_precedence_is_used():
    for first, second in combinations(PRECEDENCE, 2):
        assert first_exit({second, first}) is first
    assert first_exit(set()) is Exit.OK
