"""Gates that are drawn from pairs with a known distribution."""

import msgspec
import numpy as np
import pytest

from benchmarks.gate import resampling
from benchmarks.gate.records import Pair
from benchmarks.gate.subject import NAME, measure, questions
from gauntlet.campaigns.gate.campaign import Campaign, Plan
from gauntlet.campaigns.gate.outcome import Run
from gauntlet.campaigns.gate.subjects import Subject
from gauntlet.campaigns.gate.suite import Against, Compare, Suite
from gauntlet.core.scenario.model import from_builtins

ACK, CORES = "ack_p50_ms@steady", "stack_cores@run"
KEYS = (ACK, "delivery_p50_ms@steady", CORES, "delivery_p99_ms@steady")


def compare(pairs=5, most=None, **changes):
    return Compare(against=Against(), pairs=pairs, max_pairs=most or pairs, **changes)


def made(version, number, values, exit_code=0):
    status = {0: "pass", 1: "fail", 5: "inconclusive"}.get(exit_code, "error")
    return Run(NAME, version, number, exit_code, status, (), "", "", 1.0, values=values)


def pairs_of(count, change, noise, seed=1):
    """Return pairs whose ratios are log-normal; only the acknowledgements change."""
    random = np.random.default_rng(seed)
    found = []
    for number in range(1, count + 1):
        before, after = np.exp(noise / np.sqrt(2) * random.standard_normal((2, len(KEYS))))
        after[0] *= 1 + change
        found.append(
            Pair(
                made("reference", number, dict(zip(KEYS, map(float, before), strict=True))),
                made("candidate", number, dict(zip(KEYS, map(float, after), strict=True))),
            )
        )
    return found


@pytest.mark.parametrize("pairs", [3, 8])
def test_equal_arms_are_red_in_about_the_share_that_alpha_allows(pairs):
    wide = compare(pairs, min_effect="1%", alpha=0.1)
    found = resampling.simulate(pairs_of(200, 0.0, 0.1), questions(wide), wide, 300)
    # Three of the four figures can make it red, and Holm shares alpha among the four.
    assert 0.02 < found.red / found.gates < 0.14


def test_equal_arms_are_hardly_ever_red_and_usually_green_with_the_usual_procedure():
    found = resampling.simulate(pairs_of(60, 0.0, 0.04), questions(compare(8)), compare(8), 300)
    assert found.red <= 0.01 * found.gates
    assert found.green > 0.9 * found.gates


def test_a_large_effect_is_found_and_a_small_one_is_not():
    asked = questions(compare(6))
    large = resampling.simulate(pairs_of(60, 0.3, 0.05), asked, compare(6), 200)
    assert large.red >= 0.95 * large.gates
    small = resampling.simulate(pairs_of(60, 0.05, 0.03), asked, compare(6), 200)
    assert small.red <= 0.05 * small.gates


def test_an_effect_is_found_more_often_with_more_pairs():
    pairs, asked = pairs_of(60, 0.15, 0.08), questions(compare())
    shares = [resampling.simulate(pairs, asked, compare(count), 200).red for count in (3, 8, 20)]
    assert shares[0] < shares[1] < shares[2]


def test_a_violation_in_an_equal_pair_counts_as_red():
    pairs = pairs_of(12, 0.0, 0.01)
    broken = msgspec.structs.replace(pairs[4].candidate, exit_code=1, status="fail")
    pairs[4] = pairs[4]._replace(candidate=broken)
    found = resampling.simulate(pairs, questions(compare(4)), compare(4), 200)
    assert 0 < found.red < found.gates
    assert found.red + found.green == found.gates


def test_pairs_without_figures_leave_a_gate_undecided():
    pairs = [
        pair._replace(candidate=msgspec.structs.replace(pair.candidate, values={}))
        for pair in pairs_of(8, 0.0, 0.01)
    ]
    found = resampling.simulate(pairs, questions(compare()), compare(), 20)
    assert (found.red, found.green) == (0, 0)


def test_a_gate_consists_of_blocks_of_neighbours():
    pairs = pairs_of(10, 0.0, 0.1)
    drawn = resampling.draw(pairs, 11, np.random.default_rng(3))
    places = [pairs.index(pair) for pair in drawn]
    assert len(places) == 11
    for at in range(10):
        if (at + 1) % resampling.BLOCK:
            assert places[at + 1] == (places[at] + 1) % 10
    assert [run.number for run in resampling.as_runs(drawn)][-2:] == [11, 11]


def test_scaling_changes_the_mean_of_every_figure_and_not_the_noise():
    pairs, asked = pairs_of(40, 0.15, 0.08), questions(compare())
    ack = measure(asked)
    changed = resampling.scaled(pairs, asked, 0.4, ack)
    assert resampling.effect(changed, ack) == pytest.approx(0.4)
    assert resampling.noise(changed, ack) == pytest.approx(resampling.noise(pairs, ack))
    assert [pair.reference for pair in changed] == [pair.reference for pair in pairs]
    cores = next(each for each in asked if each.indicator == "stack_cores")
    times = np.log1p(0.4) / np.log1p(resampling.effect(pairs, ack))
    before, after = (np.log1p(resampling.effect(each, cores)) for each in (pairs, changed))
    assert after == pytest.approx(times * before)


def test_what_did_not_get_worse_cannot_be_enlarged():
    pairs, asked = pairs_of(20, -0.1, 0.01), questions(compare())
    with pytest.raises(ValueError, match="did not get worse"):
        resampling.scaled(pairs, asked, 0.2, measure(asked))


def test_the_smallest_effect_is_above_the_one_that_matters_and_shrinks_with_more_pairs():
    pairs, asked = pairs_of(40, 0.15, 0.06), questions(compare())
    few, many = (
        resampling.smallest(pairs, asked, compare(count), measure(asked), 100) for count in (4, 12)
    )
    assert 0.1 < many < few < 0.5
    noisy = pairs_of(40, 0.15, 3.0)
    assert resampling.smallest(noisy, asked, compare(3), measure(asked), 50) is None


class Replay:
    """The runs of a drawn gate, made again when a campaign asks for them."""

    def __init__(self, runs):
        self._runs = {(run.version, run.number): run for run in runs}

    def run(self, subject, version, number):
        return self._runs[version, number]


@pytest.mark.parametrize("change", [0.0, 0.12, 0.2])
def test_a_drawn_gate_ends_as_the_command_would_end_it(change):
    random = np.random.default_rng(7)
    pairs, usual = pairs_of(30, change, 0.07), compare(4, 12)
    codes = {"red": 1, "green": 0, "undecided": 5}
    ends = set()
    for _ in range(20):
        runs = resampling.as_runs(resampling.draw(pairs, usual.most, random))
        runs = [
            msgspec.structs.replace(run, exit_code=5, status="inconclusive", values={})
            if random.random() < 0.05
            else run
            for run in runs
        ]
        subject = Subject(from_builtins({"version": 1, "name": NAME, "about": "A gate."}))
        plan = Plan(
            id="g",
            suite=Suite(version=1, scenarios=[NAME], name="s", compare=usual),
            subjects=[subject],
            references=[subject],
            questions=questions(usual),
        )
        gate = Campaign(plan, Replay(runs), lambda _text: None).run()
        ended = resampling.ended(runs, questions(usual), usual)
        assert gate.verdict.exit_code == codes[ended]
        ends.add(ended)
    assert len(ends) > 1 or change == 0.2
