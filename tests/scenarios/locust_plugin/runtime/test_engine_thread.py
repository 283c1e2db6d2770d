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
            thread.wait(30)
            del thread
        gc.collect()
        print(json.dumps([load() is not None for load in loads]))
    """)
    assert still_there[:-1] == [False, False]


def test_users_are_prepared_beside_the_greenlets_and_an_error_reaches_the_caller():
    """A worker that is busy with accounts and rooms must still answer its master."""
    ticks, error = run_script("""
        import asyncio, gevent
        from gauntlet.core.errors import StackError
        from gauntlet.scenarios.locust_plugin.runtime.engine_thread import EngineThread

        class Load:
            async def prepare(self):
                await asyncio.sleep(0.5)
                raise StackError("refused")

        ticks = []
        def tick():
            while True:
                ticks.append(1)
                gevent.sleep(0.05)

        gevent.spawn(tick)
        try:
            EngineThread(Load()).prepare()
        except StackError as error:
            print(json.dumps([len(ticks), str(error)]))
    """)
    assert ticks > 2
    assert error == "refused"
