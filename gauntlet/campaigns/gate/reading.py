"""Reads what a gate needs from a run directory: the cases, and the figures that can be compared."""

import hashlib
import math
from collections.abc import Iterator
from typing import Any

import msgspec

from gauntlet.campaigns.gate.outcome import Case, key
from gauntlet.core.errors import GauntletError, HistoryError
from gauntlet.core.run_directory import RunDir
from gauntlet.reports.comparison import saved_run
from gauntlet.reports.comparison.saved_run import SavedRun
from gauntlet.reports.metrics.latency import QUANTILES, samples_min
from gauntlet.reports.render import anchors
from gauntlet.stacks import installations

_DAMAGE = (ArithmeticError, AttributeError, LookupError, TypeError, ValueError)
_STEADY = "steady"


def cases(result: dict[str, Any]) -> tuple[Case, ...]:
    """Return the cases of a result; HistoryError if it is none that judge wrote."""
    try:
        return tuple(_cases(result))
    except (*_DAMAGE, msgspec.MsgspecError) as error:
        raise HistoryError(f"result.json has another form than expected: {error!r}") from error


def _cases(result: dict[str, Any]) -> Iterator[Case]:
    for check in result["checks"]:
        anchor = anchors.of_check({"witnesses": (), **check})
        yield _case("checks", check["id"], check, anchor, required=check["required"])
    for objective in result["objectives"]:
        name = f"{objective['id']} ({objective['window']})"
        anchor = anchors.element_id("objective", objective["id"])
        required = objective["severity"] == "fail"
        yield _case("objectives", name, objective, anchor, required=required)
    for index, guard in enumerate(result.get("guards", ())):
        plain = {"verdict": "invalid" if guard["fired"] else "valid", **guard}
        anchor = anchors.element_id("guard", str(index))
        yield _case("guards", f"guards[{index}] {guard['condition']}", plain, anchor, required=True)
    for fault in result["faults"]:
        anchor = anchors.element_id("fault", fault["id"])
        yield msgspec.structs.replace(_fault(fault), anchor=anchor)


def _case(group: str, name: str, judged: dict[str, Any], anchor: str, *, required: bool) -> Case:
    plain = {
        "group": group,
        "name": writable(name),
        "verdict": judged["verdict"],
        "required": bool(required),
        "sentence": writable(judged["sentence"]),
        "anchor": anchor,
    }
    return msgspec.convert(plain, Case)


def _fault(fault: dict[str, Any]) -> Case:
    """Return whether a fault acted, was healed, and the system recovered from it."""
    # The verdict has a reason of its own for these, so a case must not fail beside it.
    name, required = writable(fault["id"]), False
    if fault.get("failed"):
        return Case("faults", name, "invalid", required, f"The fault {name} failed.")
    if fault["requested_at_s"] is not None and fault["healed_at_s"] is None:
        return Case("faults", name, "invalid", required, f"The fault {name} was not healed.")
    if not fault.get("exposed"):
        return Case("faults", name, "unknown", required, f"The fault {name} met no traffic.")
    recovery = fault["recovery_ms"]
    if recovery == "inf":
        text = f"The system did not recover from {name}."
        return Case("faults", name, "invalid", required, text)
    if recovery is None:
        text = f"The recovery from {name} is unknown: {writable(fault['recovery_unknown'])}."
        return Case("faults", name, "unknown", required, text)
    text = f"The system recovered from {name} within {float(recovery) / 1000:.2f} s."
    return Case("faults", name, "valid", required, text)


def system(run: RunDir) -> dict[str, str]:
    """Return what ran, as far as the manifest says it."""
    manifest = run.read_manifest()
    try:
        return {name: writable(value) for name, value in _system(manifest) if value}
    except _DAMAGE as error:
        raise HistoryError(f"manifest.json has another form than expected: {error!r}") from error


def _system(manifest: dict[str, Any]) -> Iterator[tuple[str, Any]]:
    target = manifest["scenario"].get("target") or {}
    stack = target.get("stack") or (manifest.get("stack") or {}).get("name")
    version = (manifest.get("versions") or {}).get("im-gauntlet")
    commit = manifest.get("commit")
    own = f"im-gauntlet {version}" + (f", commit {commit}" if commit else "")
    yield "adapter", target.get("adapter")
    yield "stack", stack
    yield "layout", target.get("layout")
    yield "address", ", ".join(target.get("url") or ())
    if stack in installations.STACKS:
        other = manifest["stack"].get("server")
        yield (
            "server",
            f"im-gauntlet {other['version']} of {other['python']}" if other else own,
        )
    yield "seeded bug", manifest.get("bug")
    yield "harness", own


def digest(run: RunDir) -> str:
    """Return the SHA-256 of the result of a run."""
    return hashlib.sha256(run.result.read_bytes()).hexdigest()


def writable(text: object) -> str:
    """Return a text that can be encoded: JSON can contain half of a character."""
    return str(text).encode(errors="replace").decode()


def values(run: RunDir) -> tuple[dict[str, float], str]:
    """Return the figures of a run, or none and the reason why they cannot be compared."""
    try:
        saved = saved_run.load(run.path, "run")
        status = saved.result["verdict"]["status"]
        if status in ("error", "aborted"):
            return {}, f"the run ended as {status}"
        if saved.trusted != "trustworthy":
            return {}, f"the numbers are {saved.trusted}"
        found = dict(_figures(saved))
    except GauntletError as error:
        return {}, str(error)
    except _DAMAGE as error:
        return {}, f"the run has another form than expected: {error!r}"
    return found, "" if found else "the run has no figures"


def _figures(run: SavedRun) -> Iterator[tuple[str, float]]:
    """Yield all figures that are finite, not negative, and rest on enough samples."""
    for name, number in (*_latencies(run), *_rates(run), *_objectives(run)):
        if 0 <= number < math.inf:
            yield name, number


def _latencies(run: SavedRun) -> Iterator[tuple[str, float]]:
    for kind in ("ack", "delivery"):
        for window, row in run.result["latency"].get(kind, {}).items():
            for name, quantile in QUANTILES.items():
                enough = int(row["samples"]) >= samples_min(quantile)
                if enough and row[name] is not None and name not in row.get("at_least", ()):
                    yield key(f"{kind}_{name}_ms", window), float(row[name])


def _rates(run: SavedRun) -> Iterator[tuple[str, float]]:
    seconds = run.seconds_in(_STEADY).astype(int)
    for name in ("acked", "delivered"):
        column = run.column(name)
        if column.size and seconds.size:
            yield key(f"{name}_per_s", _STEADY), float(column[seconds].mean())
    if run.stack_cores.size:
        yield key("stack_cores", "run"), float(run.stack_cores.mean())


def _objectives(run: SavedRun) -> Iterator[tuple[str, float]]:
    for each in run.result["objectives"]:
        if each["value"] is not None and not each.get("at_least"):
            yield key(each["indicator"], each["window"]), float(each["value"])
