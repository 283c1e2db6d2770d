"""What several checks and indicators need is derived once from a history."""

from collections import Counter
from dataclasses import replace
from typing import Any

import pytest

from gauntlet.reports import checks
from gauntlet.reports.checks import _known_positions, _order_cycles
from gauntlet.reports.metrics import latency


def test_what_is_derived_is_kept_for_others(history, good_story):
    read = history(good_story(1))
    calls: list[object] = []

    def derive(known: object) -> int:
        calls.append(known)
        return len(calls)

    assert [read.once(derive), read.once(derive)] == [1, 1]
    assert calls == [read]


def test_a_changed_history_derives_again(history, good_story):
    read = history(good_story(1))
    assert latency.ack(read) is latency.ack(read)
    assert latency.ack(replace(read, capabilities=frozenset())) is not latency.ack(read)


def test_other_proofs_of_faults_keep_what_was_derived(history, good_story):
    read = history(good_story(1))
    ack = latency.ack(read)
    faults = tuple(replace(fault, proof={"by": "hand"}) for fault in read.events.faults)
    proven = read.with_proofs(faults)
    assert latency.ack(proven) is ack
    assert proven.events.faults == faults != read.events.faults


@pytest.mark.parametrize(
    ("module", "name"),
    [(_order_cycles, "_distinct"), (_known_positions.KnownPositions, "__init__")],
)
def test_checks_share_the_work_that_they_have_in_common(
    history, good_story, monkeypatch, module, name
):
    calls: Counter[str] = Counter()
    original = getattr(module, name)

    def counted(*args: Any) -> Any:
        calls[name] += 1
        return original(*args)

    monkeypatch.setattr(module, name, counted)
    checks.run_all(history(good_story(1)))
    # A search for cycles calls `_distinct` twice: for receivers and for senders.
    assert calls[name] == {"_distinct": 2, "__init__": 1}[name]
