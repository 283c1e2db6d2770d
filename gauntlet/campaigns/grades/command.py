"""`gauntlet grades`: measure what systems keep and lose, and write the page of guarantees."""

import argparse
from pathlib import Path

import yaml

from gauntlet.campaigns.grades import campaign, page, records, systems
from gauntlet.campaigns.progress import say
from gauntlet.core.errors import ConfigError, Exit

MAX_JOBS = 16


def run(options: argparse.Namespace) -> Exit:
    """Run, show, list or render."""
    if options.show is not None:
        print(_scenario(options.show), end="")
        return Exit.OK
    cells = systems.chosen(options.cells)
    if options.list:
        known = records.read(options.records)
        for cell in cells:
            verdict = known[cell.name].verdict if cell.name in known else "–"
            print(f"{cell.name:40} {verdict}")
        return Exit.OK
    if options.render:
        return _render(options.records, options.page)
    if not 1 <= options.jobs <= MAX_JOBS:
        raise ConfigError(f"--jobs must be between 1 and {MAX_JOBS}; got {options.jobs}")
    return campaign.run(
        cells, options.records, options.out, jobs=options.jobs, again=options.again, say=say
    )


def _scenario(name: str) -> str:
    found = systems.chosen([name])
    if len(found) != 1:
        raise ConfigError(f"--show must be SYSTEM/CONFIGURATION/EXPERIMENT; got {name}")
    return yaml.safe_dump(systems.scenario(found[0]), sort_keys=False)


def _render(file: Path, target: Path) -> Exit:
    if not file.exists():
        raise ConfigError(f"--records must be a file of records; got {file}, which does not exist")
    target.parent.mkdir(parents=True, exist_ok=True)
    target.write_text(page.page(records.read(file)), encoding="utf-8")
    print(f"wrote {target}")
    return Exit.OK
