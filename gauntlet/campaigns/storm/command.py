"""`gauntlet storm`: random faults on one timeline, and the fewest of them that make a run fail."""

import argparse
from collections.abc import Sequence

import msgspec

from gauntlet.campaigns import interrupts
from gauntlet.campaigns.progress import say
from gauntlet.campaigns.storm import drawing
from gauntlet.campaigns.storm.campaign import Campaign, Outcome, Storm, describe, with_minutes
from gauntlet.core.errors import PRECEDENCE, ConfigError, Exit
from gauntlet.core.scenario import secrets, validation
from gauntlet.core.scenario.model import Scenario, to_builtins
from gauntlet.scenarios import library

_MINUTES_MAX = 24 * 60
_SEEDS_MAX = 1000
_SEED_BITS_MAX = 62  # consecutive seeds stay within what a scenario may have
_ATTEMPTS_MAX = 1000


def run(options: argparse.Namespace) -> Exit:
    """Run storms with consecutive seeds; the exit code is the most severe of theirs."""
    _check(options)
    scenario = _scenario(options)
    storms = [
        Storm(
            scenario=scenario,
            name=options.scenario,
            seed=options.seed + number,
            minutes=options.minutes,
            bug=options.bug or "",
            only=_only(options.only),
            options=("--allow-exec",) if options.allow_exec else (),
        )
        for number in range(options.count)
    ]
    for storm in storms:
        _check_only(storm)
    if options.list:
        for storm in storms:
            print(f"storm {storm.seed}:")
            for fault in storm.planned().faults:
                print(f"  {describe(fault)}")
            for name, reason in storm.left_out().items():
                print(f"  left out: {name}, because {reason}")
        return Exit.OK
    campaign = Campaign(options.records, options.out, attempts=options.attempts, say=say)
    with interrupts.explained(lambda: _progress(campaign, storms, options)):
        outcomes = [_outcome(campaign, storm, again=options.again) for storm in storms]
    codes = {outcome.exit_code for outcome in outcomes}
    red = sum(outcome.red for outcome in outcomes)
    if len(outcomes) > 1:
        say(f"{len(outcomes)} storms: {red} failed")
    return next((code for code in PRECEDENCE if code in codes), Exit.OK)


def _outcome(campaign: Campaign, storm: Storm, *, again: bool) -> Outcome:
    """Return the recorded outcome of a storm, or run it."""
    if not again and (known := campaign.recorded(storm)) is not None:
        say(f"storm {storm.seed}: recorded (exit {known.exit_code}) {known.reason}".rstrip())
        return known
    return campaign.run(storm)


def _progress(campaign: Campaign, storms: Sequence[Storm], options: argparse.Namespace) -> str:
    """Return what an interrupted command has recorded, and how to go on."""
    if options.records is None or options.only:
        return "nothing is recorded, so the same command begins again"
    recorded = sum(campaign.recorded(storm) is not None for storm in storms)
    command = "the same command without --again" if options.again else "the same command"
    return (
        f"storms recorded in {options.records}: {recorded} of {len(storms)}; {command} runs the "
        "others"
    )


def _check(options: argparse.Namespace) -> None:
    shortest = drawing.SHORTEST_S / 60
    if not shortest <= options.minutes <= _MINUTES_MAX:
        raise ConfigError(
            f"--minutes must be between {shortest:.2g} and {_MINUTES_MAX}; got {options.minutes:g}"
        )
    if not 1 <= options.count <= _SEEDS_MAX:
        raise ConfigError(f"--count must be between 1 and {_SEEDS_MAX}; got {options.count}")
    if not 0 <= options.attempts <= _ATTEMPTS_MAX:
        raise ConfigError(
            f"--attempts must be between 0 and {_ATTEMPTS_MAX}; got {options.attempts}"
        )
    if options.seed.bit_length() > _SEED_BITS_MAX:
        raise ConfigError(
            f"--seed must have at most {_SEED_BITS_MAX} bits; got {options.seed!s:.60}"
        )
    if options.only and options.count > 1:
        raise ConfigError("--only must be given with one storm; got --count above 1")


def _scenario(options: argparse.Namespace) -> Scenario:
    """Return the scenario of the command line without its faults and what refers to them."""
    scenario = library.find(options.scenario)
    secrets.refuse_literals(to_builtins(scenario), "a storm")
    steady = [objective for objective in scenario.sla if ":" not in objective.window]
    load = with_minutes(scenario.load, options.minutes)
    target = scenario.target
    if options.stack:
        target = msgspec.structs.replace(target, stack=options.stack)
    scenario = msgspec.structs.replace(scenario, faults=[], sla=steady, load=load, target=target)
    for problem in validation.problems(scenario):
        raise ConfigError(f"with these options, {problem.sentence}")
    return scenario


def _only(text: str | None) -> tuple[str, ...] | None:
    if text is None:
        return None
    return () if text == "none" else tuple(text.split(","))


def _check_only(storm: Storm) -> None:
    ids = [fault.id for fault in storm.planned().faults]
    for name in storm.only or ():
        if name not in ids:
            known = ", ".join(ids)
            raise ConfigError(f"--only must be `none`, or some of: {known}; got {name!r}")
