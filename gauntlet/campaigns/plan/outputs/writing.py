"""Writes the files of a plan."""

from pathlib import Path

import msgspec

from gauntlet.campaigns.plan.model import Plan
from gauntlet.campaigns.plan.outputs import page, sheet
from gauntlet.core import run_directory
from gauntlet.core.errors import ConfigError

JSON, CSV, PAGE = "plan.json", "plan.csv", "plan.html"


def new_folder(out: Path) -> Path:
    """Return a new folder for results; ConfigError if it cannot be made."""
    folder = out / run_directory.run_id("plan", 0)
    try:
        folder.mkdir(parents=True, mode=0o700)
    except OSError as error:
        raise ConfigError(f"--out must be a folder that can be written to; got {out}") from error
    return folder


def write(plan: Plan, folder: Path) -> None:
    """Write the page, the table and the data into a folder."""
    content = msgspec.json.format(msgspec.json.encode(plan), indent=2)
    (folder / JSON).write_bytes(content + b"\n")
    (folder / CSV).write_text(sheet.document(plan), encoding="utf-8", newline="")
    (folder / PAGE).write_text(page.document(plan), encoding="utf-8")
