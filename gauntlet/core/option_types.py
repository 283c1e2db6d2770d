"""Types of options: what a text on the command line means, and how a wrong one is reported."""

import argparse

from gauntlet.core.clock import parse_duration_s, parse_rate_per_s
from gauntlet.core.scenario.model import Duration, Rate

_PORT_MAX = 65_535


def rate(text: str) -> Rate:
    """Read events per second, such as 300/s or 90/m."""
    try:
        return Rate(parse_rate_per_s(text))
    except ValueError as error:
        raise argparse.ArgumentTypeError(str(error)) from error


def duration(text: str) -> Duration:
    """Read a duration, such as 15s or 1m30s."""
    try:
        return Duration(parse_duration_s(text))
    except ValueError as error:
        raise argparse.ArgumentTypeError(str(error)) from error


def port(text: str) -> int:
    """Read a port to listen on; 0 is any free one."""
    if not (text.isascii() and text.isdecimal() and int(text) <= _PORT_MAX):
        raise argparse.ArgumentTypeError(f"must be a port, 0 to {_PORT_MAX}; got {text!r:.80}")
    return int(text)
