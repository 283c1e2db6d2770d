"""Figures for actions that draw them."""

import json

from gauntlet.campaigns.gate.outputs import benchmark

from ..example import gate, run


def test_benchmark_rows_are_figures_where_smaller_is_better():
    values = {
        "delivery_p50_ms@steady": 10.0,
        "delivery_p90_ms@steady": 11.0,
        "acked_per_s@steady": 20.0,
        "stack_cores@run": 0.5,
    }
    more = {name: value * 1.2 for name, value in values.items()}
    found = benchmark.rows(gate(runs=(run(values=values), run(number=2, values=more))))
    assert [(row["name"], row["unit"], row["value"]) for row in found] == [
        ("steady: delivery_p50_ms (steady)", "ms", 11.0),
        ("steady: stack_cores (run)", "cores", 0.55),
    ]
    assert found[0]["range"] == "± 1.41"
    assert json.dumps(found, allow_nan=False)
