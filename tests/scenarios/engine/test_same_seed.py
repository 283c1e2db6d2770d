"""The same seed gives the same ops: over every workload, its parameters, and any workers."""

import hashlib
import subprocess
import sys
from pathlib import Path

from hypothesis import given, settings
from hypothesis import strategies as st

from gauntlet.core.scenario.model import from_builtins
from gauntlet.scenarios.schedule.arrivals import SCHEDULES, Stripe
from gauntlet.scenarios.schedule.traffic import Traffic
from gauntlet.scenarios.workloads import WORKLOADS

PARAMETERS = {
    "weight": st.floats(0.1, 10),
    "size": st.integers(2, 12),
    "sizes": st.sampled_from(["fixed", "lognormal", [[2, 3], [9, 1]]]),
    "exits": st.sampled_from([None, "20/m"]),
    "offline": st.sampled_from(["500ms", "2s"]),
    "percent": st.floats(1, 100),
    "at": st.sampled_from([[], ["2s"], ["3s", "2s"]]),
}
SHARES = st.fixed_dictionaries({}, optional=PARAMETERS)
MIXES = st.dictionaries(st.sampled_from(sorted(WORKLOADS)), SHARES, min_size=1)


PROFILES = [
    {"kind": "constant"},
    {"kind": "ramp", "from": "10/s", "to": "90/s"},
    {"kind": "step", "steps": [{"at": "1s", "rate": "20/s"}, {"at": "3s", "rate": "70/s"}]},
    {"kind": "spike", "base": "10/s", "peak": "90/s", "at": "2s", "for": "1s"},
    {"kind": "diurnal", "low": "1/s", "high": "9/s", "period": "2s"},
]


def plan(mix, seed, users, stripe, **more):
    """All that a worker is going to do, as plain values."""
    load = {"users": users, "workload": mix, "rate": "50/s", **more}
    times = {"ramp": "1s", "steady": "4s"}
    scenario = {"version": 1, "name": "x", "about": "x", "seed": seed, "load": {**load, **times}}
    made = Traffic(from_builtins(scenario), stripe)
    ops = [made.draw_op(offset, lambda _: True) for offset in made.offsets_ns()]
    said = [
        op and (op.offset_ns, op.conv.name, op.author, op.sseq, made.sending_device(op))
        for op in ops
    ]
    return (
        made.users,
        list(made.conversations.values()),
        made.offline_periods,
        made.room_absences,
        said,
    )


@settings(max_examples=settings.default.max_examples * 6 // 10)
@given(
    mix=MIXES,
    seed=st.integers(0, 2**32),
    users=st.integers(2, 40),
    workers=st.integers(1, 4),
    arrivals=st.sampled_from(sorted(SCHEDULES)),
    profile=st.sampled_from(PROFILES),
    devices=st.integers(1, 3),
)
def test_the_same_seed_gives_the_same_everything(mix, seed, users, workers, **more):
    """Users, conversations, absences and ops are equal."""
    for worker in range(workers):
        parts = (mix, seed, users, Stripe(worker, workers))
        assert plan(*parts, **more) == plan(*parts, **more)


@settings(max_examples=settings.default.max_examples * 3 // 10)
@given(mix=MIXES, users=st.integers(8, 40), workers=st.integers(1, 4))
def test_more_workers_change_who_sends_and_never_how_much(mix, users, workers):
    """Each has its own users, and all together have as many arrivals as one would."""
    plans = [plan(mix, 1, users, Stripe(at, workers)) for at in range(workers)]
    names = [user.name for known, *_ in plans for user in known]
    assert len(set(names)) == len(names) >= users
    assert sum(len(said) for *_, said in plans) == 200


def digest():
    """Of the plan of every workload at once."""
    mix = {name: {"sizes": "lognormal", "size": 5, "exits": "20/m"} for name in sorted(WORKLOADS)}
    planned = plan(mix, 7, 50, Stripe(1, 3), arrivals="poisson")
    return hashlib.sha256(repr(planned).encode()).hexdigest()


SCRIPT = """
import sys
sys.path.append(sys.argv[1])
import test_same_seed
print(test_same_seed.digest())
"""


def test_another_process_plans_the_same():
    """No order of a set, and no hash of a process, has a part in it."""
    for hash_seed in ("1", "2"):
        found = subprocess.run(
            [sys.executable, "-P", "-c", SCRIPT, str(Path(__file__).parent)],
            env={"PYTHONHASHSEED": hash_seed},
            capture_output=True,
            text=True,
            check=True,
        )
        assert found.stdout.strip() == digest()
