"""The lock shows whether the command of a run is still going on."""

import pytest

from gauntlet.core import run_lock


def test_a_directory_is_locked_for_as_long_as_it_is_held(tmp_path):
    assert run_lock.is_free(tmp_path)
    with run_lock.held(tmp_path) as held:
        assert held
        assert not run_lock.is_free(tmp_path)
    assert run_lock.is_free(tmp_path)


def test_a_second_holder_learns_that_it_has_no_lock(tmp_path):
    with run_lock.held(tmp_path), run_lock.held(tmp_path) as second:
        assert not second


def test_the_lock_is_released_after_an_error(tmp_path):
    with pytest.raises(RuntimeError), run_lock.held(tmp_path):
        raise RuntimeError
    assert run_lock.is_free(tmp_path)
