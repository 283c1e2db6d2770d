"""Reads a Parquet file with the library that other programs use."""

import io
from typing import Any

import pytest


def read_parquet(data: bytes) -> tuple[dict[str, list[Any]], list[int]]:
    """Return the columns by name, and the sizes of the row groups; skip without the library."""
    parquet = pytest.importorskip("pyarrow.parquet", reason="the extra `parquet` is missing")
    file = parquet.ParquetFile(io.BytesIO(data))
    sizes = [file.metadata.row_group(at).num_rows for at in range(file.num_row_groups)]
    return file.read().to_pydict(), sizes
