"""Runs what has no record yet, and appends a record for each run.

A campaign that is interrupted goes on where it stopped: runs have seeds, and those of the records
are not repeated.
"""

import itertools
import time
from collections.abc import Callable, Iterable, Sequence
from pathlib import Path

from benchmarks.resilience import deaths, kills
from benchmarks.resilience.records import DeathRecord, KillsRecord
from gauntlet.campaigns import record_files
from gauntlet.core.errors import StackError

Say = Callable[[str], None]

_FAILURES_MAX = 3  # in succession: then something is wrong with the machine, and not with chance


def kill_until(
    total: int, stacks: Sequence[str], per_run: int, file: Path, *, bug: str, say: Say
) -> list[KillsRecord]:
    """Kill and stop components, the stacks in turn, until so many disruptions are recorded.

    Runs with a seeded bug are records of their own: they show that the clients notice one.
    """

    def known() -> list[KillsRecord]:
        return [each for each in record_files.read(file, KillsRecord) if each.bug == bug]

    began_s, before, failures = time.monotonic(), count(known()), 0
    seeds = {stack: itertools.count(1) for stack in stacks}
    for stack in itertools.cycle(stacks):
        records = known()
        if count(records) >= total or failures == _FAILURES_MAX:
            break
        taken = {each.seed for each in records if each.stack == stack}
        seed = next(seed for seed in seeds[stack] if seed not in taken)
        say(f"{stack}, seed {seed}: {per_run} disruptions")
        try:
            record = kills.run(stack, seed, per_run, hooks=[bug] if bug else ())
        except StackError as error:  # it did not boot
            failures += 1
            say(f"  no result: {error}")
            continue
        # A run without disruptions brings the campaign no nearer to its end.
        failures = 0 if record.count else failures + 1
        record_files.append(file, record)
        for line in described(record):
            say(f"  {line}")
        done = count(known())
        minutes = (time.monotonic() - began_s) / 60
        say(f"  {done:,} of {total:,} recorded, {(done - before) / minutes:.0f} a minute")
    return known()


def count(records: Iterable[KillsRecord]) -> int:
    """Return the number of disruptions of all records."""
    return sum(record.count for record in records)


def is_bad(record: KillsRecord) -> bool:
    """Whether a promise was broken, the server did not recover, or a client ended early."""
    wrong = (record.refused, record.not_restored, record.client_errors)
    return any(record.violations.values()) or not record.complete or any(wrong)


def described(record: KillsRecord) -> list[str]:
    """Return lines about a run."""
    summary = (
        f"{record.count} disruptions in {record.seconds:.0f} s, {record.acked:,} messages "
        f"acknowledged, {record.received:,} entries received on {record.connections} connections"
    )
    lines = [summary]
    if not record.complete:
        lines.append(f"not complete: {record.unanswered} messages without an answer")
    if record.refused:
        lines.append(f"{record.refused} messages were refused")
    lines += [f"not restored: {each}" for each in record.not_restored]
    lines += [f"a client failed: {each}" for each in record.client_errors]
    return [*lines, *record.examples, *record.errors]


def die_until(total: int, scenario: str, file: Path, say: Say) -> list[DeathRecord]:
    """Kill the harness in so many runs of a scenario, with further seeds after those recorded."""

    def known() -> list[DeathRecord]:
        return [each for each in record_files.read(file, DeathRecord) if each.scenario == scenario]

    failures = 0
    for seed in itertools.count():
        records = known()
        if len(records) >= total or failures == _FAILURES_MAX:
            break
        if seed in {record.seed for record in records}:
            continue
        try:
            with deaths.trial(scenario, seed) as trial:
                record = trial.run()
        except deaths.EndedEarly as error:
            failures += 1
            say(f"{scenario}, seed {seed}: {error}")
            continue
        failures = 0
        record_files.append(file, record)
        say(
            f"{scenario}, seed {seed}, {record.stack}: dead {record.after_s} s into the "
            f"{record.phase} with {', '.join(record.acting) or 'no fault'}; {record.before}; "
            f"recovered in {record.recover_s} s (exit {record.recover_code}); "
            f"left: {'; '.join(record.left) or 'nothing'}"
        )
    return known()
