"""The limits of a target, and the summary of a load beyond this machine."""

import pytest

from gauntlet.core.errors import ConfigError
from gauntlet.core.scenario.model import from_builtins
from gauntlet.runner.external import limits


def scenario(url="http://chat.example:80", faults=(), load=None, **target):
    """A scenario for an external system."""
    return from_builtins(
        {
            "version": 1, "name": "x", "about": "x",
            "target": {
                "stack": "external", "url": [url], "allow_hosts": ["chat.example"], **target,
            },
            "load": {"users": 100, "rate": "50/s", "ramp": "2s", "steady": "20s", **(load or {})},
            "faults": list(faults),
        }
    )  # fmt: skip


SURGE = {
    "id": "s",
    "kind": "surge",
    "target": "target",
    "at": 10,
    "for": 2,
    "params": {"factor": 3},
}


def test_a_target_on_loopback_needs_no_limits():
    here = scenario(url="ws://127.0.0.1:9000")
    assert not limits.lacks_limits(here)
    assert limits.summary(here) == []
    limits.check_limits(here)


@pytest.mark.parametrize("given", [None, {"users": 500}, {"rate": "60/s"}])
def test_a_target_elsewhere_needs_both_limits(given):
    there = scenario(**({} if given is None else {"limits": given}))
    assert limits.lacks_limits(there)
    text = str(limits.refusal(there))
    assert "limits: {users: 100, rate: 50/s}" in text
    assert "chat.example" in text
    assert not limits.lacks_limits(scenario(limits={"users": 500, "rate": "60/s"}))


@pytest.mark.parametrize("target", [{"edges": ["ws://chat.example:1"]},
                                    {"toxiproxy": "http://chat.example:8474"}])  # fmt: skip
def test_every_address_of_the_target_counts(target):
    assert limits.lacks_limits(scenario(url="ws://127.0.0.1:9000", **target))


def test_more_users_than_allowed_are_refused():
    with pytest.raises(
        ConfigError, match=r"load\.users must be at most 99 \(target\.limits\.users\)"
    ):
        limits.check_limits(scenario(limits={"users": 99, "rate": "500/s"}))


def test_the_peak_counts_surges_and_profiles():
    assert limits.peak_per_s(scenario()) == pytest.approx(50)
    assert limits.peak_per_s(scenario(faults=[SURGE])) == pytest.approx(150)
    spike = {"kind": "spike", "base": "10/s", "peak": "80/s", "at": "5s", "for": "2s"}
    assert limits.peak_per_s(scenario(load={"rate": None, "profile": spike})) == pytest.approx(80)
    ramp = {"kind": "ramp", "from": "10/s", "to": "90/s"}
    assert limits.peak_per_s(scenario(load={"rate": None, "profile": ramp})) == pytest.approx(90)
    assert limits.peak_per_s(scenario(load={"model": "closed"})) is None


def test_a_higher_rate_than_allowed_is_refused():
    limits.check_limits(scenario(limits={"users": 100, "rate": "50/s"}))
    with pytest.raises(ConfigError, match=r"load\.rate .*target\.limits\.rate.*got 150/s"):
        limits.check_limits(scenario(faults=[SURGE], limits={"users": 100, "rate": "100/s"}))


def test_the_summary_names_hosts_users_rate_and_faults():
    lines = "\n".join(limits.summary(scenario(faults=[SURGE])))
    for words in ("chat.example", "100 users", "150 messages per second", "22 s", "surge target"):
        assert words in lines
