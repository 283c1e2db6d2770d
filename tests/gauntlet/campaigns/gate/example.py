"""Runs and gates for tests."""

from gauntlet.campaigns.gate.outcome import Case, Gate, Run, Scenario, Verdict


def case(name="lost-acked", verdict="valid", group="checks", **changes):
    """A case; by default a required check that is valid."""
    fields = {"required": True, "sentence": f"{name} is {verdict}.", **changes}
    return Case(group=group, name=name, verdict=verdict, **fields)


def run(version="candidate", number=1, **changes):
    """A run; by default one that passed."""
    fields = {
        "scenario": "steady",
        "version": version,
        "number": number,
        "exit_code": 0,
        "status": "pass",
        "reasons": (),
        "path": f"runs/steady-{version}-{number}",
        "started": "2026-11-29T19:05:01",
        "seconds": 12.5,
        "cases": (case(),),
        "values": {"delivery_p50_ms@steady": 10.0},
    }
    return Run(**{**fields, **changes})


def gate(**changes):
    """A gate; by default one that passed."""
    fields = {
        "id": "20261129T190501Z-smoke-0-9f3c",
        "suite": "smoke",
        "labels": {"version": "2.3"},
        "started": "2026-11-29T19:05:00",
        "seconds": 40.0,
        "machine": {"cores": 2, "memory_mb": 8000},
        "mode": "absolute",
        "verdict": Verdict("pass", 0, ("The run passed.",)),
        "scenarios": (Scenario("steady", "abc"),),
        "runs": (run(),),
    }
    return Gate(**{**fields, **changes})
