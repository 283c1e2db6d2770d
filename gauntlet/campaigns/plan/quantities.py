"""Reads the quantities of the command line: `10M`, `25%`, `5%/month`, `8GB`, `5s-15s`."""

import argparse
import datetime as dt
import math
import re

from gauntlet.core.clock import parse_duration_s

_NUMBER = r"([0-9]+(?:\.[0-9]+)?(?:e[0-9]{1,2})?)"
_FACTORS = {"": 1.0, "k": 1e3, "M": 1e6, "G": 1e9}
_BYTES = {"MB": 1e6, "GB": 1e9, "MiB": 2.0**20, "GiB": 2.0**30}
_COUNT_MAX = 1e12
_GROWTH_MAX = 10.0
_MONTHS = {"month": 1, "year": 12}


def count(text: str) -> float:
    """Return a number above zero, such as 10M, 250k or 1.5."""
    match = re.fullmatch(_NUMBER + r"([kMG]?)", text)
    value = float(match[1]) * _FACTORS[match[2]] if match else math.nan
    if not 0 < value <= _COUNT_MAX:
        raise argparse.ArgumentTypeError(
            f"must be a number above zero such as 10M, 250k or 1.5, at most 1e12; got {text!r:.60}"
        )
    return value


def share(text: str) -> float:
    """Return a share above 0 and up to 1, such as 25% or 0.25."""
    match = re.fullmatch(_NUMBER + r"(%?)", text)
    value = float(match[1]) / (100 if match[2] else 1) if match else math.nan
    if not 0 < value <= 1:
        raise argparse.ArgumentTypeError(
            f"must be a share such as 25%, above 0% and at most 100%; got {text!r:.60}"
        )
    return value


def growth(text: str) -> float:
    """Return the growth in a month, such as 5%/month, or 80%/year, which is compounded."""
    match = re.fullmatch(rf"(-?){_NUMBER}%/(month|year)", text)
    rate = float(f"{match[1]}{match[2]}") / 100 if match else math.nan
    if match is None or not -1 < rate <= _GROWTH_MAX:
        raise argparse.ArgumentTypeError(
            f"must be a growth such as 5%/month or 80%/year, above -100% and at most 1000%; got "
            f"{text!r:.60}"
        )
    return float((1 + rate) ** (1 / _MONTHS[match[3]]) - 1)


def size(text: str) -> float:
    """Return the bytes of a size such as 8GB or 16GiB."""
    match = re.fullmatch(_NUMBER + r"(MB|GB|MiB|GiB)", text)
    value = float(match[1]) * _BYTES[match[2]] if match else math.nan
    if not 0 < value <= 1e15:
        raise argparse.ArgumentTypeError(f"must be a size such as 8GB or 16GiB; got {text!r:.60}")
    return value


def duration_range(text: str) -> tuple[float, float]:
    """Return the seconds of a duration, or of a range of durations such as 5s-15s."""
    first, dash, second = text.partition("-")
    try:
        low = parse_duration_s(first)
        high = parse_duration_s(second) if dash else low
    except ValueError as error:
        raise argparse.ArgumentTypeError(str(error)) from error
    if low > high:
        raise argparse.ArgumentTypeError(
            f"must be a range whose first duration is the shorter one; got {text!r:.60}"
        )
    return low, high


def date(text: str) -> dt.date:
    """Return a date such as 2026-12-01."""
    try:
        return dt.date.fromisoformat(text)
    except ValueError as error:
        raise argparse.ArgumentTypeError(
            f"must be a date such as 2026-12-01; got {text!r:.60}"
        ) from error
