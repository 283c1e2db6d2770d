"""Parquet files contain what was written, and without the library the extra is named."""

import io
import sys

import numpy as np
import pytest

from gauntlet.core.errors import ConfigError
from gauntlet.reports.interchange.parquet import Column, write_parquet

from .parquet_reader import read_parquet

GROUPS = [
    {"n": [0, -1, 2**62, -(2**63)], "t": ["", "ä", "🦊", "ä"]},
    {"n": [7], "t": ["b"]},
    {"n": list(range(9)), "t": ["x"] * 9},
]


def columns(group):
    """Return a row group with these columns."""
    found = []
    for name, values in group.items():
        if name == "t":
            texts = sorted(set(values))
            places = np.array([texts.index(value) for value in values], dtype=np.int64)
            found.append(Column(name, places, texts))
        else:
            found.append(Column(name, np.array(values, dtype=np.int64)))
    return found


def written(groups):
    """Return the bytes of a file."""
    pytest.importorskip("pyarrow", reason="the extra `parquet` is missing")
    stream = io.BytesIO()
    assert write_parquet(stream, groups) == sum(group[0].values.size for group in groups)
    return stream.getvalue()


def expected(name):
    return [value for group in GROUPS for value in group[name]]


def test_numbers_and_texts_are_read_as_they_were_written():
    found, sizes = read_parquet(written([columns(group) for group in GROUPS]))
    assert found == {name: expected(name) for name in ("n", "t")}
    assert sizes == [4, 1, 9]


@pytest.mark.parametrize("count", [256, 257, 65536, 65537])
def test_a_column_may_have_any_number_of_texts(count):
    texts = [str(number) for number in range(count)]
    places = np.arange(count, dtype=np.int64)[::-1]
    found, _ = read_parquet(written([[Column("t", places, texts)]]))
    assert found["t"][:2] == [str(count - 1), str(count - 2)]
    assert found["t"][-1] == "0"
    assert len(found["t"]) == count


def test_a_table_may_have_many_columns():
    many = [Column(f"n{at}", np.array([at])) for at in range(20)]
    assert read_parquet(written([many]))[0] == {f"n{at}": [at] for at in range(20)}


def test_a_text_that_is_not_unicode_does_not_make_the_file_unreadable():
    found, _ = read_parquet(written([[Column("t", np.array([0]), ["a\udc80"])]]))
    assert found == {"t": ["a?"]}


def test_columns_are_numbers_and_texts_for_every_reader():
    """Not the dictionaries of Arrow, which other programs do not know, and no value is missing."""
    parquet = pytest.importorskip("pyarrow.parquet", reason="the extra `parquet` is missing")
    file = parquet.ParquetFile(io.BytesIO(written([columns(group) for group in GROUPS])))
    assert [str(field.type) for field in file.schema_arrow] == ["int64", "string"]
    assert not any(field.nullable for field in file.schema_arrow)
    assert file.metadata.row_group(0).column(1).has_dictionary_page


def test_a_missing_library_is_named_with_its_extra(monkeypatch):
    monkeypatch.setitem(sys.modules, "pyarrow", None)
    stream = io.BytesIO()
    with pytest.raises(ConfigError, match=r"pip install 'im-gauntlet\[parquet\]'"):
        write_parquet(stream, [columns(group) for group in GROUPS])
    assert stream.getvalue() == b""
