"""Faults that cannot act as written are refused before the load."""

from types import SimpleNamespace

import pytest

from gauntlet.chaos.faults import conflicts
from gauntlet.chaos.faults.targets import StackPlan
from gauntlet.core.errors import ConfigError
from gauntlet.core.scenario import catalog
from gauntlet.core.scenario.model import from_builtins

ROLES = {
    "gateway-1": "gateway",
    "gateway-2": "gateway",
    "edge-blue-1": "edge",
    "broker": "broker",
    "registry": "registry",
}
LINKS = [
    SimpleNamespace(name=f"client>{name}", source="client", component=name, kind="http")
    for name in ROLES
]


def check(*faults, seed=1):
    """Check faults that are given as (kind, target, at, for, parameters)."""
    plain = [
        {"id": f"f{n}", "kind": kind, "target": target, "at": at, "for": for_, "params": params}
        for n, (kind, target, at, for_, params) in enumerate(faults)
    ]
    scenario = from_builtins({"version": 1, "name": "x", "about": "x", "faults": plain})
    conflicts.check(scenario.faults, StackPlan(ROLES, LINKS), seed)


@pytest.mark.parametrize(
    ("faults", "message"),
    [
        (
            [("kill", "gateway", 1, 2, {"count": 99})],
            r"fault 'f0': params.count must be at most 2, .* \(gateway-1, gateway-2\); got 99",
        ),
        (
            [("kill", "gateway-1", 1, 4, {}), ("kill", "gateway-1", 3, 1, {})],
            r"'f1' needs a running component of gateway-1 at 3 s, but fault 'f0' holds gateway-1",
        ),
        (
            [("kill", "gateway-1", 3, 1, {}), ("pause", "gateway", 1, 4, {"count": 1})],
            r"'f0' needs a running component of gateway-1 at 3 s, but fault 'f1' holds gateway-1",
        ),
        (
            [("pause", "gateway", 1, 4, {}), ("kill", "gateway", 2, 1, {"count": 2})],
            r"'f1' needs 2 running components of gateway at 2 s, but fault 'f0' holds gateway-1",
        ),
        (
            [("kill", "gateway", 1, 4, {"percent": 51}), ("pause", "gateway", 2, 1, {})],
            r"'f1' needs a running component of gateway at 2 s, but fault 'f0' holds gateway-1",
        ),
        (
            [("broker-failure", "broker", 1, 4, {}), ("kill", "broker", 2, 1, {})],
            r"'f1' needs a running component of broker",
        ),
        (
            [
                ("partition", "client>gateway", 1, 4, {}),
                ("partition", "client>gateway-2", 2, 1, {}),
            ],
            r"'f1' silences client>gateway-2 at 2 s, but fault 'f0' does so until 5 s",
        ),
    ],
)
def test_a_fault_that_finds_nothing_to_break_is_refused_with_the_reason(faults, message):
    with pytest.raises(ConfigError, match=message):
        check(*faults)


COUNTING = [name for name, kind in catalog.FAULTS.items() if "count" in kind.params]


@pytest.mark.parametrize("at", [1, {"after": "5 acks"}, {"after": "f0 healed"}])
@pytest.mark.parametrize("kind", COUNTING)
def test_more_victims_than_components_are_refused_for_every_fault_and_moment(kind, at):
    """Some kinds, and all faults after an event or a cutover, failed in the middle of the load."""
    cutover = ("cutover", "edge", 0, 1, {})
    target = "edge" if "edge" in catalog.FAULTS[kind].targets else "gateway"
    count = len([role for role in ROLES.values() if role == target])
    check(cutover, (kind, target, at, 1, {"count": count}))
    with pytest.raises(
        ConfigError, match=rf"'f1': params.count must be at most {count}, .* got 99"
    ):
        check(cutover, (kind, target, at, 1, {"count": 99}))


@pytest.mark.parametrize(
    "faults",
    [
        [("kill", "gateway", 1, 4, {"count": 2})],
        [("kill", "gateway-1", 1, 2, {}), ("kill", "gateway-1", 3, 1, {})],
        [("kill", "gateway", 1, 4, {}), ("kill", "gateway", 2, 4, {})],
        [("kill", "gateway-1", 1, 4, {}), ("latency", "client>gateway-1", 2, 1, {})],
        [("kill", "gateway", 1, 4, {"percent": 50}), ("kill", "gateway", 2, 4, {"percent": 50})],
        [("partition", "client>gateway", 1, 1, {}), ("partition", "client>gateway", 2, 1, {})],
        [("partition", "client>gateway-1", 1, 4, {}), ("partition", "client>gateway-2", 2, 1, {})],
        # After a scale-out, the plan does not know which components run.
        [
            ("scale-out", "gateway", 1, 9, {}),
            ("kill", "gateway", 2, 4, {}),
            ("pause", "gateway", 3, 1, {"count": 2}),
        ],
    ],
)
def test_faults_that_can_act_side_by_side_are_not_refused(faults):
    check(*faults)


def test_the_victims_that_a_seed_draws_are_those_that_are_held():
    """So a fault on the other component of the role can act."""
    drawn = ("kill", "gateway", 1, 4, {"pick": "random"})
    refused = set()
    for seed in range(8):
        for name in ("gateway-1", "gateway-2"):
            try:
                check(drawn, ("kill", name, 2, 1, {}), seed=seed)
            except ConfigError:
                refused.add((seed, name))
    assert {seed for seed, _ in refused} == set(range(8))
    assert len(refused) == 8
    assert {name for _, name in refused} == {"gateway-1", "gateway-2"}


@pytest.mark.parametrize(
    ("kind", "instead"),
    [("reset", "disconnect"), ("half-open", "blackhole"), ("refuse", "kill")],
)
def test_a_fault_that_toxiproxy_cannot_inject_is_refused_with_the_one_to_use(spec, kind, instead):
    with pytest.raises(ConfigError, match=f"embedded or auto, or the fault {instead}"):
        conflicts.backend_for([spec(kind, "client>edge")], "toxiproxy")


@pytest.mark.parametrize(
    ("wanted", "chosen"), [("auto", "embedded"), ("embedded", "embedded"), ("toxiproxy", None)]
)
def test_a_fault_that_only_one_proxy_can_inject_chooses_it_or_is_refused(spec, wanted, chosen):
    faults = [spec("latency", "client>edge"), spec("reset", "client>edge", id="cut")]
    if chosen is None:
        with pytest.raises(ConfigError, match=r"'cut' \(reset\) needs the embedded fault proxy"):
            conflicts.backend_for(faults, wanted)
    else:
        assert conflicts.backend_for(faults, wanted) == chosen
    assert conflicts.backend_for(faults[:1], wanted) == wanted


def test_faults_that_silence_a_link_together_are_refused_unless_they_spare_a_share():
    both = [("blackhole", "client>gateway-1", 1, 4, {}), ("partition", "client>gateway", 2, 1, {})]
    with pytest.raises(ConfigError, match="'f1' silences client>gateway-1"):
        check(*both)
    both[0][4]["percent"] = 50
    check(*both)


@pytest.mark.parametrize("kind", ["disconnect", "reset"])
def test_a_cut_of_links_that_are_silent_is_refused(kind):
    silence = ("stall", "client>gateway", 1, 4, {})
    with pytest.raises(ConfigError, match=r"'f1' cuts connections of client>gateway at 2 s, but"):
        check(silence, (kind, "client>gateway", 2, 0, {}))
    check(silence, (kind, "client>gateway", 5, 0, {}))
    check((kind, "client>gateway", 1, 0, {}), (silence[0], silence[1], 2, 3, {}))
    check(("stall", "client>gateway-1", 1, 4, {}), (kind, "client>gateway", 2, 0, {}))


def test_a_start_delay_that_the_control_api_refuses_is_refused_before_the_load():
    with pytest.raises(ConfigError, match="start_delay must be at most 30 s; got 31 s"):
        check(("slow-start", "gateway", 1, 0, {"start_delay": "31s"}))
    check(("slow-start", "gateway", 1, 0, {"start_delay": "30s"}))


@pytest.mark.parametrize("kind", ["cpu-limit", "descriptor-limit"])
def test_two_limits_of_one_kind_may_not_overlap_but_those_of_two_kinds_may(kind):
    later = (kind, "gateway-1", 3, 4, {})
    with pytest.raises(ConfigError, match=rf"'f1' \({kind}\) changes .* of gateway-1 at 3 s"):
        check((kind, "gateway", 1, 4, {}), later)
    check((kind, "gateway", 1, 2, {}), later)
    other = ({"cpu-limit", "descriptor-limit"} - {kind}).pop()
    check((other, "gateway", 1, 4, {}), later)


@pytest.mark.parametrize("second", ["client-pause", "memory-limit"])
def test_faults_that_change_settings_of_the_registry_may_not_overlap(second):
    """The first heal would end the second fault, and its settings would be noted as normal."""
    later = (second, "registry", 3, 4, {})
    with pytest.raises(
        ConfigError,
        match=rf"'f1' \({second}\) changes settings of registry at 3 s, "
        r"but fault 'f0' \(memory-limit\) does so until 5 s",
    ):
        check(("memory-limit", "registry", 1, 4, {}), later)
    check(("memory-limit", "registry", 1, 2, {}), later)
    check(("pause", "registry", 1, 4, {}), later)


def test_two_memory_alarms_of_a_broker_may_not_overlap():
    later = ("block", "broker", 3, 4, {})
    with pytest.raises(ConfigError, match=r"'f1' \(block\) changes the memory alarm of broker"):
        check(("block", "broker", 1, 4, {}), later)
    check(("disk-alarm", "broker", 1, 4, {}), later)


@pytest.mark.parametrize(
    "kinds",
    [("cpu-limit", "oom-kill"), ("oom-kill", "cpu-limit"), ("memory-pressure", "oom-kill")],
)
def test_faults_by_control_groups_may_not_overlap(kinds):
    """The group of one would be below that of the other, which could not be removed."""
    first, second = kinds
    with pytest.raises(ConfigError, match=r"changes control groups of gateway-1 at 3 s"):
        check((first, "gateway-1", 1, 4, {}), (second, "gateway-1", 3, 4, {}))
    check((first, "gateway-1", 1, 2, {}), (second, "gateway-1", 3, 4, {}))


@pytest.mark.parametrize("kind", ["power-loss", "disk-full", "disk-read-only", "disk-error"])
def test_faults_on_one_disk_may_not_overlap(kind):
    """The heal of one would end the other."""
    slow = ("disk-slow-fsync", "registry", 1, 4, {})
    with pytest.raises(ConfigError, match="changes the disk of registry at 3 s"):
        check(slow, (kind, "registry", 3, 4, {}))


def test_a_store_fails_over_once():
    faults = [("failover", "registry", 1, 2, {}), ("failover", "registry", 20, 2, {})]
    with pytest.raises(ConfigError, match=r"'f1': registry can fail over once .* fault 'f0' does"):
        check(*faults)
    check(faults[0])


@pytest.mark.parametrize("shift", ["clock-step", "clock-skew"])
@pytest.mark.parametrize(
    ("starts", "is_refused"),
    [
        (("kill", "gateway-1", 6, 2, {}), True),
        (("kill", "gateway", 6, 2, {"count": 2}), True),
        (("kill", "gateway-1", 6, 20, {}), False),  # started after the heal
        (("kill", "gateway-2", 6, 2, {}), False),
        (("kill", "gateway-1", 15, 2, {}), False),
        (("kill", "gateway", 1, 4, {}), False),  # the clock is then that of the other one
        (("restart", "gateway-1", 6, 0, {}), True),
        (("slow-start", "gateway-1", 6, 20, {}), True),
        (("pause", "gateway-1", 6, 2, {}), False),
        (("rolling-update", "gateway", 6, 0, {}), True),
        (("rolling-update", "gateway", 2, 0, {}), False),
    ],
)
def test_no_service_is_started_while_its_clock_is_wrong(shift, starts, is_refused):
    """It keeps the time of its start after the heal."""
    faults = [(shift, "gateway", 4, 10, {}), starts]
    if is_refused:
        with pytest.raises(ConfigError, match=r"'f1' starts gateway-1 while fault 'f0' .* 14 s"):
            check(*faults)
    else:
        check(*faults)


def test_stores_may_be_started_while_their_clock_is_wrong():
    """They ask for the time whenever they need it."""
    check(("clock-step", "registry", 4, 10, {}), ("kill", "registry", 6, 2, {}))


def test_a_clock_needs_a_running_component():
    with pytest.raises(ConfigError, match="'f1' needs a running component of registry at 4 s"):
        check(("kill", "registry", 1, 5, {}), ("clock-step", "registry", 4, 10, {}))
