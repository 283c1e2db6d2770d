"""`gauntlet export` writes lines to standard output or a file, and a table to a file only."""

import json
import sys
from pathlib import Path

import pytest

from gauntlet.cli.main import main
from gauntlet.core.errors import Exit

RUN = Path(__file__).parents[3] / "golden" / "histories" / "good"


def test_lines_go_to_standard_output_or_to_a_file(tmp_path, capsys):
    assert main(["export", str(RUN)]) == Exit.OK
    lines = capsys.readouterr().out.splitlines()
    assert json.loads(lines[0])["kind"] == "header"
    file = tmp_path / "run.jsonl"
    assert main(["export", str(RUN), "--to", str(file)]) == Exit.OK
    assert file.read_text().splitlines() == lines
    assert capsys.readouterr().out == f"{file}: {len(lines):,} lines\n"


def test_a_table_goes_to_a_file(tmp_path, capsys):
    pytest.importorskip("pyarrow", reason="the extra `parquet` is missing")
    file = tmp_path / "run.parquet"
    assert main(["export", str(RUN), "--format", "parquet", "--to", str(file)]) == Exit.OK
    count = sum(shard.stat().st_size for shard in (RUN / "history").glob("*.bin")) // 40
    assert capsys.readouterr().out == f"{file}: {count:,} rows\n"
    data = file.read_bytes()
    assert data[:4] == data[-4:] == b"PAR1"


def test_a_table_without_its_extra_creates_no_file(tmp_path, capsys, monkeypatch):
    monkeypatch.setitem(sys.modules, "pyarrow", None)
    file = tmp_path / "run.parquet"
    assert main(["export", str(RUN), "--format", "parquet", "--to", str(file)]) == Exit.CONFIG
    assert "pip install 'im-gauntlet[parquet]'" in capsys.readouterr().err
    assert not file.exists()


@pytest.mark.parametrize(
    ("options", "problem"),
    [
        (("--format", "parquet"), "--to must name a file for --format parquet; got nothing"),
        (("--format", "csv"), "--format"),
        (("--to", "/no/such/folder/x"), "--to must be a file that can be"),
    ],
)
def test_what_cannot_be_written_is_named(capsys, options, problem):
    assert main(["export", str(RUN), *options]) == Exit.CONFIG
    assert problem in capsys.readouterr().err
