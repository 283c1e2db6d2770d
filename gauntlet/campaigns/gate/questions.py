"""What a gate compares: the relative objectives, or the usual indicators."""

from collections.abc import Iterator, Sequence

from gauntlet.campaigns.gate import measurable, subjects
from gauntlet.campaigns.gate.comparing.decision import Question
from gauntlet.campaigns.gate.subjects import Subject
from gauntlet.campaigns.gate.suite import Compare
from gauntlet.core.errors import ConfigError
from gauntlet.core.scenario.overrides import sla_file
from gauntlet.core.scenario.overrides.sla_file import Sla

# What is compared if no objective is relative: the indicator, its window, its severity. A 99th
# percentile differs too much between equal runs to block anything by default.
_USUAL = (
    ("ack_p50_ms", "steady", "fail"),
    ("delivery_p50_ms", "steady", "fail"),
    ("stack_cores", "run", "fail"),
    ("delivery_p99_ms", "steady", "warn"),
)


def collect(
    compared: Sequence[Subject], references: Sequence[Subject], compare: Compare, sla: Sla
) -> list[Question]:
    """Return what is compared of each scenario; without `references` they are the same systems."""
    subjects.check_windows(compared, [(each.id, each.window) for each in sla.relative])
    share = sla_file.parse_percent(compare.min_effect, "compare.min_effect")
    found: list[Question] = []
    for subject, reference in zip(compared, references or compared, strict=True):
        found += _relative(subject, sla) if sla.relative else _usual(subject, reference, share)
    return found


def _relative(subject: Subject, sla: Sla) -> list[Question]:
    found = [
        Question(
            subject.name,
            each.indicator,
            each.window,
            each.share,
            each.lower_is_better,
            each.severity,
        )
        for each in sla.relative
        if each.window in subject.scenario.windows()
    ]
    if not found:
        raise ConfigError(
            f"no relative objective has a window of {subject.name}, so nothing of it would be "
            "compared; leave it out of compare.scenarios, or add an objective for it"
        )
    return found


def _usual(subject: Subject, reference: Subject, share: float) -> Iterator[Question]:
    """Yield the usual indicators that both versions can measure; others are never decided."""
    for indicator, window, severity in _USUAL:
        if not any(
            measurable.problem(indicator, window, each.scenario) for each in (subject, reference)
        ):
            yield Question(subject.name, indicator, window, share, severity=severity)
