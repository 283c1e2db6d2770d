"""Gates of every kind, as their pages have to show them."""

import math

from gauntlet.campaigns.gate.outcome import (
    Calibrated,
    PastCalibration,
    Scenario,
    ScoreLine,
    Verdict,
)

from ..example import case, gate, run
from . import hostile
from .example import compared, hostile_gate

SYSTEM = {
    "adapter": "reference",
    "stack": "embedded",
    "server": "im-gauntlet 0.1.0, commit 0123456789ab",
    "harness": "im-gauntlet 0.1.0, commit 0123456789ab",
}
OLDER = {**SYSTEM, "server": "im-gauntlet 0.0.9 of /srv/old/bin/python"}
MACHINE = {"system": "Linux 6.1", "python": "3.11.9", "cores": 2, "memory_mb": 7956}
CASES = (
    case(anchor="check-lost-acked"),
    case("undelivered"),
    case("duplicate"),
    case("acks (steady)", group="objectives"),
)
LOST = case(
    verdict="invalid",
    sentence="1 of 320 acknowledged messages is missing from storage.",
    anchor="evidence-lost-acked",
)
CALIBRATED = (
    Calibrated("chat", "ack_p50_ms", "steady", 20, 0.021, 0.0, 0.99, 0.1, "ack_p50_ms: 10 %."),
    Calibrated("chat", "stack_cores", "run", 2, 0.0, 0.0, 0.0, None, "Nothing can be said."),
    Calibrated("chat", "delivery_p99_ms", "steady", 20, 0.9, 0.01, 0.0, None, "Not 200 %."),
)
# By which factor the candidate was slower in each pair.
EQUAL = (1.012, 0.981, 1.004, 0.996, 1.021)
SLOWER = (1.142, 1.118, 1.171, 1.149, 1.133)


def measured(number, version, factor, **changes):
    """A run of a pair, with its figures."""
    base = 9.4 + 0.3 * (number % 3)
    values = {"ack_p50_ms@steady": base * (factor if version == "candidate" else 1.0)}
    fields = {
        "path": f"runs/gate/x/runs/chat-{version}-{number}",
        "values": values,
        "cases": CASES,
        "system": SYSTEM if version == "candidate" else OLDER,
        "sha256": f"{number:064x}",
        "scenario": "chat",
    }
    return run(version, number, **{**fields, **changes})


def in_pairs(factors):
    """Runs of pairs, the reference first in every other one."""
    runs = []
    for number, factor in enumerate(factors, 1):
        pair = [measured(number, version, factor) for version in ("reference", "candidate")]
        runs += pair if number % 2 else reversed(pair)
    return tuple(runs)


def against(factors, comparisons, verdict, **changes):
    """A gate with pairs of runs."""
    return gate(
        mode="against",
        runs=in_pairs(factors),
        comparisons=comparisons,
        verdict=verdict,
        scenarios=(Scenario("chat", "abc"),),
        machine=MACHINE,
        significant_below=0.01,
        score=(
            ScoreLine("chat", "all required checks are valid", 5, 5, 10),
            ScoreLine("chat", "all required objectives are met", 5, 5, 3),
        ),
        **changes,
    )


def acks(**changes):
    """A comparison of the median time until acknowledged."""
    fields = {
        "scenario": "chat",
        "indicator": "ack_p50_ms",
        "min_effect": 0.08,
        "before": 9.71,
        "after": 9.74,
        "ratio": 1.003,
        "low": 0.984,
        "high": 1.022,
        "p": 0.36,
        "p_corrected": 0.36,
        "outcome": "no-regression",
        "sentence": "ack_p50_ms in steady load did not get 8 % higher: +0.3 % (-1.6 % to +2.2 %).",
    }
    return compared(**{**fields, **changes})


def equal():
    """A gate in which a change changed nothing."""
    text = "All 5 runs passed. None of 1 compared figures got worse."
    return against(EQUAL, (acks(),), Verdict("pass", 0, (text,)))


def slower():
    """A gate in which one figure regressed, one is undecided, and one has too few values."""
    worse = acks(
        outcome="regression",
        after=11.1,
        ratio=1.143,
        low=1.118,
        high=1.168,
        p=0.00004,
        p_corrected=0.00012,
        sentence="ack_p50_ms in steady load is higher by 8 % or more: +14.3 %.",
    )
    noisy = acks(
        indicator="delivery_p99_ms",
        outcome="undecided",
        severity="warn",
        ratio=1.09,
        low=0.71,
        high=1.67,
        p_corrected=0.31,
        before=31.0,
        after=33.8,
        sentence="delivery_p99_ms in steady load may or may not be 8 % higher.",
    )
    rate = acks(
        indicator="acked_per_s", lower_is_better=False, ratio=0.991, low=0.985, high=0.997,
        before=39.8, after=39.4, min_effect=0.05,
        sentence="acked_per_s in steady load did not get 5 % lower.",
    )  # fmt: skip
    unknown = acks(
        indicator="stack_cores", window="run", outcome="unknown", count=2, before=None, after=None,
        ratio=None, low=None, high=None, p=None, p_corrected=None,
        sentence="stack_cores over the whole run is not known to be less than 8 % higher: fewer "
        "than 3 usable measurements (in 6 runs, the numbers are generator-limited).",
    )  # fmt: skip
    reasons = (f"chat: {worse.sentence}", f"chat: {unknown.sentence}")
    found = (rate, unknown, noisy, worse)
    return against(SLOWER, found, Verdict("fail", 1, reasons), labels={"version": "2.3"})


def incorrect():
    """A gate without comparisons, in which one of three runs lost a message."""
    reasons = (f"lost-acked: {LOST.sentence}", "acked-floor: Too little was acknowledged.")
    bad = measured(
        2,
        "candidate",
        1.0,
        exit_code=1,
        status="fail",
        cases=(LOST, *CASES[1:], case("late", verdict="invalid", required=False)),
        reasons=reasons,
    )
    runs = (measured(1, "candidate", 1.0), bad, measured(3, "candidate", 1.0))
    return gate(
        runs=runs,
        scenarios=(Scenario("chat", "abc"),),
        verdict=Verdict("fail", 1, (f"chat, run 2: {reasons[0]}",)),
        score=(ScoreLine("chat", "all required checks are valid", 2, 3, 10),),
        machine=MACHINE,
    )


def noisy():
    """A gate whose comparison is undecided."""
    sentence = "ack_p50_ms in steady load may or may not be 8 % higher."
    open_one = acks(outcome="undecided", ratio=1.06, low=0.93, high=1.21, sentence=sentence)
    verdict = Verdict("inconclusive", 5, (f"chat: {sentence}",))
    past = PastCalibration("20261128T090501Z-smoke-0-1a2b", "2026-11-28T09:05:01", CALIBRATED)
    changes = {"past_calibration": past}
    return against((0.9, 1.2, 1.0, 1.15, 1.07), (open_one,), verdict, **changes)


def calibrated():
    """A calibration of one figure, and of one that nothing can be said about."""
    return gate(
        mode="calibration",
        runs=in_pairs(EQUAL),
        calibration=CALIBRATED,
        scenarios=(Scenario("chat", "abc"),),
        verdict=Verdict("pass", 0, ("All 5 runs passed.",)),
    )


def broken():
    """A gate whose candidate does not start, and whose second scenario did not run."""
    failed = run(
        exit_code=3,
        status="error",
        cases=(),
        reasons=("The run has no result; see runs/x/output.txt.",),
        values={},
        unusable="the run has no usable result",
    )
    return gate(
        runs=(failed,),
        scenarios=(Scenario("steady", "abc"), Scenario("calm", "def")),
        verdict=Verdict("error", 3, (f"steady, run 1: {failed.reasons[0]}", "calm has no run.")),
    )


def interrupted():
    """A gate that was interrupted before its first run."""
    return gate(
        runs=(),
        verdict=Verdict("aborted", 2, ("The gate was interrupted.", "steady has no run.")),
        labels={},
        seconds=math.nan,
    )


def nan():
    """A gate with numbers that are none, as a damaged file could hold them."""
    values = {"before": math.nan, "after": math.inf, "p": math.nan, "p_corrected": math.nan}
    rows = [
        acks(ratio=ratio, low=low, high=high, **values)
        for ratio, low, high in (
            (math.nan, 0.9, 1.1),
            (1.0, math.nan, math.inf),
            (0.0, -1.0, 2.0),
            (1e300, 1e-300, 1e308),
        )
    ]
    return against(EQUAL, tuple(rows), Verdict("pass", 0, ("x",)))


def malicious():
    """A gate whose names and sentences are hostile."""
    found = hostile_gate()
    bad = found.runs[0]
    names = hostile.ALL
    runs = (
        run(
            scenario=names,
            path=f"runs/{hostile.MARKUP}",
            cases=(case(names, verdict="invalid", sentence=names, anchor='"onclick="x'),),
            reasons=(names,),
            status=names,
            unusable=names,
            system={names: names},
            exit_code=1,
        ),
        bad,
    )
    comparison = compared(scenario=names, indicator=names, sentence=names)
    return gate(
        suite=names,
        id=names,
        labels={"version": names},
        machine={"system": names},
        mode="against",
        verdict=Verdict("fail", 1, (names, f"{names}, run 1: {names}")),
        scenarios=(Scenario(names, "x"), Scenario("steady", "y")),
        runs=runs,
        comparisons=(comparison,),
        score=(ScoreLine(names, names, 0, 1, 5),),
        calibration=(Calibrated(names, names, "steady", 3, 0.1, 0.0, 1.0, 0.1, names),),
    )


ALL = {
    "equal": equal,
    "slower": slower,
    "incorrect": incorrect,
    "noisy": noisy,
    "calibrated": calibrated,
    "broken": broken,
    "interrupted": interrupted,
    "nan": nan,
    "malicious": malicious,
}
