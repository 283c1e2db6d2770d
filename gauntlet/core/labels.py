"""Labels of a run: what people say about the system under test, such as its version.

They can be given when a run starts and changed afterwards, so they have a file of their own and the
manifest stays as it was recorded.
"""

import re
from collections.abc import Iterable

from gauntlet.core import run_directory
from gauntlet.core.errors import ConfigError, HistoryError
from gauntlet.core.run_directory import RunDir

Labels = dict[str, str]
BASELINE = "baseline"  # a run with this label is never pruned
_KEY = re.compile(r"[a-z0-9][a-z0-9_.-]{0,63}")
_VALUE_LENGTH_MAX = 200


def parse(texts: Iterable[str]) -> Labels:
    """Return labels written as KEY=VALUE; a value may be empty. ConfigError if one is not valid."""
    labels: Labels = {}
    for text in texts:
        key, equals, value = text.partition("=")
        if not equals or not _valid(key, value):
            raise ConfigError(
                "a label must be KEY=VALUE, with a key of lower-case letters, digits and _.- and a "
                f"value of at most {_VALUE_LENGTH_MAX} printable characters; got {text!r:.80}"
            )
        labels[key] = value
    return labels


def read(run: RunDir) -> Labels:
    """Return the labels of a run; HistoryError if the file holds anything else."""
    if not (run.labels.exists() or run.labels.is_symlink()):
        return {}
    labels = run_directory.read_object(run.labels)
    for key, value in labels.items():
        if not isinstance(value, str) or not _valid(key, value) or not value:
            raise HistoryError(
                f"{run.labels} must contain labels with texts as values; got "
                f"{key!r:.80}: {value!r:.80}"
            )
    return labels


def change(run: RunDir, changes: Labels) -> Labels:
    """Add labels to a run, replace them, or remove those whose new value is empty."""
    labels = {key: value for key, value in {**read(run), **changes}.items() if value}
    run_directory.write_json(run.labels, dict(sorted(labels.items())))
    return labels


def text(labels: Labels) -> str:
    """Return labels on one line."""
    return ", ".join(f"{key}={value}" for key, value in labels.items())


def _valid(key: str, value: str) -> bool:
    fits = len(value) <= _VALUE_LENGTH_MAX and value.isprintable()
    return _KEY.fullmatch(key) is not None and fits
