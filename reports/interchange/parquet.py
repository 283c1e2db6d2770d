"""Writes Parquet files of flat columns: whole numbers, and texts that repeat.

The library is an extra of the distribution, because few runs are exported as a table.
"""

from collections.abc import Iterable, Sequence
from typing import IO, Any, NamedTuple

from gauntlet.reports import extras
from gauntlet.reports.history.arrays import Ints


class Column(NamedTuple):
    """A column of a row group: numbers, or with `texts` the places of its values among them."""

    name: str
    values: Ints
    texts: Sequence[str] | None = None


def require_library() -> None:
    """Raise ConfigError with the command that installs the library if it is missing."""
    extras.require("parquet", "--format parquet")


def write_parquet(stream: IO[bytes], groups: Iterable[Sequence[Column]]) -> int:
    """Write row groups with the same columns, at least one, and return the number of rows.

    ConfigError if the library is missing.
    """
    require_library()
    import pyarrow as pa
    from pyarrow import parquet

    rows = 0
    writer: Any = None
    try:
        for columns in groups:
            arrays = [_array(column) for column in columns]
            fields = [
                pa.field(column.name, array.type, nullable=False)
                for column, array in zip(columns, arrays, strict=True)
            ]
            table = pa.Table.from_arrays(arrays, schema=pa.schema(fields))
            if writer is None:
                # Without the schema of Arrow, every reader sees numbers and texts.
                writer = parquet.ParquetWriter(
                    stream, table.schema, compression="zstd", store_schema=False
                )
            writer.write_table(table, row_group_size=max(1, table.num_rows))
            rows += table.num_rows
    finally:
        if writer is not None:
            writer.close()
    return rows


def _array(column: Column) -> Any:
    import pyarrow as pa

    if column.texts is None:
        return pa.array(column.values, type=pa.int64())
    # A name may hold half of a character, as no Unicode text does.
    texts = [text.encode("utf-8", "replace").decode() for text in column.texts]
    places = pa.array(column.values, type=pa.int32())
    return pa.DictionaryArray.from_arrays(places, pa.array(texts, type=pa.string()))
