"""What is true of latencies when a server stops for a while: known without measuring. Pure.

Messages are due at an even rate for `T` seconds; the server answers nothing for `S` of them, and
at once else. Whoever was due `x` before it goes on waits `x`, so that a share `S / T` of the
latencies is uniform from 0 to `S`, and the rest is (nearly) nothing.
"""


def percentile_s(share: float, stopped_s: float, total_s: float) -> float:
    """The latency that `share` of all messages do not exceed, in seconds."""
    return max(0.0, stopped_s - (1.0 - share) * total_s)


def error_percent(claimed: float, true: float) -> float:
    """How far a claim is from the truth, in percent of the truth; negative where it is too low."""
    return 100.0 * (claimed / true - 1.0)
