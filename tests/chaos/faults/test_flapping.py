"""Pauses of a fault while it lasts."""

import threading
import time

from gauntlet.chaos.faults._flapping import Flapping
from gauntlet.core.errors import GauntletError


def test_a_fault_without_periods_is_not_switched(spec):
    flapping = Flapping(spec("blackhole", "edge>broker"))
    flapping.start("f", lambda: 1 / 0, lambda: 1 / 0)
    flapping.stop()
    assert flapping.pauses == 0


def test_a_fault_is_switched_off_first_and_never_after_the_stop(spec):
    seen, enough = [], threading.Event()

    def switch(state):
        seen.append(state)
        if len(seen) >= 4:
            enough.set()

    flapping = Flapping(spec("blackhole", "edge>broker", on="10ms", off="10ms"))
    flapping.start("f", lambda: switch("on"), lambda: switch("off"))
    assert enough.wait(30)
    flapping.stop()
    ended = list(seen)
    assert ended[:4] == ["off", "on", "off", "on"]
    assert flapping.pauses == ended.count("off")
    time.sleep(0.05)
    assert seen == ended


def test_a_fault_that_was_stopped_before_it_could_flap_does_not_flap(spec):
    flapping = Flapping(spec("blackhole", "edge>broker", on="1ms", off="1ms"))
    flapping.stop()
    flapping.start("f", lambda: None, lambda: None)
    time.sleep(0.05)
    assert flapping.pauses == 0


def test_an_error_ends_the_switching_and_is_kept(spec):
    def fail():
        raise GauntletError("no answer")

    flapping = Flapping(spec("blackhole", "edge>broker", on="1ms", off="1ms"))
    flapping.start("f", lambda: None, fail)
    deadline = time.monotonic() + 60
    while not flapping.error and time.monotonic() < deadline:
        time.sleep(0.01)
    flapping.stop()
    assert (flapping.error, flapping.pauses) == ("no answer", 0)
