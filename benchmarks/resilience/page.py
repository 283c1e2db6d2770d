"""The page of the campaigns, made from their records alone."""

from collections import Counter
from collections.abc import Iterable, Sequence
from pathlib import Path

from benchmarks.resilience import campaigns, death_scenarios, storm_bugs
from benchmarks.resilience.examination import PROMISES
from benchmarks.resilience.records import (
    DEATHS,
    ENDURANCE,
    KILLS,
    ROOT,
    STORMS,
    DeathRecord,
    EnduranceRecord,
    Evidence,
    KillsRecord,
)
from gauntlet.campaigns import record_files
from gauntlet.campaigns.markdown import item, paragraph, table
from gauntlet.campaigns.storm.campaign import Record as StormRecord

PAGE = ROOT / "docs" / "fault-campaigns.md"
_NONE = "There are no records yet.\n"

_HEAD = """\
# Campaigns of faults

<!-- Generated from benchmarks/records by `python -m benchmarks.resilience page`: do not edit. -->

This page shows what long campaigns of random faults found, of the reference server and of the
harness itself. Each run is a line of a file in `benchmarks/records`. A campaign that is interrupted
continues with the same command.
"""
_KILLS = """\
## Kills and stops of components

```bash
python -m benchmarks.resilience kills --total 1000
```

Components are killed (SIGKILL), terminated (SIGTERM) and stopped (SIGSTOP) at random, up to three
at a time, while 24 users with 32 devices write to each other. The users are clients that share no
code with the load engine, and their records are compared with the store by code that shares none
with the judge. Every acknowledged message must be stored once, at the position of its
acknowledgement, in the order of its sender, and received by every device of a member and by no
other one.
"""
_DEATHS = """\
## Deaths of the harness

```bash
python -m benchmarks.resilience deaths --scenario faults --total 100
python -m benchmarks.resilience deaths --scenario tour --total 20
python -m benchmarks.resilience deaths --scenario toxiproxy --total 20
```

The process of `gauntlet run` is killed (SIGKILL) at a random time: while it starts, under load, or
at the end. The scenario `faults` lasts 14 s and has up to seven random faults, one of them of the
kind `command`; consecutive runs take turns with the kinds. Then `gauntlet recover` runs. Afterwards
nothing of the run may be left: no process, running or stopped, no file, mount, control group,
packet filter or shared memory, and no effect of the command. The faults of `toxiproxy` act in a
Toxiproxy in front of a server, both of which keep running: none of their toxics may be left.
"""
_STORMS = """\
## Storms

```bash
gauntlet storm --count 20 --records benchmarks/records/storms.jsonl
gauntlet storm --count 20 --stack full --records benchmarks/records/storms.jsonl
```

[Random faults](howto/storm.md) on the reference server without a seeded bug. Every storm must pass.
"""
_BUGS = f"""\
## Seeded bugs found by storms

```bash
python -m benchmarks.resilience bugs
```

Each seeded bug is looked for by at most {storm_bugs.BUDGET} storms of {60 * storm_bugs.MINUTES:g}
seconds, on the load of its run in the [scorecard](scorecard.md), but without the faults of that
run. A storm that fails has found the bug.
"""
_ENDURANCE = """\
## Held for long

```bash
python -m benchmarks.resilience endurance connections
python -m benchmarks.resilience endurance members
python -m benchmarks.resilience endurance churn --minutes 60
```

- `connections`: one user opens 10,000 connections. All above the limit of each edge are refused,
  two other users notice nothing, and the edges keep neither memory nor descriptors.
- `members`: a room of 100,000 members refuses one more, and delivers to those who are online.
- `churn`: 24,000 users log in and connect once, which fills the caches of the processes. Then
  connections, logins and rooms come and go. The growth of memory is a line through the means of ten
  blocks, with its 95 % interval; a role that certainly grows by more than 10 % in an hour has
  failed. When all users have left, no connection, task or key of theirs may be left, and no more
  descriptors than at the beginning of the load. The run of an hour began with empty caches, so that
  its growth is theirs: the token of each login and the path of each call, up to 10,000 and 8,192.
"""


def write() -> None:
    """Write the page from the committed records."""
    PAGE.write_text(page(ROOT), encoding="utf-8")


def page(root: Path) -> str:
    """Return the page of the records below a source tree."""
    kills = list(record_files.read(root / KILLS.relative_to(ROOT), KillsRecord))
    deaths = list(record_files.read(root / DEATHS.relative_to(ROOT), DeathRecord))
    file = root / STORMS.relative_to(ROOT)
    storms = [each for each in record_files.read(file, StormRecord) if not each.bug]
    held = list(record_files.read(root / ENDURANCE.relative_to(ROOT), EnduranceRecord))
    parts = [
        _HEAD,
        _KILLS,
        kills_part(kills),
        _DEATHS,
        deaths_part(deaths),
        _STORMS,
        storms_part(storms),
        _BUGS,
        bugs_part(list(storm_bugs.searches(file).values())),
        _ENDURANCE,
        endurance_part(held),
    ]
    return "\n".join(parts).rstrip() + "\n"


def kills_part(records: Sequence[KillsRecord]) -> str:
    """Return the table of the kills, and the runs with a seeded bug below it."""
    if not records:
        return _NONE
    clean = [record for record in records if not record.bug]
    stacks = sorted({record.stack for record in clean})
    rows = [_kills_row([each for each in clean if each.stack == stack]) for stack in stacks]
    header = ["stack", "runs", "kills", "terminations", "stops", "acknowledged", "received"]
    lines = [_NONE]
    if clean:  # and not only runs with a seeded bug
        lines = [table([*header, *PROMISES], rows), ""]
        lines += [_measured(each.evidence for each in clean), "", *_wrong(clean)]
    bugs = [record for record in records if record.bug]
    if bugs:
        text = "The clients notice a server that breaks its promises: with a seeded bug, "
        found = sum(any(record.violations.values()) for record in bugs)
        lines += [paragraph(f"{text}{found} of {len(bugs)} runs found violations."), ""]
    return "\n".join(lines)


def _kills_row(records: Sequence[KillsRecord]) -> list[str]:
    """Return the row of one stack, of which these are the records."""
    actions, broken = Counter[str](), Counter[str]()
    for record in records:
        actions.update({name: sum(each.values()) for name, each in record.disruptions.items()})
        broken.update(record.violations)
    return [
        f"`{records[0].stack}`",
        str(len(records)),
        *(f"{actions[name]:,}" for name in ("kill", "terminate", "pause")),
        f"{sum(record.acked for record in records):,}",
        f"{sum(record.received for record in records):,}",
        *(str(broken[promise]) for promise in PROMISES),
    ]


def _wrong(records: Iterable[KillsRecord]) -> list[str]:
    bad = [record for record in records if campaigns.is_bad(record)]
    items = [
        item(f"`{record.stack}`, seed {record.seed}: {'; '.join(campaigns.described(record)[1:])}")
        for record in bad
    ]
    return ["Runs in which something was wrong:", "", *items, ""] if items else []


def deaths_part(records: Sequence[DeathRecord]) -> str:
    """Return the table of the deaths, and what was left."""
    if not records:
        return _NONE
    places = sorted({(record.scenario, record.stack) for record in records})
    rows = [
        _deaths_row([each for each in records if (each.scenario, each.stack) == place])
        for place in places
    ]
    header = [
        "scenario", "stack", "dead at the start", "under load", "at the end", "with faults acting",
        "processes left by it", "of them stopped", "runs with anything left after recovery",
        "slowest recovery",
    ]  # fmt: skip
    acting = {kind for record in records for kind in record.acting if record.scenario == "faults"}
    kinds = acting & {*death_scenarios.KINDS, "command"}
    count = len(death_scenarios.KINDS) + 1
    text = f"{len(kinds)} of {count} kinds of faults acted at a death."
    missing = {*death_scenarios.KINDS, "command"} - kinds
    if 0 < len(missing) <= 10:
        text += f" Not yet: {', '.join(f'`{kind}`' for kind in sorted(missing))}."
    lines = [table(header, rows), "", paragraph(text), ""]
    lines += [_measured(record.evidence for record in records), ""]
    items = [
        item(
            f"`{each.scenario}`, seed {each.seed} on `{each.stack}`: exit {each.recover_code}; "
            f"{'; '.join(each.left) or 'nothing left'}"
        )
        for each in records
        if each.left or each.recover_code
    ]
    return "\n".join([*lines, *(["What was left:", "", *items, ""] if items else [])])


def _deaths_row(records: Sequence[DeathRecord]) -> list[str]:
    """Return the row of one scenario on one stack, of which these are the records."""
    return [
        f"`{records[0].scenario}`",
        f"`{records[0].stack}`",
        *(str(sum(each.phase == phase for each in records)) for phase in ("boot", "load", "end")),
        str(sum(bool(each.acting) for each in records)),
        str(sum(each.before["processes"] for each in records)),
        str(sum(each.before["stopped"] for each in records)),
        str(sum(bool(each.left or each.recover_code) for each in records)),
        f"{max(each.recover_s for each in records):.0f} s",
    ]


def storms_part(records: Sequence[StormRecord]) -> str:
    """Return the table of the storms, and those that failed."""
    if not records:
        return _NONE
    last = {record.key: record for record in records}.values()
    rows = []
    for stack in sorted({record.stack for record in last}):
        mine = [record for record in last if record.stack == stack]
        kinds = {fault.split()[1] for record in mine for fault in record.faults}
        codes = Counter(record.outcome.exit_code for record in mine)
        rows.append(
            [
                f"`{stack}`",
                str(len(mine)),
                str(sum(len(record.faults) for record in mine)),
                str(len(kinds)),
                str(codes[0]),
                str(sum(record.outcome.red for record in mine)),
                str(sum(not record.outcome.is_verdict for record in mine)),
            ]
        )
    header = ["stack", "storms", "faults", "kinds", "passed", "failed", "without a verdict"]
    items = [
        item(
            f"`{record.stack}`, seed {record.seed}, exit {record.outcome.exit_code}: "
            f"{' '.join(record.outcome.reason.split())}"
        )
        for record in last
        if record.outcome.exit_code
    ]
    return "\n".join([table(header, rows), "", *items, ""])


def bugs_part(searches: Sequence[storm_bugs.Search]) -> str:
    """Return the table of the searches for bugs."""
    if not searches:
        return _NONE
    rows = []
    for search in sorted(searches):
        red = [record.outcome for record in search.storms if record.outcome.red]
        first = next(iter(red[0].failed), "") if red else ""
        state = "found" if search.found else "not found" if search.is_over else "not yet found"
        rows.append(
            [f"`{search.bug}`", state, str(len(search.storms)), f"`{first}`" if first else "–"]
        )
    found = sum(search.found for search in searches)
    text = f"{found} of {len(searches)} bugs were found."
    header = ["bug", "result", "storms", "first failed"]
    return "\n".join([paragraph(text), "", table(header, rows), ""])


def endurance_part(records: Sequence[EnduranceRecord]) -> str:
    """Return all records: they differ in their lengths and in what they began with."""
    if not records:
        return _NONE
    lines = []
    for record in records:
        verdict = "held" if record.held else f"failed: {'; '.join(record.failures)}"
        # `+ 0` makes 0.0 of -0.0.
        figures = "; ".join(f"{name}: {value + 0:,g}" for name, value in record.figures.items())
        text = (
            f"`{record.name}` on `{record.stack}`, {record.seconds:,.0f} s: {verdict}. {figures}."
        )
        lines.append(item(text))
    return "\n".join([*lines, "", _measured(each.evidence for each in records), ""])


def _measured(found: Iterable[Evidence]) -> str:
    every = list(found)
    dates = sorted({each.date for each in every})
    commits = sorted({each.commit or "unknown" for each in every})
    when = dates[0] if len(dates) == 1 else f"{dates[0]} to {dates[-1]}"
    busy = sum(each.load > 1 for each in every)
    text = f"Measured: {when}. Gauntlet: {', '.join(commits)}."
    if busy:
        text += f" {busy} of {len(every)} runs ended while the load average was above 1 per core."
    return paragraph(text)
