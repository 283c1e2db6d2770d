"""The confidence interval of a share that was observed."""

import math

Z_95 = 1.959964


def interval(hits: int, trials: int, z: float = Z_95) -> tuple[float, float]:
    """Return the interval of Wilson's score for `hits` of `trials`, by default of 95 %.

    E. B. Wilson, "Probable Inference, the Law of Succession, and Statistical Inference", JASA 22
    (1927). Unlike the normal approximation it is also valid for 0 hits, and for all.
    """
    if not 0 <= hits <= trials:
        raise ValueError(f"hits must be between 0 and {trials}; got {hits}")
    if trials == 0:
        return 0.0, 1.0
    share, square = hits / trials, z * z
    middle = (share + square / (2 * trials)) / (1 + square / trials)
    half = (
        z
        / (1 + square / trials)
        * math.sqrt(share * (1 - share) / trials + square / (4 * trials * trials))
    )
    low = 0.0 if hits == 0 else middle - half
    high = 1.0 if hits == trials else middle + half
    return low, high
