"""Reads the Parquet files that Gauntlet writes, by the description of the format and not by ours.

The numbers of fields, types and encodings are those of the format's description.
"""

import gzip
import struct
from typing import Any

STRUCT_END, I32, I64, BINARY, LIST, STRUCT = 0, 5, 6, 8, 9, 12
INT64, BYTE_ARRAY = 2, 6
PLAIN, RLE_DICTIONARY = 0, 8


class _Bytes:
    """A position in the bytes of a file, and `TCompactProtocol` from there on."""

    def __init__(self, data: bytes, at: int = 0) -> None:
        self.data, self.at = data, at

    def take(self, size: int) -> bytes:
        self.at += size
        return self.data[self.at - size : self.at]

    def varint(self) -> int:
        value = shift = 0
        while True:
            (byte,) = self.take(1)
            value |= (byte & 0x7F) << shift
            shift += 7
            if byte < 0x80:
                return value

    def value(self, kind: int) -> Any:
        if kind in (I32, I64):
            zigzag = self.varint()
            return zigzag >> 1 ^ -(zigzag & 1)
        if kind == BINARY:
            return self.take(self.varint())
        if kind == LIST:
            (head,) = self.take(1)
            size = head >> 4 if head >> 4 < 15 else self.varint()
            return [self.value(head & 15) for _ in range(size)]
        assert kind == STRUCT, kind
        return self.struct()

    def struct(self) -> dict[int, Any]:
        fields, number = {}, 0
        while (head := self.take(1)[0]) != STRUCT_END:
            assert head >> 4, "a field number of its own"
            number += head >> 4
            fields[number] = self.value(head & 15)
        return fields


def read_parquet(data: bytes) -> tuple[dict[str, list[Any]], list[int]]:
    """Return the columns by name, and the sizes of the row groups."""
    assert data[:4] == data[-4:] == b"PAR1"
    (size,) = struct.unpack("<i", data[-8:-4])
    footer = _Bytes(data, len(data) - 8 - size)
    meta = footer.struct()
    assert footer.at == len(data) - 8
    root, *columns = meta[2]
    assert root[5] == len(columns)
    found: dict[str, list[Any]] = {column[4].decode(): [] for column in columns}
    for group in meta[4]:
        for column, chunk in zip(columns, group[1], strict=True):
            about = chunk[3]
            assert (about[1], about[3]) == (column[1], [column[4]])
            assert about[5] == group[3]
            found[column[4].decode()] += _chunk(data, about)
    assert all(len(values) == meta[3] for values in found.values())
    return found, [group[3] for group in meta[4]]


def _chunk(data: bytes, about: dict[int, Any]) -> list[Any]:
    at = about.get(11, about[9])
    dictionary: list[str] = []
    end = at + about[7]
    plain_bytes = 0
    if about[1] == BYTE_ARRAY:
        header, page, at, size = _page(data, at)
        assert header[1] == 2
        plain_bytes += size
        texts = _Bytes(page)
        dictionary += [
            texts.take(struct.unpack("<i", texts.take(4))[0]).decode() for _ in range(header[7][1])
        ]
        assert texts.at == len(page)
        assert at == about[9]
    header, page, at, size = _page(data, at)
    assert header[1] == 0
    assert (at, plain_bytes + size) == (end, about[6])
    count, encoding = header[5][1], header[5][2]
    assert count == about[5]
    if encoding == PLAIN:
        return list(struct.unpack(f"<{count}q", page))
    assert encoding == RLE_DICTIONARY
    run = _Bytes(page)
    (width,) = run.take(1)
    head = run.varint()
    assert head & 1, "a bit-packed run"
    packed = int.from_bytes(run.take((head >> 1) * width), "little")
    assert run.at == len(page)
    mask = (1 << width) - 1
    return [dictionary[packed >> at * width & mask] for at in range(count)]


def _page(data: bytes, at: int) -> tuple[dict[int, Any], bytes, int, int]:
    """Return header and content of a page, where it ends, and its size without compression."""
    source = _Bytes(data, at)
    header = source.struct()
    header_bytes = source.at - at
    page = gzip.decompress(source.take(header[3]))
    assert len(page) == header[2]
    return header, page, source.at, header_bytes + len(page)
