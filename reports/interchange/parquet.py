"""Writes Parquet files of flat columns: whole numbers, and texts that repeat.

A small part of the format suffices, so that no library is needed: all columns are required, each
row group has one page for each column, numbers are stored plainly and texts by a dictionary, and
pages are compressed with gzip. The metadata is a struct in `TCompactProtocol`. The format is
described at https://parquet.apache.org/docs/file-format/.
"""

import struct
import zlib
from collections.abc import Iterable, Sequence
from typing import IO, NamedTuple

import numpy as np

from gauntlet.reports.history.arrays import Ints

_MAGIC = b"PAR1"
_LEVEL = 1  # of compression: higher ones take several times as long
_GZIP_WINDOW = 31  # the largest window, with the header of gzip
# Types of `TCompactProtocol`.
_I32, _I64, _BINARY, _LIST, _STRUCT = 5, 6, 8, 9, 12
# Numbers that Parquet assigns.
_INT64, _BYTE_ARRAY, _REQUIRED, _UTF8, _GZIP = 2, 6, 0, 0, 2
_PLAIN, _RLE, _RLE_DICTIONARY = 0, 3, 8
_DATA_PAGE, _DICTIONARY_PAGE = 0, 2

# A field of a struct: its number, its type, and its encoded value.
_Field = tuple[int, int, bytes]


class Column(NamedTuple):
    """A column of a row group: numbers, or with `texts` the places of its values among them."""

    name: str
    values: Ints
    texts: Sequence[str] | None = None


class _Chunk(NamedTuple):
    """Where a column of a row group is in the file."""

    column: Column
    begin: int
    data: int
    plain_bytes: int
    end: int


def write_parquet(stream: IO[bytes], groups: Iterable[Sequence[Column]]) -> int:
    """Write row groups with the same columns, at least one, and return the number of rows."""
    stream.write(_MAGIC)
    at, rows = len(_MAGIC), 0
    row_groups: list[bytes] = []
    schema: list[bytes] = []
    for columns in groups:
        schema = schema or [_root(len(columns)), *(_schema_of(column) for column in columns)]
        chunks = []
        for column in columns:
            pages, chunk = _pages(column, at)
            stream.write(pages)
            chunks.append(chunk)
            at = chunk.end
        size = columns[0].values.size
        row_groups.append(_row_group(chunks, size))
        rows += size
    footer = _struct(
        (1, _I32, _number(2)),
        (2, _LIST, _list(_STRUCT, schema)),
        (3, _I64, _number(rows)),
        (4, _LIST, _list(_STRUCT, row_groups)),
        (6, _BINARY, _text("im-gauntlet")),
    )
    stream.write(footer + struct.pack("<i", len(footer)) + _MAGIC)
    return rows


def _pages(column: Column, at: int) -> tuple[bytes, _Chunk]:
    """Return the pages of a column that begins at an offset of the file, and where they are."""
    count = column.values.size
    if column.texts is None:
        page, plain_bytes = _data_page(column.values.astype("<i8").tobytes(), count, _PLAIN)
        return page, _Chunk(column, at, at, plain_bytes, at + len(page))
    encoded = [text.encode("utf-8", "replace") for text in column.texts]
    plain = b"".join(struct.pack("<i", len(text)) + text for text in encoded)
    about = _struct((1, _I32, _number(len(encoded))), (2, _I32, _number(_PLAIN)))
    dictionary, dictionary_bytes = _page(_DICTIONARY_PAGE, plain, (7, _STRUCT, about))
    page, plain_bytes = _data_page(_places(column.values, len(encoded)), count, _RLE_DICTIONARY)
    data = at + len(dictionary)
    chunk = _Chunk(column, at, data, dictionary_bytes + plain_bytes, data + len(page))
    return dictionary + page, chunk


def _places(values: Ints, texts: int) -> bytes:
    """Return places in a dictionary as one run of whole bytes, after their width in bits."""
    width = next(bits for bits in (8, 16, 32) if texts <= 1 << bits)
    groups = -(-values.size // 8)  # a run has a multiple of 8 values
    padded = np.zeros(8 * groups, dtype=f"<u{width // 8}")
    padded[: values.size] = values
    return bytes([width]) + _varint(groups << 1 | 1) + padded.tobytes()


def _data_page(plain: bytes, count: int, encoding: int) -> tuple[bytes, int]:
    levels = [(3, _I32, _number(_RLE)), (4, _I32, _number(_RLE))]  # there are none
    about = _struct((1, _I32, _number(count)), (2, _I32, _number(encoding)), *levels)
    return _page(_DATA_PAGE, plain, (5, _STRUCT, about))


def _page(kind: int, plain: bytes, about: _Field) -> tuple[bytes, int]:
    """Return a page, and how large it is before compression."""
    compressor = zlib.compressobj(_LEVEL, wbits=_GZIP_WINDOW)
    compressed = compressor.compress(plain) + compressor.flush()
    header = _struct(
        (1, _I32, _number(kind)),
        (2, _I32, _number(len(plain))),
        (3, _I32, _number(len(compressed))),
        about,
    )
    return header + compressed, len(header) + len(plain)


def _row_group(chunks: list[_Chunk], rows: int) -> bytes:
    return _struct(
        (1, _LIST, _list(_STRUCT, [_column_chunk(chunk, rows) for chunk in chunks])),
        (2, _I64, _number(sum(chunk.plain_bytes for chunk in chunks))),
        (3, _I64, _number(rows)),
    )


def _column_chunk(chunk: _Chunk, rows: int) -> bytes:
    column, is_text = chunk.column, chunk.column.texts is not None
    encodings = [_PLAIN, _RLE, _RLE_DICTIONARY] if is_text else [_PLAIN, _RLE]
    fields = [
        (1, _I32, _number(_BYTE_ARRAY if is_text else _INT64)),
        (2, _LIST, _list(_I32, [_number(each) for each in encodings])),
        (3, _LIST, _list(_BINARY, [_text(column.name)])),
        (4, _I32, _number(_GZIP)),
        (5, _I64, _number(rows)),
        (6, _I64, _number(chunk.plain_bytes)),
        (7, _I64, _number(chunk.end - chunk.begin)),
        (9, _I64, _number(chunk.data)),
    ]
    if is_text:
        fields.append((11, _I64, _number(chunk.begin)))
    return _struct((2, _I64, _number(chunk.begin)), (3, _STRUCT, _struct(*fields)))


def _root(columns: int) -> bytes:
    return _struct((4, _BINARY, _text("schema")), (5, _I32, _number(columns)))


def _schema_of(column: Column) -> bytes:
    is_text = column.texts is not None
    fields = [
        (1, _I32, _number(_BYTE_ARRAY if is_text else _INT64)),
        (3, _I32, _number(_REQUIRED)),
        (4, _BINARY, _text(column.name)),
    ]
    if is_text:
        fields.append((6, _I32, _number(_UTF8)))
    return _struct(*fields)


def _struct(*fields: _Field) -> bytes:
    """Return a struct; fields have ascending numbers, each at most 15 more than the last."""
    encoded, before = b"", 0
    for number, kind, value in fields:
        encoded += bytes([(number - before) << 4 | kind]) + value
        before = number
    return encoded + b"\0"


def _list(kind: int, values: Sequence[bytes]) -> bytes:
    size = len(values)
    short = size < 15
    head = bytes([size << 4 | kind]) if short else bytes([0xF0 | kind]) + _varint(size)
    return head + b"".join(values)


def _text(text: str) -> bytes:
    encoded = text.encode()
    return _varint(len(encoded)) + encoded


def _number(value: int) -> bytes:
    return _varint(value << 1)  # zigzag: no number is negative


def _varint(value: int) -> bytes:
    encoded = bytearray()
    while value > 0x7F:
        encoded.append(value & 0x7F | 0x80)
        value >>= 7
    encoded.append(value)
    return bytes(encoded)
