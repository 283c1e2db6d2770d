"""The messages of a run as a trace, with which a load can be replayed.

The keys are those of `message_trace`. Users and conversations are given by their numbers, because
names of accounts may be private and nothing but their equality is used.
"""

from collections.abc import Callable, Mapping
from typing import Any

import numpy as np

from gauntlet.core.clock import NS_PER_S
from gauntlet.core.errors import HistoryError
from gauntlet.core.history import Kind
from gauntlet.core.run_directory import RunDir
from gauntlet.core.scenario.model import Scenario
from gauntlet.reports.history.events import collect_events
from gauntlet.reports.history.records import read_records

# Returns the keys of a body, for the numbers of its conversation and author, its number among the
# author's messages there, and its intended time in nanoseconds.
DescribeBody = Callable[[int, int, int, int], Mapping[str, Any]]


def trace_rows(
    run: RunDir, scenario: Scenario, describe_body: DescribeBody
) -> list[dict[str, Any]]:
    """Return a row for each message that the load handed to a session, by intended time.

    Raises HistoryError if the history is incomplete, or has no messages.
    """
    events = collect_events(run.read_events(), scenario.faults)
    records = read_records(run, list(events.reconciliations), events.lost, events.clocks)
    ops = records[records["kind"] == Kind.OP]
    if not ops.size:
        raise HistoryError(f"the run {run.path} has sent no messages")
    ops = ops[np.argsort(ops["ref_ns"], kind="stable")]
    begin_ns = int(ops["ref_ns"][0])
    return [
        {
            "offset_s": round((intended_ns - begin_ns) / NS_PER_S, 6),
            "sender": str(author),
            "conversation": str(conv),
            **describe_body(conv, author, sseq, intended_ns),
        }
        for intended_ns, conv, author, sseq in ops[["ref_ns", "conv", "peer", "sseq"]].tolist()
    ]
