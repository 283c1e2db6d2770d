"""Subjects and records for tests."""

from gauntlet.campaigns.scorecard.trials import Part, Record, Subject


def subject(part=Part.BUGS, name="drops", **changes):
    """Return a subject with three seeds, five if it was missed."""
    fields = {"about": "a server drops pushes", "fingerprint": "of-today", "seeds": 3}
    fields |= {"seeds_if_missed": 5, "expected": ("wire-order",), **changes}
    return Subject(part, name, **fields)


def record(part=Part.BUGS, name="drops", seed=1, **changes):
    """Return a record; by default of a bug that was detected with the right name."""
    red = part.wrong
    fields = {
        "about": "a server drops pushes",
        "fingerprint": "of-today",
        "commit": "abc",
        "expected": ["wire-order"] if red else [],
        "verdict": "fail" if red else "pass",
        "first": "wire-order" if red else "",
        "reasons": ["wire-order"] if red else [],
        "sentence": "wire-order: 1 position was skipped." if red else "",
        "seconds": 20.0,
        "detected_s": 4.5 if red else None,
        "load": 0.4,
        "date": "2026-11-29",
    }
    return Record(part=part, subject=name, seed=seed, **{**fields, **changes})
