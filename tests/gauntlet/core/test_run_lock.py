"""The lock shows whether the command of a run is still going on."""

import threading
import time

import pytest

from gauntlet.core import run_lock


def test_a_directory_is_locked_for_as_long_as_it_is_held(tmp_path):
    assert run_lock.is_free(tmp_path)
    with run_lock.held(tmp_path) as held:
        assert held
        assert not run_lock.is_free(tmp_path)
    assert run_lock.is_free(tmp_path)


def test_a_second_holder_learns_that_it_has_no_lock(tmp_path, monkeypatch):
    monkeypatch.setattr(run_lock, "_WAIT_S", 0.02)
    with run_lock.held(tmp_path), run_lock.held(tmp_path) as second:
        assert not second


def test_a_look_at_the_lock_does_not_keep_a_run_from_getting_it(tmp_path, monkeypatch):
    """A list of the runs holds it for a moment, and the run would be without it to its end."""
    monkeypatch.setattr(run_lock, "_WAIT_S", 30.0)
    looking, looked = threading.Event(), threading.Event()

    def look():
        with run_lock.held(tmp_path):
            looking.set()
            looked.wait()
            time.sleep(0.05)

    thread = threading.Thread(target=look)
    thread.start()
    looking.wait()
    looked.set()
    with run_lock.held(tmp_path) as held:
        assert held
    thread.join()


def test_the_lock_is_released_after_an_error(tmp_path):
    with pytest.raises(RuntimeError), run_lock.held(tmp_path):
        raise RuntimeError
    assert run_lock.is_free(tmp_path)
