"""Finds the messages that a person names as reports do: `message 7 of u0-1 in d.u0-1.u0-2`."""

import re
from collections.abc import Mapping

import numpy as np

from gauntlet.core.errors import ConfigError
from gauntlet.reports.history.history import History

_MESSAGE = re.compile(r"(?:message )?(\d{1,10}) of (.+) in (\S+)", re.IGNORECASE)
_POSITION = re.compile(r"position ([\d,]{1,13}) (?:of|in) (\S+)", re.IGNORECASE)
_FORMS = "`message 7 of u0-1 in d.u0-1.u0-2` or `position 12 of d.u0-1.u0-2`, as reports print them"


def find(history: History, text: str) -> list[int]:
    """Return the messages that a text names: one, or all that claim the named position.

    Raises ConfigError if the text has another form, or if the run has no message of that name.
    """
    text = " ".join(text.split()).rstrip(".,")
    if match := _MESSAGE.fullmatch(text):
        return [_by_number(history, int(match[1]), match[2], match[3])]
    if match := _POSITION.fullmatch(text):
        return _at_position(history, int(match[1].replace(",", "")), match[2])
    raise ConfigError(f"MESSAGE must be named like {_FORMS}; got {text!r}")


def _by_number(history: History, number: int, sender: str, conv: str) -> int:
    messages = history.messages
    author = _number("user", sender, history.names.users)
    in_conv = messages.conv == _conv(history, conv)
    own = np.flatnonzero(in_conv & (messages.author == author))
    found = own[messages.sseq[own] == number]
    if found.size:
        return int(found[0])
    if not own.size:
        raise ConfigError(f"the run has no message of {sender} in {conv}; got message {number}")
    last = int(messages.sseq[own].max())
    raise ConfigError(
        f"the messages of {sender} in {conv} are numbered up to {last}; got message {number}"
    )


def _at_position(history: History, position: int, name: str) -> list[int]:
    records, messages, conv = history.records, history.messages, _conv(history, name)
    at = (records["conv"] == conv) & (records["seq"] == position) & (messages.of_record >= 0)
    if found := np.unique(messages.of_record[at]).tolist():
        return [int(message) for message in found]
    last = int(messages.position[messages.conv == conv].max(initial=0))
    raise ConfigError(
        f"no message of this run is at position {position} of {name}, whose messages are at "
        f"positions up to {last}; it may be a room event or a message of an earlier run"
    )


def _conv(history: History, name: str) -> int:
    return _number(
        "conversation", name, {number: conv.name for number, conv in history.names.convs.items()}
    )


def _number(kind: str, name: str, known: Mapping[int, str]) -> int:
    found = next((number for number, each in known.items() if each == name), None)
    if found is None:
        examples = ", ".join(sorted(known.values())[:3])
        raise ConfigError(
            f"the run has no {kind} {name!r}; it has {len(known)}, such as {examples}"
        )
    return found
