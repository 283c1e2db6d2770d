"""`gauntlet gate`: runs the scenarios of a suite, and decides whether a change may proceed."""

import argparse
import os
from pathlib import Path

import msgspec

from gauntlet.campaigns.gate import measurable, questions, subjects, suite
from gauntlet.campaigns.gate.campaign import Campaign, Plan
from gauntlet.campaigns.gate.comparing import baseline, past_calibration
from gauntlet.campaigns.gate.outcome import Gate
from gauntlet.campaigns.gate.outputs import github, page, terminal, writing
from gauntlet.campaigns.gate.runner import Runner
from gauntlet.campaigns.gate.subjects import Subject
from gauntlet.campaigns.gate.suite import Compare, Suite
from gauntlet.core import run_directory
from gauntlet.core.errors import ConfigError, Exit
from gauntlet.core.scenario.overrides import sla_file
from gauntlet.core.scenario.overrides.sla_file import Sla
from gauntlet.runner import manifest

_AA_PAIRS = 10


def run(options: argparse.Namespace) -> Exit:
    """Run a gate; the exit code is the most severe of its runs and comparisons."""
    plan = plan_of(options)
    folder = options.out / plan.id
    try:
        folder.mkdir(parents=True, mode=0o700)
    except OSError as error:
        raise ConfigError(
            f"--out must be a folder that can be written to; got {options.out}"
        ) from error
    child_options = ("--allow-exec",) if options.allow_exec else ()
    runner = Runner(folder / "runs", plan.suite.labels, child_options)
    gate = Campaign(plan, runner, terminal.say).run()
    finish(gate, folder)
    return Exit(gate.verdict.exit_code)


def finish(gate: Gate, folder: Path) -> None:
    """Write and print what the gate decided; the last lines name its page and its directory."""
    writing.write(gate, folder)
    terminal.show(gate)
    github.report(gate, folder, os.environ)
    terminal.say(f"gate-page: {folder / page.NAME}")
    terminal.say(f"gate-directory: {folder}")


def plan_of(options: argparse.Namespace) -> Plan:
    """Return what the gate does; ConfigError if the suite or an option is not valid."""
    found = _with_options(suite.load(options.suite), options)
    sla = _sla(found, options)
    chosen = subjects.candidates(found, options.suite.parent, sla, options.set, options.bug or "")
    plan = Plan(
        id=run_directory.run_id(found.name, 0),
        suite=found,
        subjects=chosen,
        machine=manifest.machine(),
    )
    if options.calibrate:
        return _calibration(plan, sla, options)
    if found.compare is None:
        return plan
    compared = subjects.compared(chosen, found.compare)
    references: list[Subject] = []
    if found.compare.against is not None:
        against = subjects.located(found.compare.against, options.suite.parent)
        references = [subjects.reference(each, against) for each in compared]
    asked = questions.collect(compared, references, found.compare, sla)
    measurable.check(sla.relative, compared, references, _files(options))
    # A bug of the candidate is for trying the gate; one of the baseline makes it useless.
    digests = {each.name: each._replace(bug="").digest for each in chosen}
    plan = plan._replace(
        questions=asked,
        past_calibration=past_calibration.last(options.out, plan.suite.name, plan.machine, digests),
    )
    if references:
        return plan._replace(references=references)
    folder = options.suite.parent / (found.compare.baseline or "")
    own = {each.name: digests[each.name] for each in compared}
    stored = baseline.read(folder, plan.machine, own)
    measurable.check_baseline(asked, stored.sessions, folder)
    return plan._replace(baseline=stored)


def _calibration(plan: Plan, sla: Sla, options: argparse.Namespace) -> Plan:
    """Return a plan in which both versions are the candidate."""
    compare = plan.compare
    compared = subjects.compared(plan.subjects, compare)
    measurable.check(sla.relative, compared, (), _files(options))
    return plan._replace(
        references=compared,
        questions=questions.collect(compared, (), compare, sla),
        aa_pairs=options.pairs or _AA_PAIRS,
    )


def _files(options: argparse.Namespace) -> list[Path]:
    """Return the files with objectives; those of a later one replace those of an earlier one."""
    return [options.suite] if options.sla is None else [options.suite, options.sla]


def _with_options(found: Suite, options: argparse.Namespace) -> Suite:
    if options.repeat is not None:
        if not 1 <= options.repeat <= suite.REPEAT_MAX:
            raise ConfigError(
                f"--repeat must be between 1 and {suite.REPEAT_MAX}; got {options.repeat}"
            )
        found = msgspec.structs.replace(found, repeat=options.repeat)
    if options.pairs is None:
        return found
    if not suite.PAIRS_MIN <= options.pairs <= suite.PAIRS_MAX:
        raise ConfigError(
            f"--pairs must be between {suite.PAIRS_MIN} and {suite.PAIRS_MAX}; got {options.pairs}"
        )
    if options.calibrate:
        return found
    if found.compare is None or found.compare.against is None:
        raise ConfigError("--pairs needs a suite with compare.against, or --calibrate")
    return msgspec.structs.replace(found, compare=_with_pairs(found.compare, options.pairs))


def _with_pairs(compare: Compare, pairs: int) -> Compare:
    most = None if compare.max_pairs is None else max(pairs, compare.max_pairs)
    return msgspec.structs.replace(compare, pairs=pairs, max_pairs=most)


def _sla(found: Suite, options: argparse.Namespace) -> Sla:
    """Return the objectives of the suite, and of the option, which win."""
    own = sla_file.by_kind(found.sla, lambda *path: f"{options.suite}: {path}")
    if options.sla is None:
        return own
    further = sla_file.read(options.sla)
    if further.relative and found.compare is None and not options.calibrate:
        raise ConfigError(
            f"{options.sla}: {further.relative[0].id!r:.60} is relative to a baseline, so the "
            "suite must say under `compare` what that is"
        )
    ids = {each.id for each in further.absolute} | {each.id for each in further.relative}
    return Sla(
        (*(each for each in own.absolute if each.id not in ids), *further.absolute),
        (*(each for each in own.relative if each.id not in ids), *further.relative),
    )
