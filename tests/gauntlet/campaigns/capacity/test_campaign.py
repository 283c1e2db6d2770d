"""A campaign of capacity, against a system that is simulated."""

import msgspec
import pytest

from gauntlet.campaigns.capacity import campaign, limits
from gauntlet.campaigns.capacity.campaign import Campaign, Plan
from gauntlet.campaigns.capacity.search import SearchPlan
from gauntlet.campaigns.capacity.variations import Variation
from gauntlet.core.errors import Exit, Interrupted
from gauntlet.core.scenario.model import Target, WorkloadShare

from .example import MACHINE, scenario, trial, variation

CAPACITY = 170


class Simulated:
    """A system that holds up to a rate; less during a disturbance."""

    def __init__(self, capacity=CAPACITY, **changes):
        self.capacity = capacity
        self.changes = changes
        self.made = []
        self.interrupt_after = None

    def run(self, request):
        if self.interrupt_after is not None and len(self.made) >= self.interrupt_after:
            raise Interrupted("stopped")
        self.made.append(request)
        limit = self.capacity * (1 if request.during == "steady" else 0.6)
        load = request.scenario.load
        storms = load.shares().get("reconnect_storm")
        return trial(
            request.level,
            "held" if request.level <= limit else "failed",
            during=request.during,
            what=request.what,
            step=request.step,
            connection=float(load.users),
            fan_out=19.0 if "group" in load.workload else 1.0,
            handshake=storms.percent / 4 if storms else 0.0,
            exit_code=0 if request.level <= limit else 1,
            **self.changes,
        )


def plan(*durings, with_costs=True, **changes):
    searches = [
        SearchPlan("rate_per_s", during, start=50, least=1)._replace(**changes)
        for during in durings or ("steady",)
    ]
    return Plan(variation(), searches, with_costs, MACHINE, {"version": "1.4"})


@pytest.fixture
def records(tmp_path):
    return tmp_path / "records.jsonl"


def run(planned, runner, records):
    said = []
    record, code = Campaign(planned, runner, records, said.append).run()
    return record, code, said


def test_the_record_has_what_holds_what_it_costs_and_what_limits(records):
    record, code, said = run(plan(), Simulated(), records)
    assert code == Exit.OK
    (found,) = record.sustainable
    assert found.low <= CAPACITY < found.high
    assert record.limits_first.component == "message-1"
    message = next(each for each in record.unit_costs if each.tier == "message")
    assert message.per["message"].value == pytest.approx(1.5e-3)
    edge = next(each for each in record.unit_costs if each.tier == "edge")
    assert set(edge.per) == {"message", "delivery", "connection", "handshake"}
    assert record.system.labels == {"version": "1.4"}
    assert len(record.runs) == len({each.run.directory for each in record.trials})
    assert said[-1].startswith("handshakes-")


def test_a_disturbance_is_searched_from_what_holds_without_it(records):
    runner = Simulated()
    record, code, _ = run(plan("steady", "n-1", with_costs=False), runner, records)
    steady, disturbed = record.sustainable
    assert code == Exit.OK
    assert disturbed.during == "n-1"
    assert disturbed.low <= 0.6 * CAPACITY < disturbed.high
    first = next(each for each in runner.made if each.during == "n-1")
    assert first.level == steady.low
    assert "Unit costs: not asked for." in record.not_measured


def test_a_campaign_goes_on_from_its_records(records):
    stopped = Simulated()
    stopped.interrupt_after = 4
    record, code, _ = run(plan(), stopped, records)
    assert code == Exit.INTERRUPTED
    assert "The campaign was interrupted." in record.not_measured
    resumed, whole = Simulated(), Simulated()
    record, code, said = run(plan(), resumed, records)
    assert code == Exit.OK
    assert said[0].startswith("4 trials")
    run(plan(), whole, records.with_name("others.jsonl"))
    assert [each.name for each in stopped.made + resumed.made] == [each.name for each in whole.made]
    again = Simulated()
    run(plan(), again, records)
    assert again.made == []


def test_a_level_of_the_unit_costs_is_no_trial_of_a_search(records):
    planned, held = plan(with_costs=False), trial(400, step="rooms")
    campaign.record_files.append(records, campaign.StoredTrial(planned.digest, held))
    record, _, said = run(planned, Simulated(), records)
    assert said[0].startswith("1 trials")
    assert record.sustainable[0].low <= CAPACITY


@pytest.mark.parametrize(
    "changes",
    [
        {"variation": variation(users=99)},
        {"labels": {"version": "1.5"}},
        {"machine": msgspec.structs.replace(MACHINE, cores=64)},
        {"metrics": "the digest of another file"},
    ],
    ids=lambda changes: next(iter(changes)),
)
def test_records_of_another_load_version_or_machine_are_not_used(records, changes):
    first = Simulated()
    run(plan(with_costs=False), first, records)
    other = Simulated()
    run(plan(with_costs=False)._replace(**changes), other, records)
    assert len(other.made) == len(first.made)


def test_the_digest_of_the_scenario_is_the_same_for_all_versions_and_machines(records):
    found = []
    for version in ("1.4", "1.5"):
        planned = plan(with_costs=False)._replace(labels={"version": version})
        found.append(run(planned, Simulated(), records)[0].scenario.sha256)
    assert found[0] == found[1]


def test_a_lost_message_is_a_failure_at_any_level(records):
    _, code, _ = run(plan(with_costs=False), Simulated(violated=("lost-acked",)), records)
    assert code == Exit.FAILED


def test_an_objective_that_no_level_keeps_is_a_failure(records):
    record, code, _ = run(plan(with_costs=False), Simulated(capacity=0.5), records)
    assert code == Exit.FAILED
    assert record.sustainable[0].low is None


def test_a_search_that_the_generator_ended_is_inconclusive(records):
    runner = Simulated()
    judge = runner.run
    runner.run = lambda request: (
        judge(request) if request.level < 90 else trial(request.level, "refused", exit_code=5)
    )
    record, code, _ = run(plan(with_costs=False), runner, records)
    assert code == Exit.INCONCLUSIVE
    assert record.sustainable[0].high is None
    assert any(text.startswith("The highest rate (steady)") for text in record.not_measured)


def test_a_fault_that_was_not_healed_ends_the_campaign(records):
    class Unhealed(Simulated):
        def run(self, request):
            self.made.append(request)
            return trial(request.level, "refused", run=None, exit_code=6)

    runner = Unhealed()
    _, code, _ = run(plan(), runner, records)
    assert code == Exit.ROLLBACK
    assert len(runner.made) == 1


def test_a_stack_that_never_starts_is_a_harness_error(records):
    class Broken(Simulated):
        def run(self, request):
            self.made.append(request)
            return trial(request.level, "refused", run=None, exit_code=3)

    runner = Broken()
    _, code, _ = run(plan(with_costs=False), runner, records)
    assert code == Exit.HARNESS


def test_a_level_that_this_machine_does_not_allow_is_refused(records):
    class Limited(Simulated):
        def run(self, request):
            if request.level > 90:
                return trial(request.level, "refused", run=None, exit_code=4)
            return super().run(request)

    record, code, _ = run(plan(with_costs=False), Limited(), records)
    assert code == Exit.INCONCLUSIVE
    assert record.sustainable[0].low == pytest.approx(90, rel=0.1)


def test_a_scenario_that_is_not_possible_ends_the_campaign(records):
    class Impossible(Simulated):
        def run(self, request):
            self.made.append(request)
            return trial(request.level, "refused", run=None, exit_code=4)

    runner = Impossible()
    _, code, _ = run(plan(), runner, records)
    assert code == Exit.CONFIG
    assert len(runner.made) == 1


def test_a_number_of_users_that_the_workload_does_not_allow_is_refused(records):
    planned = plan(with_costs=False, what="connections", start=30, least=2)
    rooms = variation(workload={"group": WorkloadShare(size=20)})
    record, code, _ = run(planned._replace(variation=rooms), Simulated(capacity=0), records)
    assert code == Exit.FAILED
    assert (record.sustainable[0].low, record.sustainable[0].high) == (None, 30)
    assert any("load.workload.group.size" in each.reason for each in record.trials)


def test_a_refused_level_of_the_unit_costs_is_run_once_more(records):
    class Busy(Simulated):
        def run(self, request):
            found = super().run(request)
            if request.step == "direct" and sum(w.step == "direct" for w in self.made) == 1:
                return trial(request.level, "refused", step="direct", exit_code=5)
            return found

    runner = Busy()
    run(plan(), runner, records)
    assert sum(each.step == "direct" for each in runner.made) == 2


def test_the_sentences_say_what_holds_and_what_limits():
    found = campaign.search.outcome(
        SearchPlan("rate_per_s", "n-1", start=50, least=1),
        [
            campaign.search.TrialResult(50, "held"),
            campaign.search.TrialResult(55, "failed", "p99-steady: 700 ms is not < 500 ms"),
        ],
    )
    assert campaign.sentence(found) == (
        "50/s hold during n-1, 55/s do not (confidence 0%, 1 trials at each bound). "
        "p99-steady: 700 ms is not < 500 ms"
    )


def test_what_limits_an_external_system_is_not_taken_from_this_machine(records):
    external = Target(stack="external", url=["ws://127.0.0.1:9"])
    foreign = Variation(msgspec.structs.replace(scenario(), target=external))
    planned = plan(with_costs=False)._replace(variation=foreign)
    record, _, _ = run(planned, Simulated(), records)
    assert record.limits_first is None
    assert any(each.startswith("What limits first:") for each in record.not_measured)
    sizes = {"message-1": limits.Size(cores=0.5)}
    record, _, _ = run(planned._replace(sizes=sizes), Simulated(), records)
    assert record.limits_first.component == "message-1"
