"""What GitHub's runner reads: annotations, the job summary, and outputs of the step."""

from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import NamedTuple

from gauntlet.campaigns.gate.outcome import Gate
from gauntlet.campaigns.gate.outputs import markdown, page
from gauntlet.core.errors import Exit
from gauntlet.reports.markdown_text import plain

ANNOTATIONS_MAX = 10  # of one kind in one step: GitHub drops further ones
_MESSAGE_MAX = 4000
_TITLE_MAX = 250


class Annotation(NamedTuple):
    """One annotation: error, warning or notice."""

    kind: str
    title: str
    message: str

    def command(self) -> str:
        """Return the line that the runner turns into the annotation."""
        title = _escaped(plain(self.title)[:_TITLE_MAX]).replace(":", "%3A").replace(",", "%2C")
        return f"::{self.kind} title={title}::{_escaped(plain(self.message)[:_MESSAGE_MAX])}"


def report(gate: Gate, folder: Path, environment: Mapping[str, str]) -> None:
    """Print annotations, and append to the files that the runner names; else do nothing."""
    if environment.get("GITHUB_ACTIONS") != "true":
        return
    for annotation in annotations(gate):
        print(annotation.command(), flush=True)
    _append(environment.get("GITHUB_STEP_SUMMARY"), markdown.summary(gate))
    outputs = f"directory={folder}\npage={folder / page.NAME}\nstatus={gate.verdict.status}\n"
    _append(environment.get("GITHUB_OUTPUT"), f"{outputs}exit-code={gate.verdict.exit_code}\n")


def annotations(gate: Gate) -> list[Annotation]:
    """Return the annotations of a gate, at most ten of each kind; the last one counts the rest."""
    found: dict[str, list[Annotation]] = {}
    for annotation in _all(gate):
        found.setdefault(annotation.kind, []).append(annotation)
    kept = []
    for kind, each in found.items():
        kept += each[:ANNOTATIONS_MAX]
        if (more := len(each) - ANNOTATIONS_MAX) > 0:
            kept[-1] = Annotation(
                kind, f"Gate {gate.suite}", f"and {more + 1} more; see the summary of the job"
            )
    return kept


def _all(gate: Gate) -> Iterator[Annotation]:
    if gate.verdict.exit_code != Exit.OK:
        # Not proven to be wrong, but the job fails as well.
        kind = "warning" if gate.verdict.exit_code == Exit.INCONCLUSIVE else "error"
        title = f"Gate {gate.suite}: {gate.verdict.status}"
        yield from (Annotation(kind, title, reason) for reason in gate.verdict.reasons)
    elif gate.verdict.status == "warn":
        title = f"Gate {gate.suite}: warning"
        yield from (Annotation("warning", title, reason) for reason in gate.verdict.reasons)
    for each in gate.calibration:
        yield Annotation("notice", f"Gate {gate.suite}: {each.scenario}", each.sentence)


def _escaped(text: str) -> str:
    return text.replace("%", "%25").replace("\r", "%0D").replace("\n", "%0A")


def _append(file: str | None, text: str) -> None:
    if file:
        with Path(file).open("a", encoding="utf-8") as stream:
            stream.write(text)
