"""The timeline: what is requested is healed, whatever happens."""

import threading

import pytest

from gauntlet.chaos import timeline
from gauntlet.chaos.faults import FAULTS
from gauntlet.chaos.faults.base import FaultFailed
from gauntlet.chaos.timeline import Timeline, open_faults, plan
from gauntlet.core import clock
from gauntlet.core.errors import RollbackError


class Scripted:
    """A fault that does what a test says, and notes what it was asked."""

    def __init__(self, spec):
        self.spec = spec
        self.asked = []
        MADE[spec.id] = self

    def _do(self, step, context):
        self.asked.append(step)
        return SCRIPT.get((self.spec.id, step), lambda _: {"did": step})(context)

    def inject(self, context):
        """Act."""
        return self._do("inject", context)

    def prove(self, context):
        """Show it."""
        return self._do("prove", context)

    def heal(self, context):
        """Undo it."""
        return self._do("heal", context)

    def verify(self, context):
        """Show that."""
        return self._do("verify", context)


MADE: dict[str, Scripted] = {}
SCRIPT: dict[tuple[str, str], object] = {}


@pytest.fixture(autouse=True)
def scripted(monkeypatch):
    """Every kind of fault is scripted, and failed heals are tried again at once."""
    MADE.clear()
    SCRIPT.clear()
    monkeypatch.setattr(timeline, "FAULTS", dict.fromkeys(FAULTS, Scripted))
    monkeypatch.setattr(timeline, "_HEAL_PAUSE_S", 0.0)


def fails(error):
    """A step that raises."""

    def step(_context):
        raise error

    return step


def run(world, *faults, stop=None):
    """Run a timeline that begins now."""
    return Timeline(faults, world.context, clock.now_ns()).run(stop or threading.Event())


def test_plan_is_sorted_by_time_on_the_monotonic_clock(spec):
    """`at` and `for` count from the start of the load."""
    steps = plan([spec("kill", "edge", id="b", at=2.0, for_=1.5), spec("pause", "edge", id="a")], 7)
    assert [(it.spec.id, it.inject_ns, it.heal_ns) for it in steps] == [
        ("a", 7, 7),
        ("b", 2_000_000_007, 3_500_000_007),
    ]


def test_a_fault_goes_through_its_steps_and_its_rows(world, spec):
    """Inject, prove, heal, verify; each told in the journal with proof and detail."""
    outcome = run(world, spec("kill", "edge", id="x"))
    assert MADE["x"].asked == ["inject", "prove", "heal", "verify"]
    assert world.rows.steps() == [
        ("x", step) for step in ("requested", "effective", "heal-requested", "healed")
    ]
    effective = world.rows[1]
    assert (effective["fault"], effective["target"]) == ("kill", "edge")
    assert (effective["proof"], effective["detail"]) == ({"did": "prove"}, {"did": "inject"})
    assert world.rows[3]["proof"] == {"did": "verify"}
    assert (outcome.failed, outcome.unhealed) == ([], [])


def test_the_request_is_on_disk_before_anything_is_done(world, spec):
    """What a dead run leaves behind can be found: the row precedes the act."""
    SCRIPT["x", "inject"] = lambda _: {"rows": world.rows.steps()}
    run(world, spec("kill", "edge", id="x"))
    assert world.rows[1]["detail"] == {"rows": [("x", "requested")]}


def test_effective_is_when_it_acted_and_healed_when_it_was_undone(world, spec):
    """The time that proving takes belongs to the fault, the time that verifying takes does not."""
    times = {}
    SCRIPT["x", "prove"] = lambda _: times.update(prove=clock.now_ns()) or {}
    SCRIPT["x", "verify"] = lambda _: times.update(verify=clock.now_ns()) or {}
    run(world, spec("kill", "edge", id="x"))
    assert world.rows[1]["t_ns"] <= times["prove"]
    assert world.rows[3]["t_ns"] <= times["verify"]


UNWRITTEN = [OSError(28, "No space left on device"), ValueError("I/O operation on closed file.")]


@pytest.mark.parametrize("error", UNWRITTEN)
def test_what_cannot_be_journalled_is_not_injected(world, spec, monkeypatch, error):
    """A full disk or a closed journal stops the fault, and the outcome says so."""

    def never(*_args, **_kwargs):
        raise error

    monkeypatch.setattr(world.rows, "write", never, raising=False)
    outcome = run(world, spec("kill", "edge", id="x"))
    assert MADE["x"].asked == []
    assert outcome.failed == ["x"]
    assert outcome.unhealed == []


@pytest.mark.parametrize("error", UNWRITTEN)
def test_a_journal_that_takes_no_rows_does_not_keep_us_from_healing(
    world, spec, monkeypatch, error
):
    """Rows after the injection may be lost; the heal may not."""
    write = world.rows.write

    def not_later(kind, **fields):
        if fields["step"] != "requested":
            raise error
        write(kind, **fields)

    monkeypatch.setattr(world.rows, "write", not_later, raising=False)
    outcome = run(world, spec("kill", "edge", id="x"))
    assert MADE["x"].asked == ["inject", "prove", "heal", "verify"]
    assert outcome.failed == ["x"]


@pytest.mark.parametrize("step", ["inject", "prove"])
@pytest.mark.parametrize("error", [FaultFailed("no", {"seen": 1}), ValueError("no")])
def test_a_fault_that_fails_is_told_and_healed_at_once(world, spec, step, error):
    """Neither injected by half nor unproven faults stay; the failure is in journal and outcome."""
    SCRIPT["x", step] = fails(error)
    outcome = run(world, spec("kill", "edge", id="x", for_=60.0))
    assert world.rows.steps() == [
        ("x", it) for it in ("requested", "failed", "heal-requested", "healed")
    ]
    assert world.rows[1]["proof"] == getattr(error, "proof", {})
    assert world.rows[1]["detail"] == {"error": "no"}
    assert (outcome.failed, outcome.unhealed) == (["x"], [])


def test_a_heal_is_tried_again(world, spec):
    """A proxy that was busy once does not leave the system broken."""
    answers = iter([OSError("busy")])

    def heal(_context):
        for error in answers:
            raise error
        return {}

    SCRIPT["x", "heal"] = heal
    outcome = run(world, spec("kill", "edge", id="x"))
    assert MADE["x"].asked[2:] == ["heal", "heal", "verify"]
    assert outcome.unhealed == []


def test_a_heal_that_cannot_be_verified_is_told(world, spec):
    """After three attempts the fault is unhealed, in journal and outcome."""
    SCRIPT["x", "verify"] = fails(RollbackError("no answer"))
    outcome = run(world, spec("kill", "edge", id="x"))
    assert MADE["x"].asked.count("heal") == 3
    assert world.rows.steps()[-1] == ("x", "heal-failed")
    assert "no answer" in world.rows[-1]["detail"]["error"]
    assert outcome.unhealed == ["x"]


def test_a_system_made_whole_another_way_is_failed_and_healed(world, spec):
    """A cutover that rolled back by itself did not do its job, and left nothing broken."""
    SCRIPT["x", "heal"] = fails(FaultFailed("went back"))
    outcome = run(world, spec("cutover", "edge", id="x"))
    assert [step for _, step in world.rows.steps()][2:] == ["heal-requested", "failed", "healed"]
    assert (outcome.failed, outcome.unhealed) == (["x"], [])


def test_a_failure_is_told_once(world, spec):
    """A cutover that went back before its drain fails its proof; its heal adds no second row."""
    SCRIPT["x", "prove"] = fails(FaultFailed("no drain"))
    SCRIPT["x", "heal"] = fails(FaultFailed("went back"))
    outcome = run(world, spec("cutover", "edge", id="x"))
    assert [step for _, step in world.rows.steps()].count("failed") == 1
    assert outcome.faults[0].errors == ["no drain"]
    assert outcome.unhealed == []


def test_a_stop_heals_what_is_active_and_skips_what_is_to_come(world, spec):
    """Nothing waits for its time any more; what was not reached is told as such."""
    stop = threading.Event()
    SCRIPT["now", "prove"] = lambda _: stop.set() or {}
    outcome = run(
        world,
        spec("kill", "edge", id="now", for_=60.0),
        spec("kill", "edge", id="later", at=60.0),
        stop=stop,
    )
    assert world.rows.steps()[-1] == ("now", "healed")
    assert MADE["later"].asked == []
    assert [(it.id, it.reached) for it in outcome.faults] == [("now", True), ("later", False)]
    assert (outcome.failed, outcome.unhealed) == ([], [])


def test_faults_see_the_stop_of_their_run(world, spec):
    """The event given to `run` is the one that proofs and waits heed."""
    stop = threading.Event()
    SCRIPT["x", "inject"] = lambda context: {"same": context.stop is stop}
    run(world, spec("kill", "edge", id="x"), stop=stop)
    assert world.rows[1]["detail"] == {"same": True}


def test_faults_overlap(world, spec):
    """The second is injected while the first is active: each waits for the other."""
    meet = threading.Barrier(2, timeout=5)
    for name in "ab":
        SCRIPT[name, "prove"] = lambda _: {"met": meet.wait() >= 0}
    outcome = run(world, spec("kill", "edge", id="a"), spec("pause", "edge", id="b"))
    assert outcome.failed == []


def test_an_interrupt_heals_before_it_goes_on(world, spec, monkeypatch):
    """Ctrl-C while waiting for the faults: everything is healed, then it is raised again."""
    join = timeline._join
    interrupts = iter([KeyboardInterrupt()])

    def interrupted(threads):
        for error in interrupts:
            raise error
        join(threads)

    monkeypatch.setattr(timeline, "_join", interrupted)
    with pytest.raises(KeyboardInterrupt):
        run(world, spec("kill", "edge", id="x", for_=60.0), spec("kill", "edge", id="y", at=60.0))
    assert open_faults(world.rows) == []


def test_open_faults_are_those_requested_and_not_healed():
    """Only `healed` closes a request; other rows and other writers' rows do not matter."""
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
