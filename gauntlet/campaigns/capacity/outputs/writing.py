"""Writes the files of a campaign, and the schema of its record."""

import inspect
from pathlib import Path
from typing import Any

import msgspec

from gauntlet.campaigns.capacity.outputs import table
from gauntlet.campaigns.capacity.record import FILE, Capacity

ID = "urn:im-gauntlet:capacity:1"


def write(record: Capacity, folder: Path) -> None:
    """Write `capacity.json` and `capacity.csv` into a folder."""
    content = msgspec.json.format(msgspec.json.encode(record), indent=2)
    (folder / FILE).write_bytes(content + b"\n")
    (folder / "capacity.csv").write_text(table.text(record), encoding="utf-8")


def schema() -> dict[str, Any]:
    """Return the JSON Schema of `capacity.json`, which allows further keys."""
    built: dict[str, Any] = msgspec.json.schema(Capacity)
    for part in built["$defs"].values():
        # A docstring keeps its indentation before Python 3.13.
        if "description" in part:
            part["description"] = inspect.cleandoc(part["description"])
    head = {
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "$id": ID,
        "title": "The record of a capacity campaign, capacity.json",
    }
    return {**head, **built}
