"""What the terminal shows at the end of a gate."""

from gauntlet.campaigns.gate import score
from gauntlet.campaigns.gate.outcome import Gate
from gauntlet.campaigns.gate.outputs.text import line

_REASONS_MAX = 20
_MARKS = {"regression": "✘", "no-regression": "✔", "undecided": "?", "unknown": "?"}


def show(gate: Gate) -> None:
    """Print the comparisons, the verdict, and its reasons."""
    for each in gate.comparisons:
        warning = " (warning only)" if each.severity == "warn" else ""
        say(f"{_MARKS[each.outcome]} {each.scenario}: {each.sentence}{warning}")
    for found in gate.calibration:
        say(f"{found.scenario}: {found.sentence}")
    if (total := score.total(gate.score)) is not None:
        say(f"resiliency score: {total:.0f} of 100 (gate.html explains it line by line)")
    say("")
    say(f"{gate.verdict.status.upper()}  exit {gate.verdict.exit_code}")
    for reason in gate.verdict.reasons[:_REASONS_MAX]:
        say(f"  · {reason}")
    if (more := len(gate.verdict.reasons) - _REASONS_MAX) > 0:
        say(f"  · and {more} more")


def say(text: str) -> None:
    """Print a text on one line, without anything that a system under test could make of it."""
    print(line(text), flush=True)
