"""What users do besides talking."""

from gauntlet.core.scenario.model import from_builtins
from gauntlet.scenarios.client.session import Session
from gauntlet.scenarios.engine.actions.user_actions import scheduled_actions
from gauntlet.scenarios.schedule.arrivals import Stripe
from gauntlet.scenarios.schedule.traffic import Traffic

SCENARIO = {
    "version": 1, "name": "x", "about": "x",
    "load": {
        "users": 4, "ramp": "1s", "steady": "9s",
        "workload": {
            "group": {"size": 4, "exits": "1/s", "offline": "1s"},
            "slow_consumer": {"size": 4, "percent": 25, "at": ["3s"], "offline": "2s"},
            "offline_catchup": {"percent": 25, "at": ["5s"], "offline": "1s"},
        },
    },
}  # fmt: skip


def test_every_absence_and_outing_is_two_moves():
    """One away, one back, each at its time and of its user."""
    traffic = Traffic(from_builtins(SCENARIO), Stripe())
    found = list(scheduled_actions(traffic))
    plain = {(at_ns, user, act) for at_ns, user, act in found if not hasattr(act, "keywords")}
    for period in traffic.offline_periods:
        away = Session.stall if period.stalls else Session.leave
        assert (period.from_ns, period.user, away) in plain
        assert (period.to_ns, period.user, Session.start) in plain
    attended = {
        (at_ns, user, act.keywords["conv"].name, act.keywords["on"])
        for at_ns, user, act in found
        if hasattr(act, "keywords")
    }
    assert traffic.room_absences
    for absence in traffic.room_absences:
        assert (absence.from_ns, absence.user, absence.conv, False) in attended
        assert (absence.to_ns, absence.user, absence.conv, True) in attended
    assert len(found) == 2 * (len(traffic.offline_periods) + len(traffic.room_absences))
