"""What the terminal shows at the end of a gate."""

import shutil
import sys
import textwrap

from gauntlet.campaigns.gate import score
from gauntlet.campaigns.gate.outcome import Gate
from gauntlet.campaigns.gate.outputs import wording
from gauntlet.campaigns.gate.outputs.text import line

_REASONS_MAX = 20
_MARKS = {"regression": "✘", "no-regression": "✔", "undecided": "?", "unknown": "?"}


def show(gate: Gate) -> None:
    """Print the comparisons, the verdict, and those of its reasons that no comparison has said."""
    said: set[str] = set()
    for each in wording.worst_first(gate.comparisons):
        warning = " (warning only)" if each.severity == "warn" else ""
        sentence = f"{each.scenario}: {each.sentence}"
        said.update((sentence, f"Warning: {sentence}"))
        say(f"{_MARKS[each.outcome]} {sentence}{warning}")
    for found in gate.calibration:
        say(f"{found.scenario}: {found.sentence}")
    if (total := score.total(gate.score)) is not None:
        say(f"resiliency score: {total:.0f} of 100 (gate.html explains it line by line)")
    say("")
    say(f"{gate.verdict.status.upper()}  exit {gate.verdict.exit_code}")
    reasons = [each for each in gate.verdict.reasons if each not in said]
    for reason in reasons[:_REASONS_MAX]:
        say(f"  · {reason}", indent="    ")
    if (more := len(reasons) - _REASONS_MAX) > 0:
        say(f"  · and {more} more")


def say(text: str, indent: str = "  ") -> None:
    """Print a text without anything that a system under test could make of it.

    It is one line in a file or a log. Only a person at a terminal sees it wrapped, between words.
    """
    text = line(text)
    if sys.stdout.isatty():
        columns = shutil.get_terminal_size().columns
        text = textwrap.fill(
            text, columns, subsequent_indent=indent, drop_whitespace=True, break_on_hyphens=False
        )
    print(text, flush=True)
