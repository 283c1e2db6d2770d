"""What clients recorded proves a fault, or shows an undeclared disturbance."""

import pytest

from gauntlet.campaigns.synthetic.histories import good_story
from gauntlet.campaigns.synthetic.story import BACK_S, FAULT_S, MS, ZERO, S
from gauntlet.core.history import ClosedBy, Kind
from gauntlet.reports.verdict.judge import judge


@pytest.fixture
def story():
    """A run in which an edge crashed; the crash is an observed fault."""
    story = good_story(1)
    story.scenario["faults"][0] |= {"kind": "observed", "target": ""}
    story.scenario["sla"] = []
    for row in story.chaos:
        row["proof"] = {}
    return story


def fault_of(result):
    """The only fault of a result."""
    (fault,) = result["faults"]
    return fault


def move(story, begin_s, end_s):
    """Move the fault to another time, at which nothing happened."""
    times = {"requested": begin_s, "effective": begin_s, "heal-requested": end_s, "healed": end_s}
    for row in story.chaos:
        if row["kind"] == "fault":
            row["t_ns"] = ZERO + int(times[row["step"]] * S)


def test_disconnects_in_its_window_expose_a_fault(story, written):
    fault = fault_of(judge(written(story)))
    assert fault["exposed"]
    assert fault["client_links"]["disconnects"] > 0
    assert fault["proof"] == {"client_links": fault["client_links"]}


def test_a_fault_that_no_client_noticed_is_not_exposed(story, written):
    move(story, 16.0, 18.0)
    result = judge(written(story))
    assert not fault_of(result)["exposed"]
    assert result["verdict"]["status"] == "inconclusive"
    assert "There is no proof that fault edge-crash took effect." in result["verdict"]["reasons"]


def test_what_no_fault_explains_is_a_disturbance_and_no_calm_load(story, written):
    move(story, 16.0, 18.0)
    result = judge(written(story))
    assert result["disturbances"]["disconnects"] > 0
    assert result["disturbances"]["first_at_s"] <= BACK_S
    assert any("not calm" in caveat for caveat in result["caveats"])
    assert {row["grade"] for row in result["grades"]} <= {"C", "–"}
    assert all(any("not calm" in text for text in row["unjudged"]) for row in result["grades"])


def test_connections_that_end_without_a_fault_fail_only_with_an_objective(story, written):
    move(story, 16.0, 18.0)
    hint = "No objective limits lost_connections_count"
    assert any(caveat.startswith(hint) for caveat in judge(written(story))["caveats"])
    limit = {"id": "last", "indicator": "lost_connections_count", "op": "<=", "value": 0}
    story.scenario["sla"] = [{**limit, "window": "run"}]
    result = judge(written(story))
    assert not any(caveat.startswith(hint) for caveat in result["caveats"])
    (objective,) = result["objectives"]
    assert objective["value"] == result["disturbances"]["disconnects"]
    assert result["verdict"]["status"] == "fail"


LIMIT = {"id": "last", "op": "<=", "value": 0, "window": "run"}
MOVED_FAULT_S = (16.0, 18.0)


@pytest.mark.parametrize("indicator", ["lost_connections_count", "lost_connections_per_1000_min"])
def test_a_missed_objective_says_how_connections_ended_and_names_the_first(
    indicator, story, written
):
    move(story, *MOVED_FAULT_S)
    for index in story.at(Kind.DISCONNECT):
        story.change(index, spare=1000, sseq=ClosedBy.SERVER)
    story.scenario["sla"] = [{**LIMIT, "indicator": indicator}]
    result = judge(written(story))
    assert result["verdict"]["exit_code"] == 1
    (objective,) = result["objectives"]
    assert (
        "closed by the server with 1000 (normal); the first is that of u" in (objective["sentence"])
    )
    found = result["connections"]
    assert found["lost"] == sum(end["steady"] for end in found["ends"]) > 0
    assert found["lost_per_1000_min"] == pytest.approx(
        1000 * found["lost"] / found["connection_min"], rel=1e-3
    )


def test_what_a_fault_ends_is_not_lost_in_steady_load(story, written):
    result = judge(written(story))
    found = result["connections"]
    assert (found["lost"], found["lost_per_1000_min"]) == (0, 0)
    assert sum(end["otherwise"] for end in found["ends"]) > 0


def test_silence_on_a_machine_at_its_limit_leaves_the_objective_unknown(story, written):
    """Other ends miss it there as well."""
    move(story, *MOVED_FAULT_S)
    story.scenario["sla"] = [{**LIMIT, "indicator": "lost_connections_count"}]
    story.scenario["load"]["lag_budget_ms"] = 0.001
    for code, verdict in ((4009, "unknown"), (1006, "invalid")):
        for index in story.at(Kind.DISCONNECT):
            story.change(index, spare=code, sseq=ClosedBy.SERVER)
        result = judge(written(story))
        assert result["self_audit"]["status"] == "generator-limited"
        assert result["objectives"][0]["verdict"] == verdict


def test_sends_without_an_answer_need_no_objective_on_connections(story, written):
    story.change(story.at(Kind.ACK)[-1], kind=Kind.UNKNOWN, seq=0)
    result = judge(written(story))
    assert (result["disturbances"]["disconnects"], result["disturbances"]["unanswered"]) == (0, 1)
    assert not any("lost_connections_count" in caveat for caveat in result["caveats"])


def test_the_recovery_window_of_a_declared_fault_explains_what_happens_in_it(story, written):
    move(story, FAULT_S - 3, FAULT_S - 2)  # recovery_window is 5 s
    assert judge(written(story))["disturbances"]["disconnects"] == 0


def test_closes_by_the_client_are_no_evidence(story, written):
    for index in story.at(Kind.DISCONNECT):
        story.change(index, spare=1000)
    fault = fault_of(judge(written(story)))
    assert fault["client_links"]["disconnects"] == 0


def test_slow_acknowledgements_are_a_latency_jump(story, written):
    move(story, 16.0, 18.0)
    for index in story.at(Kind.ACK):
        record = story.records[index]
        if ZERO + 16 * S <= record.ref_ns < ZERO + 18 * S:
            story.change(index, t_ns=record.t_ns + 400 * MS)
    fault = fault_of(judge(written(story)))
    assert fault["client_links"]["latency_jumped"]
    assert fault["exposed"]


def test_a_send_that_is_acknowledged_after_its_time_out_is_evidence(story, written):
    move(story, 16.0, 18.0)
    index = next(i for i in story.at(Kind.ACK) if story.records[i].ref_ns > ZERO + 16.5 * S)
    story.change(index, t_ns=story.records[index].t_ns + 4 * S)
    fault = fault_of(judge(written(story)))
    assert fault["client_links"]["unanswered"] == 1
    assert fault["exposed"]


def test_a_proof_of_its_own_stays(written):
    story = good_story(1)
    before = next(row["proof"] for row in story.chaos if row.get("step") == "effective")
    fault = fault_of(judge(written(story)))
    assert fault["proof"] == before
