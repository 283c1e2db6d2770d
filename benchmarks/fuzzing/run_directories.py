"""Run directories: a small run with damage in some of its files is judged, compared and so on."""

import io
import json
import shutil
import tempfile
from pathlib import Path
from random import Random
from typing import Any

from benchmarks.fuzzing.mutations import changed, damaged, written
from benchmarks.fuzzing.target import Target, Wrong
from gauntlet.campaigns.synthetic.histories import good_story
from gauntlet.core.errors import GauntletError
from gauntlet.core.run_directory import RunDir, write_json
from gauntlet.reports.archive import listing
from gauntlet.reports.comparison import compare
from gauntlet.reports.interchange.export import export_lines
from gauntlet.reports.render import comparison
from gauntlet.reports.render.render import render, render_saved
from gauntlet.reports.verdict.judge import judge


class RunDirectories(Target):
    """One directory an input, for one of the commands that read it. A result must be JSON."""

    cpu_max_s = 20.0  # of a report with its charts

    def __init__(self) -> None:
        self._folder = tempfile.TemporaryDirectory(prefix="gauntlet-fuzzing-")
        story = good_story(4, rate=8)
        self._run = story.write(Path(self._folder.name) / "good").path
        write_json(RunDir(self._run).result, judge(RunDir(self._run)))
        self._files = [each for each in sorted(self._run.rglob("*")) if each.is_file()]
        self._contents = {each: each.read_bytes() for each in self._files}

    def try_input(self, rng: Random) -> None:
        copy = Path(self._folder.name) / "input" / self._run.name
        shutil.rmtree(copy.parent, ignore_errors=True)
        shutil.copytree(self._run, copy)
        for file in rng.sample(self._files, rng.choice((1, 1, 1, 2, 3))):
            (copy / file.relative_to(self._run)).write_bytes(self._damaged(rng, file))
        try:
            self._use(rng.random(), RunDir(copy))
        except GauntletError:
            return
        except ValueError as error:
            if "not JSON compliant" in str(error):
                raise Wrong(f"the result is no JSON: {error}") from error
            raise

    def _use(self, which: float, run: RunDir) -> None:
        """Do what a command does; rendering takes many times as long as judging."""
        if which < 0.15:
            export_lines(run, io.StringIO())
        elif which < 0.25:
            runs = compare.load([self._run, run.path])
            found = compare.compare(runs)
            json.dumps(found, allow_nan=False)
            if which < 0.16:
                comparison.write(run.path.parent / "compared.html", found, runs)
        elif which < 0.3:
            listing.entries(run.path.parent)
        elif which < 0.34:
            render_saved(run)
        else:
            result = judge(run)
            json.dumps(result, allow_nan=False)
            if which > 0.98:
                render(run, result)

    def _damaged(self, rng: Random, file: Path) -> bytes:
        content = self._contents[file]
        if file.suffix == ".json" and rng.random() < 0.8:
            return written(rng, changed(rng, json.loads(content)))
        if file.suffix == ".jsonl" and rng.random() < 0.8:
            return _damaged_rows(rng, content)
        return damaged(rng, content, list(self._contents.values()))

    def close(self) -> None:
        self._folder.cleanup()


def _damaged_rows(rng: Random, content: bytes) -> bytes:
    """Return JSON lines in which some rows have other values, or another place."""
    rows: list[Any] = [json.loads(line) for line in content.splitlines()]
    if not rows:
        return content
    for _ in range(rng.choice((1, 1, 2, 5))):
        at = rng.randrange(len(rows))
        kind = rng.random()
        if kind < 0.15:
            rows[at:at] = [rng.choice(rows)]
        elif kind < 0.3 and len(rows) > 1:
            del rows[at]
        else:
            rows[at] = changed(rng, rows[at])
    return b"".join(written(rng, row) + b"\n" for row in rows)
