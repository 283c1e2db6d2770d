"""Gates for the tests of what is written, some of them of a hostile system."""

from gauntlet.campaigns.gate.outcome import Comparison, Verdict

from ..example import case, gate, run
from . import hostile

FAILED = Verdict("fail", 1, ("steady, run 1: lost-acked: 1 message.",))


def compared(**changes):
    fields = {
        "scenario": "steady",
        "indicator": "delivery_p50_ms",
        "window": "steady",
        "severity": "fail",
        "min_effect": 0.1,
        "lower_is_better": True,
        "outcome": "regression",
        "count": 5,
        "before": 10.0,
        "after": 12.0,
        "ratio": 1.2,
        "low": 1.1,
        "high": 1.3,
        "p": 0.001,
        "p_corrected": 0.003,
        "sentence": "It got worse.",
    }
    return Comparison(**{**fields, **changes})


def hostile_gate():
    runs = (run(cases=(case(verdict="invalid", sentence=hostile.ALL),), reasons=(hostile.ALL,)),)
    return gate(
        verdict=Verdict("fail", 1, (hostile.ALL,)),
        runs=runs,
        labels={"version": hostile.MARKUP.replace("\n", "")},
        comparisons=(compared(sentence=hostile.ALL),),
    )
