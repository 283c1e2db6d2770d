"""`gauntlet extract`: writes the messages of a run as a trace, with which it can be replayed."""

import argparse
import json
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import msgspec

from gauntlet.core import run_directory
from gauntlet.core.errors import ConfigError, Exit, HistoryError
from gauntlet.core.run_directory import RunDir
from gauntlet.core.scenario import traits
from gauntlet.core.scenario.model import Scenario, from_builtins
from gauntlet.core.scenario.traces import arrival_trace, message_trace
from gauntlet.reports.damage import as_history_error
from gauntlet.reports.render.trace_file import DescribeBody, trace_rows
from gauntlet.scenarios.client import payload
from gauntlet.scenarios.engine.load_plan import message_texts

_TEXT_BYTES_MAX = message_trace.BODY_BYTES_MAX - message_trace.TAG_BYTES_MAX


def run(options: argparse.Namespace) -> int:
    """Write the trace to a file or to standard output."""
    directory = RunDir.open(options.directory)
    manifest = directory.read_manifest()
    try:
        scenario = from_builtins(manifest["scenario"])
        load = run_directory.read_object(directory.path / "load.json")
    except (HistoryError, KeyError, msgspec.ValidationError) as error:
        raise ConfigError(f"{directory.path} does not describe its load: {error}") from error
    with as_history_error([directory.path], "extracted"):
        if (load.get("trace") or {}).get("messages"):
            raise ConfigError(
                f"{directory.path} has replayed messages of a trace, of which it does not record "
                f"the contents: use that trace again ({scenario.load.profile})"
            )
        describe = _describe(scenario, manifest, str(load.get("tag", "")), sizes=options.sizes)
        rows = trace_rows(directory, scenario, describe)
    if len(rows) > arrival_trace.ROWS_MAX:
        raise ConfigError(
            f"a trace must have at most {arrival_trace.ROWS_MAX:,} rows; the run has {len(rows):,}"
        )
    _write("".join(json.dumps(row) + "\n" for row in rows), options.out)
    return Exit.OK


def _describe(
    scenario: Scenario, manifest: dict[str, Any], tag: str, *, sizes: bool
) -> DescribeBody:
    """Return the function that describes a body: its text, or its size with the run's tag."""
    fixed = scenario.load.fixed_body_bytes
    texts = message_texts(scenario, traits.from_manifest(manifest), tag)

    def describe(conv: int, author: int, sseq: int, intended_ns: int) -> Mapping[str, Any]:
        if texts is None:
            return {"size_bytes": fixed}
        text = texts.text(author, sseq)
        if not sizes and len(text.encode()) <= _TEXT_BYTES_MAX:
            return {"text": text}
        body = payload.wrap_text(conv, author, sseq, intended_ns, text, tag.rstrip("-"))
        return {"size_bytes": len(body.encode())}

    return describe


def _write(text: str, file: Path | None) -> None:
    if (size_bytes := len(text.encode())) > arrival_trace.BYTES_MAX:
        raise ConfigError(
            f"a trace must have at most {arrival_trace.BYTES_MAX:,} bytes; this one has "
            f"{size_bytes:,}, so give --sizes, or use a shorter run"
        )
    if file is None:
        sys.stdout.write(text)
        return
    if file.suffix != ".jsonl":
        raise ConfigError(f"--out must be a file whose name ends with .jsonl; got {file}")
    try:
        file.write_text(text, encoding="utf-8")
    except OSError as error:
        raise ConfigError(f"--out {file} cannot be written: {error.strerror}") from error
