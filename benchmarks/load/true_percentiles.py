"""The true latencies when a server stops for a while, derived without measuring. Pure.

Messages are due at an even rate for `T` seconds; the server answers none for `S` seconds, and
immediately otherwise. A message that was due `x` seconds before the server continues waits `x`
seconds, so that a share `S / T` of the latencies is uniform from 0 to `S`, and the others are
nearly 0.
"""


def percentile_s(share: float, stopped_s: float, total_s: float) -> float:
    """Return the latency that `share` of all messages do not exceed, in seconds."""
    return max(0.0, stopped_s - (1.0 - share) * total_s)


def error_percent(reported: float, true: float) -> float:
    """Return the error of a reported value in percent of the true one; negative if too low."""
    return 100.0 * (reported / true - 1.0)
