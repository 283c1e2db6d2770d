"""Run a campaign of faults: `python -m benchmarks.resilience kills --total 1000`.

Every run is appended to a file of `benchmarks/records`, and what it has is not repeated: the same
command continues a campaign that was interrupted. When it ends, docs/fault-campaigns.md is written
from all records. The exit code is 1 if a promise was broken or something was left behind, and 2
after Ctrl-C, SIGTERM or SIGHUP.
"""

import argparse
from collections.abc import Sequence
from pathlib import Path

from benchmarks.resilience import campaigns, endurance, interrupts, page, records, storm_bugs
from benchmarks.resilience import deaths as deaths_of_harness
from benchmarks.resilience.kills import STACKS
from gauntlet.campaigns import record_files
from gauntlet.core.errors import Exit, Interrupted


def main(arguments: Sequence[str] | None = None) -> int:
    """Run a campaign, and write the page."""
    options = _parser().parse_args(arguments)
    bad = False
    try:
        with interrupts.raised_once():
            bad = options.run(options)
    except (KeyboardInterrupt, Interrupted):
        _say("interrupted; the same command continues the campaign")
        return Exit.INTERRUPTED
    finally:
        if options.records in records.FILES:
            page.write()
    return int(bad)


def _kills(options: argparse.Namespace) -> bool:
    stacks = [options.stack] if options.stack else STACKS
    found = campaigns.kill_until(
        options.total, stacks, options.per_run, options.records, bug=options.bug, say=_say
    )
    return campaigns.count(found) < options.total or any(map(campaigns.is_bad, found))


def _deaths(options: argparse.Namespace) -> bool:
    found = campaigns.die_until(options.total, options.scenario, options.records, _say)
    wrong = any(record.left or record.recover_code for record in found)
    return len(found) < options.total or wrong


def _bugs(options: argparse.Namespace) -> bool:
    chosen = storm_bugs.subjects(options.names)
    missed = []
    for search in storm_bugs.search_all(chosen, options.records, options.out, _say):
        result = "found" if search.found else "not found"
        _say(f"{search.bug}: {result} in {len(search.storms)} storms")
        missed += [] if search.found else [search.bug]
    return bool(missed)


def _endurance(options: argparse.Namespace) -> bool:
    record = endurance.run(options.name, options.stack or "embedded", options.minutes, _say)
    record_files.append(options.records, record)
    return not record.held


def _page(_: argparse.Namespace) -> bool:
    return False


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m benchmarks.resilience", description=__doc__)
    commands = parser.add_subparsers(required=True)

    kills = commands.add_parser("kills", help="random kills and stops of components")
    kills.add_argument("--total", type=int, default=1000, help="disruptions (default: 1000)")
    kills.add_argument("--per-run", type=int, default=40, help="of them in one run (default: 40)")
    kills.add_argument("--stack", choices=STACKS, help="default: both, in turn")
    kills.add_argument("--bug", default="", metavar="MODULE", help="a seeded bug of the messages")
    kills.set_defaults(run=_kills)

    deaths = commands.add_parser("deaths", help="random kills of the harness")
    deaths.add_argument("--scenario", choices=deaths_of_harness.SCENARIOS, default="faults")
    deaths.add_argument("--total", type=int, default=100, help="deaths (default: 100)")
    deaths.set_defaults(run=_deaths)

    bugs = commands.add_parser("bugs", help="storms that look for the seeded bugs")
    bugs.add_argument("names", nargs="*", help="default: all")
    bugs.add_argument("--out", type=Path, default=Path("runs/storm-bugs"))
    bugs.set_defaults(run=_bugs)

    held = commands.add_parser("endurance", help="what the server holds for long")
    held.add_argument("name", choices=endurance.MEASUREMENTS)
    held.add_argument("--stack", choices=STACKS)
    held.add_argument("--minutes", type=float, default=10.0, help="of `churn` (default: 10)")
    held.set_defaults(run=_endurance)

    commands.add_parser("page", help="write the page").set_defaults(
        run=_page, records=records.KILLS
    )
    for command, file in (
        (kills, records.KILLS),
        (deaths, records.DEATHS),
        (bugs, records.STORMS),
        (held, records.ENDURANCE),
    ):
        command.add_argument("--records", type=Path, default=file)
    return parser


def _say(text: str) -> None:
    print(text, flush=True)


if __name__ == "__main__":
    raise SystemExit(main())
