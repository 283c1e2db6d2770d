#!/usr/bin/env python3
"""Write all files that are derived from the code, such as from the descriptions of plug-ins.

    make docs              write the files
    make docs ARGS=--check list the files that are not current, and exit with 1 if there are any

These are the catalogue that the command and the scenario validator read, the JSON Schemas of
scenario files, result.json, capacity.json and plan.json, the picture of docs/architecture.md, the
absolute links of the README, the pages of measured guarantees, of the scorecard and of the fuzzers,
and parts of the reference pages and of docs/benchmarks.md. Such a part stands between two comments:

    <!-- generated: NAME -->
    <!-- end of generated part -->
"""

import json
import re
import sys
import tomllib
from collections.abc import Iterable
from pathlib import Path

import draw_architecture
import msgspec

# The package of the benchmarks is not installed. Last, because the folder `gauntlet` of the
# repository is only a part of the package of this name.
sys.path.append(str(Path(__file__).resolve().parent.parent))

from benchmarks.judge_records import record_rows
from benchmarks.table import markdown
from gauntlet.campaigns import fuzz_records
from gauntlet.campaigns.capacity.outputs import writing as capacity
from gauntlet.campaigns.grades import page as grades_page
from gauntlet.campaigns.grades import records as grades_records
from gauntlet.campaigns.plan import model as plan_model
from gauntlet.campaigns.scorecard import campaign as scorecard
from gauntlet.campaigns.scorecard import mutation
from gauntlet.campaigns.scorecard import page as scorecard_page
from gauntlet.chaos.faults import FAULTS
from gauntlet.cli.listing import failure_table
from gauntlet.core import result_model
from gauntlet.core.plugins import Catalog, FaultKind, Param
from gauntlet.core.scenario import schema
from gauntlet.core.scenario.capabilities import CAPABILITIES
from gauntlet.reports.checks import KINDS as CHECK_KINDS
from gauntlet.reports.metrics.indicators import KINDS as INDICATOR_KINDS
from gauntlet.reports.render.sections import KINDS as SECTION_KINDS
from gauntlet.reports.verdict.guarantees import checks_by_aspect
from gauntlet.scenarios.adapters import ADAPTERS
from gauntlet.scenarios.workloads import WORKLOADS

ROOT = Path(__file__).resolve().parent.parent
CATALOG = ROOT / "gauntlet" / "core" / "scenario" / "catalog.json"
REFERENCE = ROOT / "docs" / "reference"
GRADES = ROOT / "benchmarks" / "records" / "grades.jsonl"
GRADES_PAGE = ROOT / "docs" / "grades.md"
SCORECARD = ROOT / "benchmarks" / "records" / "scorecard.jsonl"
SCORECARD_PAGE = ROOT / "docs" / "scorecard.md"
BENCHMARKS_PAGE = ROOT / "docs" / "benchmarks.md"
FUZZ = ROOT / "benchmarks" / "records" / "fuzz.jsonl"
FUZZ_PAGE = ROOT / "docs" / "fuzzing.md"
SCHEMA = REFERENCE / "scenario.schema.json"
RESULT_SCHEMA = REFERENCE / "result.schema.json"
PLAN_SCHEMA = REFERENCE / "plan.schema.json"
CAPACITY_SCHEMA = REFERENCE / "capacity.schema.json"
PICTURE = ROOT / "docs" / "images" / "architecture.svg"
_PART = re.compile(
    r"(<!-- generated: (?P<name>[\w -]+) -->\n).*?(<!-- end of generated part -->)", re.DOTALL
)
_OTHER_PARTS = {"gate"}  # which `python -m benchmarks.gate` writes, not this command


def collect() -> Catalog:
    """Return the descriptions of all registered plug-ins."""
    return Catalog(
        faults={name: fault.kind for name, fault in FAULTS.items()},
        workloads={name: workload.kind for name, workload in WORKLOADS.items()},
        adapters={name: adapter.kind for name, adapter in ADAPTERS.items()},
        checks=CHECK_KINDS,
        indicators=INDICATOR_KINDS,
        sections=SECTION_KINDS,
    )


def derived(catalog: Catalog) -> dict[Path, str]:
    """Return every derived file with the content that it must have."""
    files = {
        CATALOG: _json(msgspec.to_builtins(catalog)),
        PICTURE: draw_architecture.draw(),
        PLAN_SCHEMA: _json(plan_model.schema()),
        RESULT_SCHEMA: _json(result_model.schema()),
        CAPACITY_SCHEMA: _json(capacity.schema()),
        SCHEMA: _json(schema.build(catalog, key_descriptions())),
        GRADES_PAGE: grades_page.page(grades_records.read(GRADES)),
        FUZZ_PAGE: fuzz_records.page(fuzz_records.read(FUZZ)),
        SCORECARD_PAGE: scorecard_page.page(scorecard.read(SCORECARD), mutation.beside(SCORECARD)),
    }
    parts = page_parts(catalog)
    for page in (*sorted(REFERENCE.glob("*.md")), BENCHMARKS_PAGE):
        text = page.read_text(encoding="utf-8")
        files[page] = _PART.sub(
            lambda match: (
                match[0]
                if match["name"] in _OTHER_PARTS
                else match[1] + parts[match["name"]] + "\n" + match[3]
            ),
            text,
        )
    readme = (ROOT / "README.md").read_text(encoding="utf-8")
    files[ROOT / "README.md"] = _ABSOLUTE_LINK.sub(rf"{_source()}/\1/", readme)
    return files


# A link of the README to this repository, whose address comes from pyproject.toml.
_ABSOLUTE_LINK = re.compile(r"https?://[^\s()]+/(blob/main|raw/main)/")


def _source() -> str:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    return str(project["urls"]["Source"])


def key_descriptions() -> dict[str, dict[str, str]]:
    """Return the explanations of all keys on the scenario page, without their markup.

    The schema contains them, so that editors show the same sentences as the page.
    """
    page = (REFERENCE / "scenario.md").read_text(encoding="utf-8")
    found: dict[str, dict[str, str]] = {}
    for part, (heading, header) in _KEY_TABLES.items():
        section = f"\n{page}".split(f"\n{heading}\n", 1)[1]
        rows = section.split(f"| {header} |", 1)[1].split("\n\n", 1)[0]
        cells = re.findall(r"^\| `(\w+)` \|[^|]*\| (.*) \|$", rows, re.MULTILINE)
        found[part] = {key: _without_markup(text) for key, text in cells}
    return found


# The table that explains the keys of each part of the model: its heading and its first column.
_KEY_TABLES = {
    "Scenario": ("# Scenario file, version 1", "key"),
    "Target": ("## `target`", "key"),
    "Accounts": ("## `accounts`", "key"),
    "Load": ("## `load`", "key"),
    "WorkloadShare": ("## `load`", "parameter of a workload"),
    "Fault": ("## `faults`", "key"),
    "Guard": ("## `guards`", "key"),
}


def _without_markup(text: str) -> str:
    text = re.sub(r",? (see )?\[(below|faults|adapters)\]\([^)]*\)", "", text)
    return re.sub(r"\[([^\]]*)\]\([^)]*\)", r"\1", text).replace("`", "")


def page_parts(catalog: Catalog) -> dict[str, str]:
    """Return the generated parts of pages by name."""
    parts = {
        "records of the judge": markdown(record_rows()),
        "workloads": table(
            ("workload", "conversations", "needs"),
            (
                (f"`{kind.name}`", kind.about, _words(kind.needs))
                for kind in catalog.workloads.values()
            ),
        ),
        "adapters": table(
            ("adapter", "system", "stacks", "declares"),
            (
                (
                    f"`{kind.name}`",
                    kind.about,
                    _words((*kind.stacks, "external")),
                    _words(sorted(kind.capabilities)),
                )
                for kind in catalog.adapters.values()
            ),
        ),
        "capabilities": table(
            ("capability", "meaning"),
            ((f"`{name}`", meaning) for name, meaning in CAPABILITIES.items()),
        ),
        "failure table": failure_table.markdown(),
        "checks": table(
            ("check", "promise", "required by default", "least examined", "needs"),
            (
                (
                    f"`{k.name}`",
                    k.aspect,
                    "yes" if k.required else "no",
                    str(k.examined_min),
                    _words(k.needs),
                )
                for k in catalog.checks.values()
            ),
        ),
        "promises": table(
            ("promise", "checks"),
            (
                (aspect, _words(checks, " "))
                for aspect, checks in checks_by_aspect(catalog.checks).items()
            ),
        ),
        "sections": table(
            ("section", "shows"), ((f"`{k.name}`", k.about) for k in catalog.sections.values())
        ),
    }
    for kind in catalog.faults.values():
        parts[f"fault {kind.name}"] = _fault(kind)
    return parts


def _fault(kind: FaultKind) -> str:
    lines = [f"- Targets: {_targets(kind.targets) or 'none'}"]
    if kind.external:
        lines.append(f"- Targets on an external system: {_targets(kind.external)}")
    if kind.stack:
        lines.append(f"- Only on the stack `{kind.stack}`")
    lines.append("- Params:" if kind.params else "- Params: none")
    lines += [f"  - {_param(name, param)}" for name, param in kind.params.items()]
    return "\n".join(lines)


def _param(name: str, param: Param) -> str:
    choices = f" ({', '.join(f'`{choice}`' for choice in param.choices)})" if param.choices else ""
    return f"`{name}` (default `{str(param.default).lower()}`): {param.about}{choices}"


def _targets(targets: Iterable[str]) -> str:
    words = {
        "role": "a role or component",
        "link": "a link",
        "toxiproxy": "`toxiproxy>NAME`",
    }
    return ", ".join(words.get(target, f"`{target}`") for target in targets)


def _words(words: Iterable[str], separator: str = ", ") -> str:
    return separator.join(f"`{word}`" for word in words) or "–"


def table(header: Iterable[str], rows: Iterable[Iterable[str]]) -> str:
    """Return a Markdown table."""
    head = list(header)
    lines = [f"| {' | '.join(cells)} |" for cells in (head, *rows)]
    return "\n".join([lines[0], "|---" * len(head) + "|", *lines[1:]])


def _json(value: object) -> str:
    return json.dumps(value, indent=2, ensure_ascii=False) + "\n"


def main(arguments: list[str]) -> int:
    """Write the files, or check them; return the exit code."""
    files = derived(collect())
    stale = [
        file
        for file, text in files.items()
        if not file.exists() or file.read_text(encoding="utf-8") != text
    ]
    if "--check" in arguments:
        for file in stale:
            print(f"{file.relative_to(ROOT)} is not current: run `make docs`")
        return 1 if stale else 0
    for file in stale:
        file.write_text(files[file], encoding="utf-8")
        print(f"wrote {file.relative_to(ROOT)}")
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
