"""Times of a history: seconds, milli-, micro- or nanoseconds, or RFC 3339, as nanoseconds."""

import datetime as dt
import math
import re

from gauntlet.core.clock import NS_PER_MS, NS_PER_S
from gauntlet.reports.interchange.lines import Time

_EPOCH = dt.datetime(1970, 1, 1, tzinfo=dt.UTC)
_UNITS_NS = {"s": NS_PER_S, "ms": NS_PER_MS, "us": 1000, "ns": 1}
# Numbers without a declared unit: the first bound that is above the number decides.
_RECOGNISED = ((1e11, "s"), (1e14, "ms"), (1e17, "us"), (math.inf, "ns"))
_MAX_NS = 1 << 62
_DATE_LENGTH = len("1970-01-01")  # a date alone is no time
_NUMBER = re.compile(r"\d+(\.\d*)?")
_LEAP_SECOND = re.compile(r"(T\d\d:\d\d:)60")
# A time of 0 means "none" in records, so a timeline that begins at 0 is moved.
SHIFT_NS = NS_PER_S


class Times:
    """Reads the times of one file; the first time decides on the unit unless it is declared."""

    def __init__(self, unit: str | None = None) -> None:
        self.unit = unit

    def parse(self, key: str, value: Time) -> int:
        """Return a time in nanoseconds; ValueError with a sentence if it is none."""
        unit = self.unit or _recognise(value)
        ns = _parse(key, value, unit)
        if not 0 <= ns < _MAX_NS:
            raise ValueError(f"{key} must be between 0 and the year 2116; got {value!r}")
        self.unit = unit
        return ns + SHIFT_NS


def _recognise(value: Time) -> str:
    if isinstance(value, str):
        return "rfc3339"
    return next(unit for bound, unit in _RECOGNISED if value < bound or bound == math.inf)


def _parse(key: str, value: Time, unit: str) -> int:
    if unit == "rfc3339":
        if not isinstance(value, str):
            raise ValueError(f"{key} must be an RFC 3339 time as in other lines; got {value!r}")
        try:
            if len(value) <= _DATE_LENGTH:
                raise ValueError
            # A leap second is the last one of its minute again, and Python does not know it.
            text, leap_seconds = _LEAP_SECOND.subn(r"\g<1>59", value.upper())
            moment = dt.datetime.fromisoformat(text) + dt.timedelta(seconds=leap_seconds)
        except (ValueError, OverflowError):
            form = "a number without quotes or " if _NUMBER.fullmatch(value) else ""
            raise ValueError(f"{key} must be {form}an RFC 3339 time; got {value[:80]!r}") from None
        if moment.tzinfo is None:
            moment = moment.replace(tzinfo=dt.UTC)
        since = moment - _EPOCH
        return (since.days * 86_400 + since.seconds) * NS_PER_S + since.microseconds * 1000
    if isinstance(value, str):
        without = " without quotes" if _NUMBER.fullmatch(value) else ""
        raise ValueError(
            f"{key} must be a number{without}, in {unit} as in other lines; got {value[:80]!r}"
        )
    if isinstance(value, int):
        return value * _UNITS_NS[unit]
    return round(value * _UNITS_NS[unit])
