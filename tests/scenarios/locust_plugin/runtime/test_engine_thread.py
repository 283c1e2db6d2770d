"""The thread that runs an engine."""

import pytest

from ..child_script import run_script

pytestmark = pytest.mark.integration  # starts processes that import Locust


def test_the_next_load_frees_the_objects_of_the_previous_load():
    """A load freezes all objects in the garbage collector, for speed; the next load undoes that."""
    still_there = run_script("""
        import gc, weakref
        from gauntlet.scenarios.locust_plugin.runtime.engine_thread import EngineThread

        class Load:
            def __init__(self):
                self.itself = self
            async def run(self):
                pass

        loads = []
        for _ in range(3):
            thread = EngineThread(Load())
            loads.append(weakref.ref(thread.engine))
            thread.start()
            thread.wait(5)
            del thread
        gc.collect()
        print(json.dumps([load() is not None for load in loads]))
    """)
    assert still_there[:-1] == [False, False]
