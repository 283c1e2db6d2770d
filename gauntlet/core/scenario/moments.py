"""When a fault begins: at a time, at a random time, or after an event of the run.

In a scenario: `at: 15s`, `at: {between: [5s, 12s]}`, `at: {after: 500 acks}`, or
`at: {after: broker-down healed, plus: 2s, by: 20s}`. All times count from the start of the ramp.
"""

import re
from collections.abc import Mapping
from typing import Any, Literal, NamedTuple, get_args

import msgspec

from gauntlet.core import clock
from gauntlet.core.printable import shortened

Counted = Literal["sends", "acks", "deliveries", "reconnects"]
FaultStep = Literal["effective", "healed"]

FORMS = (
    "a time such as 15s, {between: [5s, 12s]}, {after: 500 acks}, or {after: FAULT healed}; after "
    "can be given together with plus and by"
)
_PROGRESS = re.compile(rf"([0-9]{{1,12}}) ({'|'.join(get_args(Counted))})")
_STEP = re.compile(rf"(\S+) ({'|'.join(get_args(FaultStep))})")
EVENT_PATTERN = f"^({_PROGRESS.pattern}|{_STEP.pattern})$"


class Moment:
    """The base of the three kinds of moments, whose plain data is what `parse` reads."""

    __slots__ = ()


class FixedTime(float, Moment):
    """A time in seconds from the start of the ramp."""

    __slots__ = ()


class RandomTime(Moment, msgspec.Struct, frozen=True, rename={"between_s": "between"}):
    """A time between two others, which the run's seed decides."""

    between_s: tuple[float, float]


class Progress(NamedTuple):
    """The load has made `number` sends, acks, deliveries, or reconnects, all workers together."""

    number: int
    of: Counted

    def __str__(self) -> str:
        return f"{self.number} {self.of}"


class StepOfFault(NamedTuple):
    """Another fault has become effective, or is healed."""

    fault: str
    step: FaultStep

    def __str__(self) -> str:
        return f"{self.fault} {self.step}"


Event = Progress | StepOfFault


class AfterEvent(
    Moment,
    msgspec.Struct,
    frozen=True,
    omit_defaults=True,
    rename={"text": "after", "plus_s": "plus", "by_s": "by"},
):
    """`plus_s` after an event. If that is not before `by_s`, the fault does not begin at all.

    Without `by_s` the latest time is the one at which the fault can still end within the load.
    """

    text: str  # of the event, as in the scenario
    plus_s: float = 0.0
    by_s: float | None = None

    @property
    def event(self) -> Event:
        """What is awaited."""
        return _event(self.text)


def parse(value: object) -> Moment:
    """Return the moment that a scenario describes; ValueError ("must be …") if it is none."""
    if not isinstance(value, Mapping):
        return FixedTime(clock.parse_duration_s(value))  # type: ignore[arg-type]  # refuses others
    if value.keys() == {"between"}:
        return _between(value["between"])
    if "after" not in value or value.keys() - {"after", "plus", "by"}:
        raise ValueError(f"must be {FORMS}; got {_shown(dict(value))}")
    by = value.get("by")
    return AfterEvent(
        str(_event(value["after"])),
        clock.parse_duration_s(value.get("plus", 0)),
        None if by is None else clock.parse_duration_s(by),
    )


def _between(value: object) -> RandomTime:
    if not isinstance(value, list | tuple) or len(value) != 2:
        raise ValueError(f"must be two times such as between: [5s, 12s]; got {_shown(value)}")
    earliest_s, latest_s = (clock.parse_duration_s(time) for time in value)
    if earliest_s >= latest_s:
        raise ValueError(f"must be two times, the earlier one first; got {_shown(value)}")
    return RandomTime((earliest_s, latest_s))


def _event(value: object) -> Event:
    text = str(value)
    if match := _PROGRESS.fullmatch(text):
        counted: Any = match[2]
        if int(match[1]):
            return Progress(int(match[1]), counted)
    elif match := _STEP.fullmatch(text):
        step: Any = match[2]
        return StepOfFault(match[1], step)
    raise ValueError(
        f"must be after a number of {', '.join(get_args(Counted))} such as 500 acks, or after "
        f"another fault is effective or healed, such as `broker-down healed`; got {_shown(text)}"
    )


def _shown(value: object) -> str:
    return shortened(repr(value))


def earliest_s(moment: Moment) -> float:
    """Return the earliest time at which a fault with this moment can begin."""
    match moment:
        case RandomTime():
            return moment.between_s[0]
        case AfterEvent():
            return moment.plus_s
        case _:
            return _time_s(moment)


def latest_s(moment: Moment) -> float:
    """Return the latest time at which it can begin, as far as the scenario alone states one."""
    match moment:
        case RandomTime():
            return moment.between_s[1]
        case AfterEvent():
            return moment.plus_s if moment.by_s is None else moment.by_s
        case _:
            return _time_s(moment)


def text(moment: Moment) -> str:
    """Return the moment as terminal and messages show it: `at 15 s`, `after 500 acks`."""
    match moment:
        case RandomTime():
            earliest, latest = map(clock.format_s, moment.between_s)
            return f"between {earliest} and {latest}"
        case AfterEvent():
            plus = f" plus {clock.format_s(moment.plus_s)}" if moment.plus_s else ""
            return f"after {moment.text}{plus}"
        case _:
            return f"at {clock.format_s(_time_s(moment))}"


def _time_s(moment: Moment) -> float:
    assert isinstance(moment, FixedTime)
    return float(moment)
