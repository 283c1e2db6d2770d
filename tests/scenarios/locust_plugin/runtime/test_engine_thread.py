"""The thread that an engine runs in, in a process of its own."""

from ..told import told


def test_a_load_is_not_kept_for_good_by_the_next_one():
    """What is frozen when a load starts, for speed, is given back when the next one does."""
    kept = told("""
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
    assert kept[:-1] == [False, False]
