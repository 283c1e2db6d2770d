"""Reads the golden histories of the checks, which are JSON Lines in one of two forms.

Most are histories as `gauntlet judge --from FILE` reads them. That form has no requests of
strangers, no requests to leave a room and no time stamps of the server, so `access`, `exit` and
`timestamps` have the records of a load: rows that give names to users, conversations and
connections, and then one row for each record. Times are in seconds from the start of the ramp, and
names of `gauntlet.core.history` stand for numbers.
"""

import json
from functools import reduce
from operator import or_
from pathlib import Path
from typing import Any

from gauntlet.campaigns.synthetic.story import ZERO, Link, S, Story
from gauntlet.core import history
from gauntlet.core.run_directory import RunDir
from gauntlet.reports.interchange.importing import import_history

FOLDER = Path(__file__).parents[1] / "golden" / "checks"


def open_golden(file: Path, parent: Path) -> RunDir:
    """Return a new run directory below `parent` with a golden history."""
    rows = [json.loads(line) for line in file.read_text(encoding="utf-8").splitlines()]
    if "row" in rows[0]:
        return _story(rows).write(parent)
    return import_history(str(file), parent, [])


def _story(rows: list[dict[str, Any]]) -> Story:
    story = Story()
    for row in rows:
        match row.pop("row"):
            case "run":
                story.scenario |= {"about": row["about"], "faults": [], "sla": []}
                story.scenario["checks"] = {"required": row["required"]}
            case "phase":
                story.phases[row["phase"]] = row["at"]
            case "conversation":
                about = {"name": row["name"], "workload": "group", "members": row["members"]}
                story.convs[row["number"]] = about
            case "user":
                story.users[row["number"]] = row["name"]
            case "connection":
                known = {"up": 0, "down": 0, "code": 0, "incarnation": 1}
                link = Link(row["number"], row["user"], row["server"], **known)
                story.links[link.number] = link
            case "record":
                kind, at_s = history.Kind[row.pop("kind")], row.pop("at")
                fields = {key: _number(value) for key, value in row.items()}
                story.add(kind, ZERO + at_s * S, **fields)
    story.reconcile()
    return story


def _number(value: int | str) -> int:
    """Return what a field stands for: `Flag.A|Flag.B`, or a time such as `at:1.5`."""
    if isinstance(value, int):
        return value
    if value.startswith("at:"):
        return int(ZERO + float(value[3:]) * S)
    named = (name.split(".") for name in value.split("|"))
    return reduce(or_, (int(getattr(history, kind)[member]) for kind, member in named))
