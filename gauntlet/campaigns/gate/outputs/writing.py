"""Writes the files of a gate."""

import json
from pathlib import Path

import msgspec

from gauntlet.campaigns.gate.outcome import FILE, Gate
from gauntlet.campaigns.gate.outputs import benchmark, junit, markdown


def write(gate: Gate, folder: Path) -> None:
    """Write every file into the directory of the gate."""
    content = msgspec.json.format(msgspec.json.encode(gate), indent=2)
    (folder / FILE).write_bytes(content + b"\n")
    texts = {
        "junit.xml": junit.document(gate),
        "summary.md": markdown.summary(gate),
        "comment.md": markdown.comment(gate),
        "benchmark.json": json.dumps(benchmark.rows(gate), indent=2) + "\n",
    }
    for name, text in texts.items():
        (folder / name).write_text(text, encoding="utf-8")
