"""Reads scaling data: a CSV file with the columns n and throughput."""

import csv
from pathlib import Path

import numpy as np

from gauntlet.campaigns.plan.usl.fit import Array
from gauntlet.core.errors import ConfigError

_ROWS_MAX = 10_000
_BYTES_MAX = 2**20
_LEVELS_MIN = 4  # three parameters, and something to judge the fit by
_COLUMNS = ("n", "throughput")
_VALUE_MAX = 1e12
_N_MAX = 1e7  # n is squared and divided by squares: beyond, rounding errors decide the fit


def read(file: Path) -> tuple[Array, Array]:
    """Return the numbers and the throughputs; ConfigError with the line if they are not valid."""
    try:
        with file.open("rb") as stream:  # it may be a pipe, or a device without end
            content = stream.read(_BYTES_MAX + 1)
        if len(content) > _BYTES_MAX:
            raise ConfigError(f"{file} must have at most {_BYTES_MAX // 2**20} MiB")
        text = content.decode("utf-8-sig")
    except (OSError, UnicodeDecodeError) as error:
        raise ConfigError(f"the scaling data {file} cannot be read: {error}") from error
    try:
        rows = list(csv.reader(text.splitlines()))
    except csv.Error as error:
        raise ConfigError(f"{file} must be a CSV file: {error}") from error
    header = [name.strip().lower() for name in rows[0]] if rows else []
    if any(header.count(name) != 1 for name in _COLUMNS):
        raise ConfigError(
            f"{file}:1: the first line must have the columns n and throughput once, with commas "
            f"between columns; got {','.join(header)!r:.80}"
        )
    places = [header.index(name) for name in _COLUMNS]
    found = [
        _row(row, places, len(header), f"{file}:{number}")
        for number, row in enumerate(rows[1:], 2)
        if any(row)
    ]
    if len(found) > _ROWS_MAX:
        raise ConfigError(f"{file} must have at most {_ROWS_MAX} rows; got {len(found)}")
    levels = len({n for n, _ in found})
    if levels < _LEVELS_MIN:
        raise ConfigError(f"{file} must have at least {_LEVELS_MIN} different n; got {levels}")
    table = np.array(sorted(found))
    return table[:, 0], table[:, 1]


def _row(row: list[str], places: list[int], columns: int, where: str) -> tuple[float, float]:
    if any(row[columns:]):  # a decimal comma would be read as the end of the number
        raise ConfigError(
            f"{where}: a row must have at most {columns} cells, as the first line has, and numbers "
            f"a decimal point; got {row!r:.80}"
        )
    try:
        n, throughput = (float(row[place]) for place in places)
    except (ValueError, IndexError) as error:
        raise ConfigError(f"{where}: n and throughput must be numbers; got {row!r:.80}") from error
    if not (1 <= n <= _N_MAX and 0 < throughput <= _VALUE_MAX):
        raise ConfigError(
            f"{where}: n must be between 1 and {_N_MAX:g}, and throughput above 0 and at most "
            f"{_VALUE_MAX:g}; got {row!r:.80}"
        )
    return n, throughput
