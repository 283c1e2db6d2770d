"""Writes the files of a gate."""

import json
import urllib.parse
from pathlib import Path

import msgspec

from gauntlet.campaigns.gate.outcome import FILE, Gate
from gauntlet.campaigns.gate.outputs import benchmark, junit, markdown, page
from gauntlet.campaigns.gate.outputs.page import Link

# The report of a run; what it printed, if it ended before it had one.
_EXPLANATIONS = ("report.html", "output.txt")


def write(gate: Gate, folder: Path) -> None:
    """Write every file into the directory of the gate."""
    content = msgspec.json.format(msgspec.json.encode(gate), indent=2)
    (folder / FILE).write_bytes(content + b"\n")
    texts = {
        "junit.xml": junit.document(gate),
        "summary.md": markdown.summary(gate),
        "comment.md": markdown.comment(gate),
        "benchmark.json": json.dumps(benchmark.rows(gate), indent=2) + "\n",
        page.NAME: page.document(gate, links(gate, folder)),
        page.STYLE: page.style(),
    }
    for name, text in texts.items():
        (folder / name).write_text(text, encoding="utf-8")


def links(gate: Gate, folder: Path) -> dict[str, Link]:
    """Return where each run below the directory of the gate is explained, relative to that."""
    found = {}
    for run in gate.runs:
        path = Path(run.path)
        file = next((path / name for name in _EXPLANATIONS if (path / name).is_file()), None)
        if file is not None and file.is_relative_to(folder):
            href = urllib.parse.quote(file.relative_to(folder).as_posix())
            found[run.path] = Link(href, file.name == _EXPLANATIONS[0])
    return found
