"""The timeline: every fault that was requested is healed, whatever happens."""

import threading

import pytest

from gauntlet.chaos import timeline
from gauntlet.chaos.faults import FAULTS
from gauntlet.chaos.faults.base import FaultFailed
from gauntlet.chaos.timeline import Timeline, open_faults
from gauntlet.core import clock
from gauntlet.core.errors import RollbackError
from gauntlet.core.scenario.moments import AfterEvent


class ScriptedFault:
    """A fault that does what a test scripts, and records its calls."""

    def __init__(self, spec):
        self.spec = spec
        self.calls = []
        CREATED[spec.id] = self

    def _do(self, step, context):
        self.calls.append(step)
        return SCRIPT.get((self.spec.id, step), lambda _: {"done": step})(context)

    def inject(self, context):
        """Run the scripted step."""
        return self._do("inject", context)

    def prove(self, context):
        """Run the scripted step."""
        return self._do("prove", context)

    def heal(self, context):
        """Run the scripted step."""
        return self._do("heal", context)

    def verify(self, context):
        """Run the scripted step."""
        return self._do("verify", context)


CREATED: dict[str, ScriptedFault] = {}
SCRIPT: dict[tuple[str, str], object] = {}


@pytest.fixture(autouse=True)
def scripted(monkeypatch):
    """Script every kind of fault; failed heals are repeated without a pause."""
    CREATED.clear()
    SCRIPT.clear()
    monkeypatch.setattr(timeline, "FAULTS", dict.fromkeys(FAULTS, ScriptedFault))
    monkeypatch.setattr(timeline, "_HEAL_PAUSE_S", 0.0)


def fails(error):
    """Return a step that raises an error."""

    def step(_context):
        raise error

    return step


def run(stack, *faults, stop=None):
    """Run a timeline that starts now."""
    return Timeline(faults, stack.context, clock.now_ns()).run(stop or threading.Event())


def test_results_are_in_the_order_of_the_times(stack, spec):
    """Not in the order of the scenario."""
    later, first = spec("kill", "edge", id="b", at=0.05), spec("pause", "edge", id="a")
    assert [fault.id for fault in run(stack, later, first).faults] == ["a", "b"]


def test_at_and_for_count_from_the_start_of_the_load(stack, spec):
    """The heal begins `for` after the time at which the fault was due, not after its proof."""
    zero_ns = clock.now_ns()
    run(stack, spec("kill", "edge", id="x", at=0.2, for_=0.3))
    times_ns = {row["step"]: row["t_ns"] for row in stack.rows}
    assert times_ns["effective"] - zero_ns >= 200_000_000
    assert times_ns["healed"] - zero_ns >= 500_000_000


def test_a_fault_follows_another_fault(stack, spec):
    """It begins when the other one is healed, and the delay after that counts."""
    after = AfterEvent("x healed", plus_s=0.1, by_s=5.0)
    result = run(stack, spec("pause", "edge", id="y", at=after), spec("kill", "edge", id="x"))
    times_ns = {(row["id"], row["step"]): row["t_ns"] for row in stack.rows}
    assert times_ns["y", "effective"] - times_ns["x", "healed"] >= 100_000_000
    assert (result.failed, result.unhealed) == ([], [])


def test_a_fault_whose_event_does_not_happen_fails_and_is_not_injected(stack, spec):
    """What was to be tried was not tried; there is nothing to heal."""
    after = AfterEvent("500 acks", by_s=0.1)
    result = run(stack, spec("kill", "edge", id="x", at=after))
    assert stack.rows.steps() == [("x", "missed")]
    assert "500 acks was awaited until 100 ms" in stack.rows[0]["detail"]["error"]
    assert CREATED["x"].calls == []
    assert (result.failed, result.unhealed) == (["x"], [])


def test_a_stop_ends_the_wait_for_an_event_without_a_failure(stack, spec):
    """As it does for a fault whose time has not come."""
    stop = threading.Event()
    stop.set()
    result = run(stack, spec("kill", "edge", at=AfterEvent("9 acks", by_s=60.0)), stop=stop)
    assert (stack.rows.steps(), result.failed) == ([], [])


def test_a_fault_is_injected_proven_healed_verified_and_journalled(stack, spec):
    """Each row contains the proof and the details."""
    result = run(stack, spec("kill", "edge", id="x"))
    assert CREATED["x"].calls == ["inject", "prove", "heal", "verify"]
    assert stack.rows.steps() == [
        ("x", step) for step in ("requested", "effective", "heal-requested", "healed")
    ]
    effective = stack.rows[1]
    assert (effective["fault"], effective["target"]) == ("kill", "edge")
    assert (effective["proof"], effective["detail"]) == ({"done": "prove"}, {"done": "inject"})
    assert stack.rows[3]["proof"] == {"done": "verify"}
    assert (result.failed, result.unhealed) == ([], [])


def test_the_request_is_journalled_before_the_fault_is_injected(stack, spec):
    """If the run dies during the injection, its trace can be found."""
    SCRIPT["x", "inject"] = lambda _: {"rows": stack.rows.steps()}
    run(stack, spec("kill", "edge", id="x"))
    assert stack.rows[1]["detail"] == {"rows": [("x", "requested")]}


@pytest.mark.parametrize("heeds", [True, False], ids=["heeds-its-end", "hangs"])
def test_a_fault_is_healed_at_its_end_whatever_its_proof_is_doing(stack, spec, heeds):
    """A proof that is told to end may return what it saw; one that hangs is not awaited."""
    released = threading.Event()
    SCRIPT["x", "prove"] = lambda context: (
        {"ended": context.stop.wait(30.0)} if heeds else {"too late": released.wait(30.0)}
    )
    zero_ns = clock.now_ns()
    result = run(stack, spec("pause", "edge", id="x", for_=0.3))
    released.set()
    times_ns = {row["step"]: row["t_ns"] for row in stack.rows}
    assert 0.3e9 <= times_ns["healed"] - zero_ns < 25e9
    assert result.failed == ([] if heeds else ["x"])
    assert stack.rows[1]["step"] == ("effective" if heeds else "failed")


def test_a_stop_ends_a_proof_that_hangs(stack, spec):
    """The run must end although nothing answers."""
    stop, released = threading.Event(), threading.Event()
    threading.Timer(0.1, stop.set).start()
    SCRIPT["x", "prove"] = lambda _: {"too late": released.wait(30.0)}
    began_ns = clock.now_ns()
    result = run(stack, spec("kill", "edge", id="x", for_=60.0), stop=stop)
    released.set()
    assert clock.now_ns() - began_ns < 25e9
    assert (stack.rows.steps()[-1], result.unhealed) == (("x", "healed"), [])


@pytest.mark.parametrize("kind", ["cutover", "kill"])
def test_a_fault_without_an_end_of_ours_lasts_until_it_is_proven(stack, spec, kind):
    """A cutover ends by itself, and a kill without a length is healed after its proof."""
    SCRIPT["x", "prove"] = lambda context: {"told to end": context.stop.wait(0.3)}
    length_s = {"cutover": 0.1, "kill": 0.0}[kind]
    result = run(stack, spec(kind, "edge", id="x", for_=length_s))
    assert stack.rows[1]["proof"] == {"told to end": False}
    assert result.failed == []


def test_effective_and_healed_are_the_times_of_injection_and_heal(stack, spec):
    """The duration of the proof belongs to the fault, that of the verification does not."""
    times = {}
    SCRIPT["x", "prove"] = lambda _: times.update(prove=clock.now_ns()) or {}
    SCRIPT["x", "verify"] = lambda _: times.update(verify=clock.now_ns()) or {}
    run(stack, spec("kill", "edge", id="x"))
    assert stack.rows[1]["t_ns"] <= times["prove"]
    assert stack.rows[3]["t_ns"] <= times["verify"]


def test_the_bytes_at_the_proxies_are_read_at_the_injection_and_at_the_heal(stack, spec):
    stack.proxy.counted = {"client>gateway-1"}
    run(stack, spec("latency", "client>gateway", id="x"))
    assert [row.get("proxied_bytes") for row in stack.rows] == [None, 1_000, None, 2_000]


JOURNAL_ERRORS = [
    OSError(28, "No space left on device"),
    ValueError("I/O operation on closed file."),
]


@pytest.mark.parametrize("error", JOURNAL_ERRORS)
def test_a_fault_that_cannot_be_journalled_is_not_injected(stack, spec, monkeypatch, error):
    """The disk is full or the journal is closed; the result contains the error."""

    def fail(*_args, **_kwargs):
        raise error

    monkeypatch.setattr(stack.rows, "write", fail, raising=False)
    result = run(stack, spec("kill", "edge", id="x"))
    assert CREATED["x"].calls == []
    assert result.failed == ["x"]
    assert result.unhealed == []


@pytest.mark.parametrize("error", JOURNAL_ERRORS)
def test_a_fault_is_healed_even_if_the_journal_fails_after_the_injection(
    stack, spec, monkeypatch, error
):
    """Rows after the injection may be lost, but not the heal."""
    write = stack.rows.write

    def fail_after_the_request(kind, **fields):
        if fields["step"] != "requested":
            raise error
        write(kind, **fields)

    monkeypatch.setattr(stack.rows, "write", fail_after_the_request, raising=False)
    result = run(stack, spec("kill", "edge", id="x"))
    assert CREATED["x"].calls == ["inject", "prove", "heal", "verify"]
    assert result.failed == ["x"]


@pytest.mark.parametrize("step", ["inject", "prove"])
@pytest.mark.parametrize("error", [FaultFailed("no", {"seen": 1}), ValueError("no")])
def test_a_failed_fault_is_reported_and_healed_immediately(stack, spec, step, error):
    """A fault that was injected half-way or not proven must not stay."""
    SCRIPT["x", step] = fails(error)
    result = run(stack, spec("kill", "edge", id="x", for_=60.0))
    assert stack.rows.steps() == [
        ("x", step_name) for step_name in ("requested", "failed", "heal-requested", "healed")
    ]
    assert stack.rows[1]["proof"] == getattr(error, "proof", {})
    assert stack.rows[1]["detail"] == {"error": "no"}
    assert (result.failed, result.unhealed) == (["x"], [])


def test_a_failed_heal_is_repeated(stack, spec):
    """A proxy may be busy once."""
    errors = iter([OSError("busy")])

    def heal(_context):
        for error in errors:
            raise error
        return {}

    SCRIPT["x", "heal"] = heal
    result = run(stack, spec("kill", "edge", id="x"))
    assert CREATED["x"].calls[2:] == ["heal", "heal", "verify"]
    assert result.unhealed == []


def test_a_heal_that_cannot_be_verified_is_reported_after_three_attempts(stack, spec):
    """In the journal and in the result."""
    SCRIPT["x", "verify"] = fails(RollbackError("no answer"))
    result = run(stack, spec("kill", "edge", id="x"))
    assert CREATED["x"].calls.count("heal") == 3
    assert stack.rows.steps()[-1] == ("x", "heal-failed")
    assert "no answer" in stack.rows[-1]["detail"]["error"]
    assert result.unhealed == ["x"]


def test_a_fault_that_ended_in_an_unexpected_way_is_failed_and_healed(stack, spec):
    """A cutover that rolled back by itself left nothing broken."""
    SCRIPT["x", "heal"] = fails(FaultFailed("rolled back"))
    result = run(stack, spec("cutover", "edge", id="x"))
    assert [step for _, step in stack.rows.steps()][2:] == ["heal-requested", "failed", "healed"]
    assert (result.failed, result.unhealed) == (["x"], [])


def test_a_failure_is_reported_once(stack, spec):
    """The heal of a fault whose proof failed adds no second row."""
    SCRIPT["x", "prove"] = fails(FaultFailed("no drain"))
    SCRIPT["x", "heal"] = fails(FaultFailed("rolled back"))
    result = run(stack, spec("cutover", "edge", id="x"))
    assert [step for _, step in stack.rows.steps()].count("failed") == 1
    assert result.faults[0].errors == ["no drain"]
    assert result.unhealed == []


def test_a_stop_heals_active_faults_and_skips_later_ones(stack, spec):
    """The result says which faults were not reached."""
    stop = threading.Event()
    SCRIPT["now", "prove"] = lambda _: stop.set() or {}
    result = run(
        stack,
        spec("kill", "edge", id="now", for_=60.0),
        spec("kill", "edge", id="later", at=60.0),
        stop=stop,
    )
    assert stack.rows.steps()[-1] == ("now", "healed")
    assert CREATED["later"].calls == []
    assert [(fault.id, fault.reached) for fault in result.faults] == [
        ("now", True),
        ("later", False),
    ]
    assert (result.failed, result.unhealed) == ([], [])


def test_the_context_of_a_fault_has_the_stop_event_of_its_run(stack, spec):
    """Proofs and waits end when it is set."""
    stop = threading.Event()
    SCRIPT["x", "inject"] = lambda context: {"same": context.stop is stop}
    run(stack, spec("kill", "edge", id="x"), stop=stop)
    assert stack.rows[1]["detail"] == {"same": True}


def test_faults_may_overlap(stack, spec):
    """Each of two faults waits until the other is injected."""
    both_injected = threading.Barrier(2, timeout=30)
    for name in "ab":
        SCRIPT[name, "prove"] = lambda _: {"met": both_injected.wait() >= 0}
    result = run(stack, spec("kill", "edge", id="a"), spec("pause", "edge", id="b"))
    assert result.failed == []


def test_an_interrupt_is_raised_again_after_all_faults_are_healed(stack, spec, monkeypatch):
    """Ctrl-C while the timeline waits for its faults."""
    join = timeline._join
    interrupts = iter([KeyboardInterrupt()])

    def interrupted(threads):
        for error in interrupts:
            raise error
        join(threads)

    monkeypatch.setattr(timeline, "_join", interrupted)
    with pytest.raises(KeyboardInterrupt):
        run(stack, spec("kill", "edge", id="x", for_=60.0), spec("kill", "edge", id="y", at=60.0))
    assert open_faults(stack.rows) == []


def test_faults_that_were_requested_and_not_healed_are_open():
    """Other steps and the rows of other writers do not matter."""
    rows = [
        {"kind": "phase", "phase": "ramp"},
        *(
            {"kind": "fault", "id": name, "step": step}
            for name, step in [
                ("done", "requested"),
                ("died", "requested"),
                ("died", "effective"),
                ("done", "healed"),
                ("stuck", "requested"),
                ("stuck", "heal-failed"),
            ]
        ),
    ]
    assert [row["id"] for row in open_faults(rows)] == ["died", "stuck"]
