"""`make bench-judge`: whether verdicts can be relied on, and how long the judge takes for them.

The first rows come from the committed records of `gauntlet scorecard` and `benchmarks.mutation`.
For the others, histories are generated (`benchmarks.histories`), and each is judged in a process of
its own, with all checks, indicators and the report. Memory is the largest sum of the proportional
set sizes of the process and its children, which counts shared pages once (of the resident sizes,
where the system does not report that). A row with a target that is not measured is extrapolated: it
lies on the line through a tour and the largest row of its kind.
"""

import argparse
import json
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import psutil

from benchmarks.histories import Size, generate
from benchmarks.judge_records import record_rows
from benchmarks.progress import print_progress
from benchmarks.table import Row, machine, markdown, plain

SAMPLE_S = 0.05
MB = 1_000_000
_CHILD = """
import json, os, sys
from pathlib import Path
from gauntlet.core.run_directory import RunDir, write_json
from gauntlet.reports.render.render import render
from gauntlet.reports.verdict.judge import judge
run = RunDir(Path(sys.argv[1]))
result = judge(run)
write_json(run.result, result)
render(run, result)
spent = sum(os.times()[:4])  # of the children too
print(json.dumps({"cpu_s": spent, "status": result["verdict"]["status"]}))
"""


@dataclass(frozen=True)
class Target:
    """What a size must reach."""

    wall_s: float
    memory_mb: float = float("inf")

    def __str__(self) -> str:
        memory = f", ≤ {self.memory_mb:,.0f} MB" if self.memory_mb < float("inf") else ""
        return f"≤ {self.wall_s:.0f} s{memory}"


@dataclass(frozen=True)
class Measured:
    """What judging one history took; `status` is that of the verdict."""

    wall_s: float
    cpu_s: float
    memory_mb: float
    status: str

    def toward(self, other: "Measured", factor: float) -> "Measured":
        """Return the point on the line from this to another, which is at the factor 1."""

        def along(begin: float, end: float) -> float:
            return begin + factor * (end - begin)

        return Measured(
            along(self.wall_s, other.wall_s),
            along(self.cpu_s, other.cpu_s),
            along(self.memory_mb, other.memory_mb),
            other.status,
        )


# Deliveries, and whether one conversation holds them all.
ROWS: dict[str, tuple[int, bool]] = {
    "tour": (50_000, False),
    "million": (10**6, False),
    "ten-million": (10**7, False),
    "ten-million-solo": (10**7, True),
    "hundred-million": (10**8, False),
    "hundred-million-solo": (10**8, True),
}
TARGETS = {
    "tour": Target(1),
    "hundred-million": Target(45, 1_200),
    "hundred-million-solo": Target(60, 2_000),
}
BYTES_PER_DELIVERY = 80  # of records, of which a delivery in a room of five has 1.8


def measure(run: Path) -> Measured:
    """Judge a run directory and render its report, in a process of its own."""
    begun = time.perf_counter()
    command = [sys.executable, "-c", _CHILD, str(run)]
    memory = 0
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as child:
        while child.poll() is None:
            memory = max(memory, sum(_sizes(child.pid)))
            time.sleep(SAMPLE_S)
        wall_s = time.perf_counter() - begun
        output = child.stdout.read() if child.stdout else ""
    if child.returncode:
        raise SystemExit(f"judging {run} failed with exit {child.returncode}")
    answer = json.loads(output.splitlines()[-1])
    return Measured(wall_s, answer["cpu_s"], memory / MB, answer["status"])


def _sizes(pid: int) -> Iterator[int]:
    """Yield the memory of a process and of each of its children, as far as they still exist."""
    try:
        parent = psutil.Process(pid)
        processes = [parent, *parent.children(recursive=True)]
    except psutil.NoSuchProcess:
        return
    for process in processes:
        try:
            info = process.memory_full_info()
        except (psutil.NoSuchProcess, psutil.AccessDenied):
            continue
        yield int(getattr(info, "pss", info.rss))


def fits(folder: Path, deliveries: int) -> bool:
    """Return whether a history of that size can be written, and some space remains."""
    return shutil.disk_usage(folder).free > 1.2 * BYTES_PER_DELIVERY * deliveries


def row(name: str, deliveries: int, measured: Measured, extrapolated_from: str = "") -> Row:
    """Return the row of the table for what was measured."""
    size, solo = ROWS[name]
    what = f"{deliveries:,} deliveries" + (" in one conversation" if solo else "")
    target = TARGETS.get(name) if deliveries == size else None
    met = None
    if target and not extrapolated_from:
        met = measured.wall_s <= target.wall_s and measured.memory_mb <= target.memory_mb
    return Row(
        name,
        f"{what}, all checks and the report",
        f"{measured.wall_s:.1f} s, {measured.cpu_s:.1f} CPU-s, {measured.memory_mb:,.0f} MB; "
        + (f"extrapolated from {extrapolated_from}" if extrapolated_from else measured.status),
        str(target or ""),
        f"{1e6 * measured.cpu_s / deliveries:.1f} CPU-µs and "
        f"{1e6 * measured.memory_mb / deliveries:,.0f} bytes a delivery",
        met,
    )


def extrapolated(measured: dict[str, tuple[int, Measured]]) -> Iterator[Row]:
    """Yield the rows with a target that were not measured, from a tour and the largest alike."""
    small, least = measured.get("tour", (0, Measured(0, 0, 0, "")))
    for name in [each for each in TARGETS if each not in {"tour", *measured}]:
        deliveries, solo = ROWS[name]
        alike = [other for other in measured if other != "tour" and ROWS[other][1] == solo]
        source = max(alike, key=lambda other: measured[other][0], default="")
        size, found = measured.get(source, (0, least))
        if size > small:
            factor = (deliveries - small) / (size - small)
            yield row(name, deliveries, least.toward(found, factor), source)


def main(arguments: Sequence[str] | None = None) -> int:
    """Measure the rows and print the table; 1 if a history of a correct run did not pass."""
    parser = argparse.ArgumentParser(prog="make bench-judge", description=__doc__.split("\n", 1)[0])
    parser.add_argument("--only", nargs="+", choices=ROWS, default=ROWS, help="these rows")
    parser.add_argument("--deliveries", type=int, help="another size of all rows, for a trial")
    parser.add_argument("--markdown", action="store_true", help="print the table for the docs")
    options = parser.parse_args(arguments)
    measured: dict[str, tuple[int, Measured]] = {}
    for name in options.only:
        deliveries, solo = ROWS[name]
        deliveries = options.deliveries or deliveries
        with tempfile.TemporaryDirectory(prefix="gauntlet-bench-") as folder:
            if not fits(Path(folder), deliveries):
                print_progress(f"{name}: not measured, because the disk has too little space")
                continue
            print_progress(f"{name}: generating {deliveries:,} deliveries")
            run = generate(Path(folder) / "run", Size.of(deliveries, solo=solo))
            print_progress(f"{name}: judging")
            measured[name] = deliveries, measure(run.path)
    rows = [
        *record_rows(),
        *(row(name, *found) for name, found in measured.items()),
        *extrapolated(measured),
    ]
    print(markdown(rows) if options.markdown else plain(rows))
    print(f"\n{machine()}")
    return 0 if all(found.status == "pass" for _, found in measured.values()) else 1


if __name__ == "__main__":
    sys.exit(main())
