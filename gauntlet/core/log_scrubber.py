"""Keeps secrets out of everything that a process logs."""

import logging
from collections.abc import Mapping

from gauntlet.core.scenario import secrets
from gauntlet.core.scenario.secrets import Value


class _Scrubbed(logging.Formatter):
    """Formats like another formatter, with `***` in place of secrets, in tracebacks too."""

    def __init__(self, formatter: logging.Formatter, values: Mapping[str, Value]) -> None:
        super().__init__()
        self.formatter = formatter
        self._values = values

    def format(self, record: logging.LogRecord) -> str:
        return secrets.scrub(self.formatter.format(record), self._values)


def install(values: Mapping[str, Value]) -> None:
    """From now on, let no handler of the root logger write one of these values.

    Without any handler, Python writes warnings with one of last resort.
    """
    last_resort = [] if logging.lastResort is None else [logging.lastResort]
    for handler in (*logging.getLogger().handlers, *last_resort):
        formatter = handler.formatter or logging.Formatter()
        if isinstance(formatter, _Scrubbed):
            formatter = formatter.formatter
        handler.setFormatter(_Scrubbed(formatter, values))
