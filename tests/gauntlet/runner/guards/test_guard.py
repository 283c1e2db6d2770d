"""When one guard fires, second by second."""

import msgspec
import pytest

from gauntlet.core.clock import NS_PER_S
from gauntlet.core.scenario.model import Guard, _decode
from gauntlet.runner.guards.guard import WatchedGuard


def guard(**keys):
    return msgspec.convert(keys, Guard, dec_hook=_decode)


def seconds_until_fired(keys, rows, active_s=0):
    """Return the second at which the guard fires on one row a second, and how; None if never."""
    watched = WatchedGuard(guard(**keys))
    for second, row in enumerate(rows):
        fired = watched.update({"t_ns": second * NS_PER_S, **row}, int(active_s * NS_PER_S))
        if fired is not None:
            return second, fired
    return None


def sends(*seconds):
    """Return rows with the running totals of (acked, unknown) sends."""
    acked = unknown = 0
    rows = [{"acked": 0, "unknown": 0}]
    for more_acked, more_unknown in seconds:
        acked, unknown = acked + more_acked, unknown + more_unknown
        rows.append({"acked": acked, "unknown": unknown})
    return rows


ERRORS = {"indicator": "send_errors_ratio", "op": ">", "value": 0.5}


def test_a_ratio_is_that_of_the_last_second_without_a_duration():
    second, fired = seconds_until_fired(ERRORS, sends((9, 0), (5, 5), (4, 6)))
    assert (second, fired.value) == (3, 0.6)
    assert "60.0% of the 10 sends" in fired.text


def test_a_ratio_is_measured_over_the_whole_duration():
    rows = sends((10, 0), (0, 10), (10, 0), (0, 10), (0, 10))
    second, fired = seconds_until_fired({**ERRORS, "for": "3s"}, rows)
    assert second == 4
    assert fired.value == pytest.approx(2 / 3)


def test_a_ratio_needs_its_samples():
    assert seconds_until_fired({**ERRORS, "min_samples": 5}, sends((0, 4), (0, 4))) is None
    assert seconds_until_fired({**ERRORS, "min_samples": 4}, sends((0, 4)))[0] == 1


def test_seconds_without_sends_are_no_errors():
    assert seconds_until_fired(ERRORS, sends((0, 0), (0, 0))) is None


def test_what_came_before_the_guard_was_active_does_not_count():
    assert seconds_until_fired(ERRORS, sends((0, 9), (0, 9), (9, 0), (9, 0)), 2) is None
    assert seconds_until_fired(ERRORS, sends((9, 0), (0, 9), (0, 9), (0, 9)), 2)[0] == 3


def test_a_suspended_guard_begins_anew():
    watched = WatchedGuard(guard(**{**ERRORS, "for": "2s"}))
    rows = sends((0, 9), (0, 9), (0, 9), (0, 9))
    active = [0, 0, None, int(2.5 * NS_PER_S), int(2.5 * NS_PER_S)]
    fired = [
        watched.update({"t_ns": second * NS_PER_S, **row}, active_ns)
        for second, (row, active_ns) in enumerate(zip(rows, active, strict=True))
    ]
    assert fired == [None] * 5


def test_a_counter_of_a_delayed_guard_begins_with_the_guard():
    keys = {"indicator": "missed_arrivals_count", "op": ">", "value": 5, "delay": "2s"}
    rows = [{"missed": count, "sent": 9 * at} for at, count in enumerate([0, 9, 9, 9, 14, 15])]
    assert seconds_until_fired(keys, rows, 2)[0] == 5


LATE = {"indicator": "ack_p99_ms", "op": ">=", "value": 100, "for": "2s"}


def latencies(*values_ms):
    return [{"ack_p99_ms": ms, "acked": 10 * at} for at, ms in enumerate([None, *values_ms])]


def test_a_percentile_must_be_exceeded_in_every_second():
    assert seconds_until_fired(LATE, latencies(100, 100, 99, 100, 100)) is None
    assert seconds_until_fired(LATE, latencies(50, 100, 120, 110))[0] == 4


def test_a_second_without_a_percentile_neither_confirms_nor_contradicts():
    assert seconds_until_fired(LATE, latencies(100, None, 100))[0] == 3
    assert seconds_until_fired(LATE, latencies(100, None, None)) is None


def test_a_percentile_needs_its_samples():
    keys = {**LATE, "min_samples": 40}
    assert seconds_until_fired(keys, latencies(100, 100, 100, 100))[0] == 4


def test_a_rate_that_falls_stops_the_load():
    keys = {"indicator": "acked_per_s", "op": "<", "value": 5, "for": "2s"}
    rows = [{"acked": acked, "sent": 10 * at} for at, acked in enumerate([0, 9, 18, 20, 21])]
    second, fired = seconds_until_fired(keys, rows)
    assert (second, fired.value) == (4, 1.5)


def test_one_push_that_goes_backwards_is_enough():
    rows = [{"backward": count} for count in (0, 0, 1)]
    second, fired = seconds_until_fired({"check": "wire-order"}, rows)
    assert (second, fired.value) == (2, 1)


def test_a_suspicion_counts_from_when_the_guard_became_active():
    rows = [{"unseen_oldest_s": float(at)} for at in range(20)]
    assert seconds_until_fired({"check": "lost-acked", "older_than": "4s"}, rows)[0] == 5
    assert seconds_until_fired({"check": "lost-acked", "older_than": "4s"}, rows, 3)[0] == 8


def test_a_suspicion_that_is_resolved_stops_nothing():
    rows = [{"undelivered_oldest_s": at % 8} for at in range(40)]
    assert seconds_until_fired({"check": "undelivered"}, rows) is None


def test_rows_of_older_versions_have_no_suspicions():
    assert seconds_until_fired({"check": "lost-acked"}, [{}] * 30) is None
