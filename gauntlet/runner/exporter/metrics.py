"""The metrics that are exported, and the columns of `live.jsonl` that they are made of.

The names follow Prometheus' conventions: base units, and `_total` for counters.
"""

from typing import Literal, NamedTuple

Kind = Literal["counter", "gauge"]


class Column(NamedTuple):
    """A column of a live row, how many of its units make a base unit, and its labels."""

    key: str
    divisor: int = 1
    labels: dict[str, str] = {}  # noqa: RUF012 - never changed


class Metric(NamedTuple):
    """A metric; one with columns has a sample for each column of each worker."""

    name: str
    kind: Kind
    help: str
    columns: tuple[Column, ...] = ()


def _percentiles(prefix: str, **columns: str) -> tuple[Column, ...]:
    return tuple(
        Column(f"{prefix}_{name}_ms", 1000, {"percentile": percentile})
        for name, percentile in columns.items()
    )


INFO = Metric("gauntlet_run_info", "gauge", "Which scenario runs; the value is always 1.")
LABEL = Metric("gauntlet_run_label", "gauge", "A label of the run; the value is always 1.")
PHASE = Metric("gauntlet_run_phase", "gauge", "1 for the phase that the run is in, else 0.")
ELAPSED = Metric("gauntlet_run_elapsed_seconds", "gauge", "Time since the ramp began.")
PLANNED = Metric("gauntlet_run_planned_seconds", "gauge", "Planned length of ramp and steady load.")
AGE = Metric("gauntlet_live_age_seconds", "gauge", "Time since the load last reported figures.")
FAULT_ACTIVE = Metric(
    "gauntlet_fault_active", "gauge", "1 from the proof that the fault acts until it is healed."
)
FAULT_FAILED = Metric(
    "gauntlet_fault_failed", "gauge", "1 if the fault was missed, or was not injected or healed."
)

WORKER_METRICS = (
    Metric("gauntlet_users", "gauge", "Users that the load has started.", (Column("users"),)),
    Metric("gauntlet_connections", "gauge", "Open connections.", (Column("connections"),)),
    Metric("gauntlet_messages_sent_total", "counter", "Messages sent.", (Column("sent"),)),
    Metric(
        "gauntlet_messages_acked_total", "counter", "Acknowledged messages.", (Column("acked"),)
    ),
    Metric(
        "gauntlet_messages_rejected_total", "counter", "Messages refused.", (Column("rejected"),)
    ),
    Metric(
        "gauntlet_messages_unanswered_total",
        "counter",
        "Messages that were given up without an answer.",
        (Column("unknown"),),
    ),
    Metric(
        "gauntlet_messages_missed_total",
        "counter",
        "Intended sends that were never made.",
        (Column("missed"),),
    ),
    Metric(
        "gauntlet_messages_outstanding",
        "gauge",
        "Sends that have no answer yet.",
        (Column("outstanding"),),
    ),
    Metric("gauntlet_deliveries_total", "counter", "Messages delivered.", (Column("delivered"),)),
    Metric(
        "gauntlet_deliveries_missing",
        "gauge",
        "Deliveries that are due and have not arrived.",
        (Column("missing"),),
    ),
    Metric(
        "gauntlet_messages_lost",
        "gauge",
        "Acknowledged messages that the audit at the end did not find.",
        (Column("lost"),),
    ),
    Metric("gauntlet_disconnects_total", "counter", "Lost connections.", (Column("disconnects"),)),
    Metric("gauntlet_reconnects_total", "counter", "Reconnections.", (Column("reconnects"),)),
    Metric(
        "gauntlet_duplicates_total",
        "counter",
        "Copies of messages that clients received and dropped.",
        (Column("duplicates"),),
    ),
    Metric("gauntlet_gaps_total", "counter", "Gaps that clients noticed.", (Column("holes"),)),
    Metric(
        "gauntlet_order_violations_total",
        "counter",
        "Messages that arrived after a later one.",
        (Column("backward"),),
    ),
    Metric(
        "gauntlet_ack_latency_seconds",
        "gauge",
        "Time from the intended send to the acknowledgement, of the last second.",
        _percentiles("ack", p50="50", p99="99", p999="99.9"),
    ),
    Metric(
        "gauntlet_delivery_latency_seconds",
        "gauge",
        "Time from the intended send to the delivery, of the last second.",
        _percentiles("delivery", p50="50", p99="99", p999="99.9"),
    ),
    Metric(
        "gauntlet_send_lag_seconds",
        "gauge",
        "How late the generator sent, of the last second.",
        _percentiles("lag", p99="99"),
    ),
    Metric(
        "gauntlet_generator_loop_lag_seconds",
        "gauge",
        "How late the engine's timer ticks ran, of the last second.",
        _percentiles("loop_lag", p99="99", max="100"),
    ),
    Metric(
        "gauntlet_generator_cpu_ratio",
        "gauge",
        "CPU use as a share of one core (engine, process) or of the whole machine.",
        (
            Column("engine_cpu_share", labels={"part": "engine"}),
            Column("process_cpu_share", labels={"part": "process"}),
            Column("machine_cpu_share", labels={"part": "machine"}),
        ),
    ),
    Metric(
        "gauntlet_generator_gc_pause_seconds",
        "gauge",
        "Longest garbage collection of the last second.",
        (Column("gc_pause_max_ms", 1000),),
    ),
    Metric(
        "gauntlet_generator_resident_memory_bytes",
        "gauge",
        "Resident memory of the load process.",
        (Column("rss_bytes"),),
    ),
    Metric(
        "gauntlet_generator_open_fds",
        "gauge",
        "Open sockets and files of the load process.",
        (Column("descriptors"),),
    ),
    Metric(
        "gauntlet_generator_max_fds",
        "gauge",
        "Limit of open sockets and files of the load process.",
        (Column("descriptors_max"),),
    ),
)
METRICS = (
    INFO,
    LABEL,
    PHASE,
    ELAPSED,
    PLANNED,
    AGE,
    FAULT_ACTIVE,
    FAULT_FAILED,
    *WORKER_METRICS,
)
