"""From the result of a run to the record of a trial."""

import datetime as dt
import os
from pathlib import Path
from typing import Any

from gauntlet.campaigns.scorecard.trials import Record, Trial

_SENTENCE_MAX = 300
# What a bug writes to the log of its process whenever it acts.
MARK = "seeded bug acted"
# A reason that is neither a check nor an objective: too few sends were acknowledged.
ACKED_FLOOR = "acked-floor"


def record_of(trial: Trial, result: dict[str, Any], commit: str | None, seconds: float) -> Record:
    """Return the record of a trial whose run has this `result.json`."""
    verdict = result["verdict"]
    sentences = [str(sentence) for sentence in verdict["reasons"]]
    names = [name_of(sentence, result) for sentence in sentences]
    return Record(
        part=trial.subject.part,
        subject=trial.subject.name,
        about=trial.subject.about,
        seed=trial.seed,
        fingerprint=trial.subject.fingerprint,
        commit=commit,
        expected=list(trial.subject.expected),
        verdict=verdict["status"],
        first=names[0] if names else "",
        reasons=list(dict.fromkeys(name for name in names if name)),
        sentence=sentences[0][:_SENTENCE_MAX] if sentences else "",
        seconds=round(seconds, 2),
        detected_s=_detected_s(names[0], result) if names else None,
        load=busy(),
        date=dt.datetime.now(dt.UTC).date().isoformat(),
    )


def name_of(sentence: str, result: dict[str, Any]) -> str:
    """Return the check or objective that a reason is about, `acked-floor`, or nothing."""
    name, colon, _ = sentence.partition(":")
    known = {ACKED_FLOOR}
    known |= {each["id"] for part in ("checks", "objectives") for each in result.get(part, ())}
    return name if colon and name in known else ""


def acted(logs: Path, bug: Path) -> bool | None:
    """Return whether a bug wrote to a log that it acted; None if it is none that does."""
    if MARK not in bug.read_text(encoding="utf-8"):
        return None
    return any(MARK.encode() in file.read_bytes() for file in logs.glob("*.log"))


def _detected_s(name: str, result: dict[str, Any]) -> float | None:
    times = [
        witness["at_s"]
        for check in result.get("checks", ())
        if check["id"] == name
        for witness in check["witnesses"]
        if witness.get("at_s") is not None
    ]
    return min(times, default=None)


def busy() -> float:
    """Return the load average of the last minute, per core."""
    return round(os.getloadavg()[0] / (os.cpu_count() or 1), 2)
