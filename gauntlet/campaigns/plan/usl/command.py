"""`gauntlet plan --from`: fits scaling data, and writes what it says."""

from pathlib import Path

import msgspec

from gauntlet.campaigns.plan.outputs import writing
from gauntlet.campaigns.plan.outputs.text import scalar
from gauntlet.campaigns.plan.usl import page, scaling_file
from gauntlet.campaigns.plan.usl.report import Parameter, ScalingReport, report
from gauntlet.core.errors import Exit

JSON, PAGE = "scaling.json", "scaling.html"


def run(file: Path, out: Path, *, as_json: bool) -> Exit:
    """Fit a file; the exit code is 5 if nothing can be said beyond the data."""
    found = report(*scaling_file.read(file))
    folder = writing.new_folder(out)
    content = msgspec.json.format(msgspec.json.encode(found), indent=2)
    (folder / JSON).write_bytes(content + b"\n")
    (folder / PAGE).write_text(page.document(found), encoding="utf-8")
    if as_json:
        print(content.decode())
    else:
        _show(found)
        print(f"plan-directory: {folder}", flush=True)
    return Exit.INCONCLUSIVE if found.refused else Exit.OK


def _show(found: ScalingReport) -> None:
    print(found.answer)
    print()
    for label, parameter in (
        ("throughput of one (γ)", found.gamma),
        ("serial share (α)", found.alpha),
        ("cost of consistency (β)", found.beta),
        ("n at the peak", found.peak),
    ):
        print(f"{label:26}{text(parameter)}")
    print(f"{'unexplained':26}{100 * found.error:.1f} % of a measurement")
    print(f"\nIntervals are of {100 * found.confidence:.0f} % confidence.")


def text(parameter: Parameter) -> str:
    """Return a parameter with its interval."""
    value, high = (scalar(each) for each in (parameter.value, parameter.high))
    return f"{value} ({scalar(parameter.low)}–{high})"
