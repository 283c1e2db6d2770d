"""junit.xml: one uniquely named case for each check, objective and guard, and the verdict."""

import datetime as dt
from collections.abc import Iterator
from typing import Any

from gauntlet.core.clock import NS_PER_S
from gauntlet.core.errors import Exit
from gauntlet.reports.render import junit_xml
from gauntlet.reports.render.junit_xml import Case, Ending, Suite

# The JUnit element of each verdict. A valid one needs no element; a warning is never a failure.
_ENDINGS: dict[str, Ending] = {
    "invalid": "failure",
    "unknown": "skipped",
    "not-applicable": "skipped",
}
_EPOCH = "1970-01-01T00:00:00"  # of a run that did not record when it began


def document(result: dict[str, Any], manifest: dict[str, Any] | None = None) -> str:
    """Return the content of junit.xml.

    The class of a case has the name of the scenario, because some readers know a case only by its
    class and name, and would take those of several scenarios for the same.
    """
    run, name = result["run"], f"gauntlet.{result['run']['scenario']}"
    properties = {
        "run": run["id"],
        "seed": str(run["seed"]),
        "stack": run["stack"],
        "adapter": str(run.get("adapter")),
        "exit_code": str(result["verdict"]["exit_code"]),
    }
    duration_s = float(run.get("duration_s") or 0)
    suite = Suite(name, tuple(_cases(result, name)), properties, _started(manifest), duration_s)
    return junit_xml.document([suite])


def ending(verdict: str, *, required: bool) -> Ending:
    """Return how the case of a check or objective ends."""
    found = _ENDINGS.get(verdict, "")
    return "skipped" if found == "failure" and not required else found


def _cases(result: dict[str, Any], name: str) -> Iterator[Case]:
    for check in result["checks"]:
        yield _case(f"{name}.checks", check["id"], check, required=check["required"])
    for objective in result["objectives"]:
        title = f"{objective['id']} ({objective['window']})"
        required = objective["severity"] == "fail"
        yield _case(f"{name}.objectives", title, objective, required=required)
    for index, guard in enumerate(result.get("guards", ())):
        yield Case(
            f"{name}.guards",
            f"guards[{index}] {guard['condition']}",
            "failure" if guard["fired"] else "",  # it stopped the load
            guard["sentence"] if guard["fired"] else "",
        )
    yield _verdict(result, name)


def _case(classname: str, title: str, judged: dict[str, Any], *, required: bool) -> Case:
    found = ending(judged["verdict"], required=required)
    if not found:
        return Case(classname, title)
    sentences = [witness["sentence"] for witness in judged.get("witnesses", [])]
    return Case(classname, title, found, judged["sentence"], "\n".join(sentences))


def _verdict(result: dict[str, Any], name: str) -> Case:
    """Return a case that fails for every exit code except 0, as the CI job does."""
    verdict, time_s = result["verdict"], float(result["run"].get("duration_s") or 0)
    if verdict["exit_code"] == Exit.OK:
        return Case(name, "verdict", time_s=time_s)
    return Case(
        name,
        "verdict",
        "error" if verdict["status"] == "error" else "failure",
        f"{verdict['status']} (exit {verdict['exit_code']})",
        "\n".join(verdict["reasons"]),
        time_s,
    )


def _started(manifest: dict[str, Any] | None) -> str:
    """Return when the run began, in UTC and without a time zone, as the schema demands."""
    wall_ns = ((manifest or {}).get("clock") or {}).get("wall_ns")
    if not isinstance(wall_ns, int):
        return _EPOCH
    try:
        began = dt.datetime.fromtimestamp(wall_ns / NS_PER_S, dt.UTC)
    except (ValueError, OverflowError, OSError):
        return _EPOCH
    return began.strftime("%Y-%m-%dT%H:%M:%S")
