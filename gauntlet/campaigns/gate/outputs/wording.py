"""The words of a gate's page: what was decided and why, in sentences for a person."""

from collections.abc import Iterable, Sequence

from gauntlet.campaigns.gate.outcome import Comparison, Gate, Run
from gauntlet.campaigns.gate.verdict import OF_REFERENCES
from gauntlet.core.errors import Exit
from gauntlet.reports import formatting
from gauntlet.reports.formatting import figure

_NAMES_MAX = 3
_GRAVITY = ("regression", "unknown", "undecided", "no-regression")
_SENTENCE_MAX = 160  # of a violation that is quoted within another sentence


def limit(each: Comparison) -> str:
    """Return the smallest change that blocks, such as `10 % higher`."""
    side = "higher" if each.lower_is_better else "lower"
    return f"{100 * each.min_effect:.3g} % {side}"


def signed_limit(each: Comparison) -> str:
    """Return the smallest change that blocks, such as `+10 %`."""
    return f"{'+' if each.lower_is_better else '-'}{100 * each.min_effect:.3g} %"


def measurements(gate: Gate, count: int | None = None) -> str:
    """Return what the measurements of the comparisons are, with their number."""
    unit = "run" if gate.mode == "baseline" else "pair"
    if count is None:
        return f"{unit}s"
    return f"{count} {unit}" if count == 1 else f"{count} {unit}s"


def decision(gate: Gate, each: Comparison) -> str:
    """Return the decision on one figure."""
    if each.outcome == "regression":
        words = f"Regressed: {limit(each)} or more"
    elif each.outcome == "no-regression":
        words = f"Not {limit(each)}"
    elif each.outcome == "undecided":
        words = f"Undecided: too noisy for {measurements(gate, each.count)}"
    else:
        words = f"Unknown: too few usable {measurements(gate)}"
    return words + (" (only warns)" if each.severity == "warn" else "")


def verdict(gate: Gate) -> str:
    """Return what decided, in one sentence."""
    code = Exit(gate.verdict.exit_code)
    runs = [run for run in counted(gate) if run.exit_code == code]
    calibration = gate.mode == "calibration"
    if not calibration and code not in OF_REFERENCES:
        runs = [run for run in runs if run.version == "candidate"]
    match code:
        case Exit.OK:
            return _calibrated(gate) if calibration else _passed(gate)
        case Exit.FAILED:
            what = "The calibration says nothing" if calibration else "The change must not proceed"
            return f"{what}: {_clauses(_failures(gate, runs))}."
        case Exit.INCONCLUSIVE:
            what = "say what this machine can decide" if calibration else "let the change proceed"
            return f"Too little evidence to {what}: {_clauses(_doubts(gate, runs))}."
        case Exit.INTERRUPTED:
            made = _count(len(gate.runs), "run")
            return f"Nothing is decided: the gate was interrupted after {made}."
        case Exit.ROLLBACK:
            return f"The gate was ended because a fault could not be healed{_where(runs)}."
        case Exit.CONFIG:
            return f"Nothing is proven about the change: it could not be run{_where(runs)}."
        case _:
            return f"Nothing is proven about the change: the test itself failed{_where(runs)}."


def worst_first(comparisons: Iterable[Comparison]) -> list[Comparison]:
    """Return comparisons in the order in which they matter."""
    return sorted(comparisons, key=lambda each: _GRAVITY.index(each.outcome))


def counted(gate: Gate) -> list[Run]:
    """Return the runs that the verdict counts: no inconclusive ones that were repeated."""
    return [run for run in gate.runs if not run.set_aside]


def _passed(gate: Gate) -> str:
    own = [run for run in counted(gate) if run.version == "candidate"]
    every = "its run was correct"
    if len(own) != 1:
        every = f"all {len(own)} runs of the candidate were correct"
    warned = [
        each
        for each in gate.comparisons
        if each.outcome == "regression" and each.severity == "warn"
    ]
    better = any(each.outcome == "no-regression" for each in gate.comparisons)
    parts = [every]
    if not gate.comparisons:
        parts.append("its speed was not compared")
    elif better:
        parts.append(_not_worse(gate.comparisons))
    if warned:
        parts.append(f"as a warning, {_figures(warned)}")
    elif any(run.status == "warn" for run in own):
        parts.append("some checks that only warn were violated")
    return f"The change may proceed: {_clauses(parts)}."


def _calibrated(gate: Gate) -> str:
    known = [each for each in gate.calibration if each.smallest is not None]
    start = "Nothing was compared but equal versions. On this machine, a gate of this suite"
    if not known:
        return f"{start} finds no change reliably."
    found = [f"{100 * (each.smallest or 0):g} % of the {figure(each.indicator)}" for each in known]
    return f"{start} finds a change of {_list(found[:_NAMES_MAX])}{_more(found)}."


def _failures(gate: Gate, runs: Sequence[Run]) -> list[str]:
    parts = []
    if runs:
        own = sum(run.version == "candidate" for run in counted(gate))
        which = f"{len(runs)} of {own} runs" if own != 1 else "its run"
        parts.append(f"{which} broke a promise{_violations(runs)}")
    if worse := _blocking(gate.comparisons, "regression"):
        parts.append(_figures(worse))
    return parts or [reason.removesuffix(".") for reason in gate.verdict.reasons[:1]]


def _violations(runs: Sequence[Run]) -> str:
    """Return what the first violation was, and the names of all."""
    found: dict[str, str] = {}
    for run in runs:
        for case in run.cases:
            if case.required and case.verdict == "invalid":
                found.setdefault(f"{case.name} in {run.scenario}", case.sentence)
    if not found:
        return ""
    names = list(found)
    named = f"{_list(names[:_NAMES_MAX])}{_more(names)}"
    first = found[names[0]].partition(". ")[0].removesuffix(".")
    if not first or len(first) > _SENTENCE_MAX:
        return f" ({named})"
    return f": {first} ({named})"


def _doubts(gate: Gate, runs: Sequence[Run]) -> list[str]:
    parts = []
    if runs:
        verb = "has" if len(runs) == 1 else "have"
        parts.append(f"{_count(len(runs), 'run')} {verb} no verdict{_where(runs)}")
    if undecided := _blocking(gate.comparisons, "undecided"):
        parts.append(f"the measurements are too noisy for {_names(undecided)}")
    if unknown := _blocking(gate.comparisons, "unknown"):
        parts.append(f"too few measurements can be used for {_names(unknown)}")
    return parts or [reason.removesuffix(".") for reason in gate.verdict.reasons[:1]]


def _blocking(comparisons: Iterable[Comparison], outcome: str) -> list[Comparison]:
    return [each for each in comparisons if (each.outcome, each.severity) == (outcome, "fail")]


def _figures(found: Sequence[Comparison]) -> str:
    """Return figures that got worse, with their changes."""
    parts = [
        f"the {figure(each.indicator)} of {each.scenario} {_movement(each)}, "
        f"and {100 * each.min_effect:.3g} % is the limit"
        for each in found[:_NAMES_MAX]
    ]
    return f"{_clauses(parts)}{_more(found)}"


def _movement(each: Comparison) -> str:
    """Return how a figure changed: `rose by 12.3 %`, or `rose to × 40`."""
    if each.ratio is None:
        return "changed"
    text = formatting.change(each.ratio)
    verb = "fell" if text.startswith("-") else "rose"
    return f"{verb} by {text[1:]}" if text[0] in "+-" else f"{verb} to {text}"


def _names(found: Sequence[Comparison]) -> str:
    parts = [f"the {figure(each.indicator)} of {each.scenario}" for each in found]
    return f"{_list(parts[:_NAMES_MAX])}{_more(parts)}"


def _not_worse(comparisons: Sequence[Comparison]) -> str:
    found = [each for each in comparisons if each.outcome == "no-regression"]
    if len(found) > 1:
        return f"none of {len(found)} compared figures got worse by as much as its limit"
    return f"the {figure(found[0].indicator)} did not get {limit(found[0])}"


def _where(runs: Sequence[Run]) -> str:
    names = list(dict.fromkeys(f"{run.scenario}, {run.version} {run.number}" for run in runs))
    return f" ({'; '.join(names[:_NAMES_MAX])}{_more(names)})" if names else ""


def _list(parts: Sequence[str]) -> str:
    return " and ".join(parts) if len(parts) == 2 else _clauses(parts)


def _clauses(parts: Sequence[str]) -> str:
    if len(parts) < 2:
        return "".join(parts)
    return f"{', '.join(parts[:-1])}, and {parts[-1]}"


def _more(found: Sequence[object]) -> str:
    more = len(found) - _NAMES_MAX
    return f", and {more} more" if more > 0 else ""


def _count(number: int, noun: str) -> str:
    return f"{number} {noun}" if number == 1 else f"{number} {noun}s"
