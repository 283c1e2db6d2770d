"""Read traces that describe messages: the time of each one, and its size or text, and who sent it.

The file is CSV with a header, or JSONL with one object per line. The keys are those of `COLUMNS`;
only `offset_s` is required. Recorded names of senders and conversations are replaced by numbers in
the order in which they appear, because nothing but their equality is used. Texts are private: error
messages contain none of them.
"""

import csv
import io
import json
import math
from collections.abc import Iterator
from typing import Any, NamedTuple

from gauntlet.core.errors import ConfigError

COLUMNS = ("offset_s", "sender", "conversation", "size_bytes", "text")
BODY_BYTES_MAX = 65_536
TAG_BYTES_MAX = 100  # of what Gauntlet puts in front of a text
_SHOWN_CHARACTERS = 40


class Messages(NamedTuple):
    """The messages of a trace, one item per row; a tuple is empty where the trace has no such key.

    `sizes` are bytes of whole bodies (0: `load.body_bytes`) and `texts` go into bodies (None: the
    padding). `lines` are the rows' lines in the `file`, for error messages.
    """

    file: str
    lines: tuple[int, ...]
    sizes: tuple[int, ...] = ()
    texts: tuple[str | None, ...] = ()
    senders: tuple[int, ...] = ()
    conversations: tuple[int, ...] = ()


class _Row(NamedTuple):
    offset_s: float
    size_bytes: int
    text: str | None
    sender: str
    conversation: str


def describes(text: str, name: str) -> bool:
    """Return whether a trace has more than times: a JSONL file, or a header of several columns."""
    if name.endswith(".jsonl"):
        return True
    lines = (line.partition("#")[0].strip() for line in io.StringIO(text))
    header = next((line for line in lines if line), "")
    cells = {cell.strip() for cell in header.split(",")}
    return len(cells) > 1 and not cells.isdisjoint(COLUMNS)


def parse(text: str, name: str, rows_max: int) -> tuple[tuple[float, ...], Messages]:
    """Return offsets in seconds and messages; a ConfigError names the file, the line and the key.

    `name` stands for the file; one that ends in `.jsonl` is JSONL.
    """
    objects = _json_lines(text, name) if name.endswith(".jsonl") else _csv_lines(text, name)
    rows: list[_Row] = []
    lines: list[int] = []
    for line, cells in objects:
        if len(rows) == rows_max:
            raise ConfigError(f"{name}:{line}: the trace must have at most {rows_max:,} rows")
        try:
            rows.append(_row(cells, rows[-1].offset_s if rows else 0.0))
        except ValueError as error:
            raise ConfigError(f"{name}:{line}: {error}") from error
        lines.append(line)
    if not rows:
        raise ConfigError(f"{name}:1: the trace must have at least one row; got none")
    messages = Messages(
        name,
        tuple(lines),
        tuple(row.size_bytes for row in rows) if any(row.size_bytes for row in rows) else (),
        tuple(row.text for row in rows) if any(row.text is not None for row in rows) else (),
        _numbered(name, lines, "sender", [row.sender for row in rows]),
        _numbered(name, lines, "conversation", [row.conversation for row in rows]),
    )
    return tuple(row.offset_s for row in rows), messages


def check_bodies(messages: Messages, most: int | None, alphabet: str | None, adapter: str) -> None:
    """Raise a ConfigError for the first message that a system cannot carry.

    `most` is the largest body in bytes and `alphabet` the characters that `adapter` can carry;
    None means no limit.
    """
    for row, line in enumerate(messages.lines):
        where = f"{messages.file}:{line}"
        size_bytes = messages.sizes[row] if messages.sizes else 0
        text = messages.texts[row] if messages.texts else None
        if most is not None and size_bytes > most:
            allowed = f"at most {most} (adapter {adapter!r})"
            raise ConfigError(f"{where}: size_bytes must be {allowed}; got {size_bytes}")
        if text is None:
            continue
        text_bytes = len(text.encode())
        if most is not None and text_bytes + TAG_BYTES_MAX > most:
            allowed = f"at most {max(0, most - TAG_BYTES_MAX)} bytes long (adapter {adapter!r})"
            raise ConfigError(f"{where}: text must be {allowed}; got {text_bytes} bytes")
        if alphabet is not None and not set(text) <= set(alphabet):
            raise ConfigError(
                f"{where}: text must consist of characters that the adapter {adapter!r} can carry;"
                f" got {len(set(text) - set(alphabet))} others"
            )


def _csv_lines(text: str, name: str) -> Iterator[tuple[int, dict[str, Any]]]:
    """Yield the rows of a CSV file; lines before the header and rows may be comments or blank."""
    reader = csv.reader(io.StringIO(text, newline=""), strict=True)
    header: list[str] = []
    line = 1
    try:
        for cells in reader:
            first, line = line, reader.line_num + 1
            if not cells or cells[0].lstrip().startswith("#"):
                continue
            if not header:
                header = [cell.strip() for cell in cells]
                _check_header(header, f"{name}:{first}")
            elif len(cells) != len(header):
                raise ConfigError(
                    f"{name}:{first}: a row must have {len(header)} cells; got {len(cells)}"
                )
            else:
                pairs = zip(header, cells, strict=True)
                yield first, {column: cell for column, cell in pairs if cell}
    except csv.Error as error:
        raise ConfigError(f"{name}:{line}: the row must be valid CSV: {error}") from error


def _check_header(header: list[str], where: str) -> None:
    for column in header:
        if column not in COLUMNS or header.count(column) > 1:
            allowed = ", ".join(COLUMNS)
            shown = repr(column[:_SHOWN_CHARACTERS])
            raise ConfigError(f"{where}: columns must be different ones of: {allowed}; got {shown}")
    if "offset_s" not in header:
        raise ConfigError(f"{where}: the header must contain offset_s; got {', '.join(header)}")


def _json_lines(text: str, name: str) -> Iterator[tuple[int, dict[str, Any]]]:
    for number, line in enumerate(io.StringIO(text), 1):
        if not line.strip():
            continue
        try:
            row = json.loads(line)
        except (ValueError, RecursionError) as error:
            raise ConfigError(f"{name}:{number}: the line must be a JSON object") from error
        if not isinstance(row, dict):
            raise ConfigError(f"{name}:{number}: the line must be a JSON object")
        for key in row:
            if key not in COLUMNS:
                allowed, shown = ", ".join(COLUMNS), repr(key[:_SHOWN_CHARACTERS])
                raise ConfigError(f"{name}:{number}: keys must be of: {allowed}; got {shown}")
        yield number, row


def _row(cells: dict[str, Any], previous_s: float) -> _Row:
    """Return the row of one line; the text of the ValueError names the key."""
    text = cells.get("text")
    size = cells.get("size_bytes")
    if size is not None and text is not None:
        raise ValueError("size_bytes must be empty where text is given")
    return _Row(
        _offset_s(cells.get("offset_s"), previous_s),
        0 if size is None else _size_bytes(size),
        None if text is None else _text(text),
        _name(cells, "sender"),
        _name(cells, "conversation"),
    )


def _offset_s(cell: Any, previous_s: float) -> float:
    value = _number(cell)
    if not previous_s <= value < math.inf:
        order = ", because offsets ascend" if previous_s else ""
        raise ValueError(
            f"offset_s must be a number of {previous_s:g} or more{order}; got {_shown(cell)}"
        )
    return value


def _size_bytes(cell: Any) -> int:
    value = _number(cell)
    if not (1 <= value <= BODY_BYTES_MAX and value == int(value)):
        allowed = f"a whole number from 1 to {BODY_BYTES_MAX}"
        raise ValueError(f"size_bytes must be {allowed}; got {_shown(cell)}")
    return int(value)


def _number(cell: Any) -> float:
    """Return the number in a cell, or NaN if it holds none."""
    if isinstance(cell, bool) or not isinstance(cell, (str, int, float)):
        return math.nan
    try:
        return float(cell)
    except (ValueError, OverflowError):
        return math.nan


def _text(cell: Any) -> str:
    most = BODY_BYTES_MAX - TAG_BYTES_MAX
    if not isinstance(cell, str):
        raise ValueError(f"text must be a string; got {type(cell).__name__}")
    try:
        size_bytes = len(cell.encode())
    except UnicodeEncodeError as error:
        raise ValueError("text must be valid Unicode; got half of a surrogate pair") from error
    if size_bytes > most:
        raise ValueError(f"text must be at most {most} bytes long; got {size_bytes} bytes")
    return cell


def _name(cells: dict[str, Any], key: str) -> str:
    cell = cells.get(key, "")
    if isinstance(cell, bool) or not isinstance(cell, (str, int)):
        raise ValueError(f"{key} must be a string; got {_shown(cell)}")
    return str(cell)


def _numbered(name: str, lines: list[int], key: str, names: list[str]) -> tuple[int, ...]:
    """Return names as numbers in the order of their appearance; all rows have one, or none has."""
    if not any(names):
        return ()
    if "" in names:
        line = lines[names.index("")]
        raise ConfigError(f"{name}:{line}: {key} must not be empty, because other rows have one")
    numbers: dict[str, int] = {}
    return tuple(numbers.setdefault(given, len(numbers)) for given in names)


def _shown(cell: Any) -> str:
    return repr(cell)[: _SHOWN_CHARACTERS + 2]
