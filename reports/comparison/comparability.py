"""Whether two runs can be compared: what else differs than the system under test."""

from collections.abc import Iterator
from typing import Any, NamedTuple

from gauntlet.reports.comparison import machines
from gauntlet.reports.comparison.saved_run import SavedRun

# How much more of the machine other processes may use in one run than in the other.
_OTHERS_CORES_MAX = 0.25
_SAMPLES_MIN = 100


class Obstacle(NamedTuple):
    """One reason why a difference may not come from the system; a `serious` one forbids to ask."""

    serious: bool
    sentence: str


def obstacles(a: SavedRun, b: SavedRun) -> list[Obstacle]:
    """Return what stands against a comparison of two runs, the serious reasons first."""
    found = [*_load(a, b), *_machine(a, b), *_harness(a, b)]
    for run in (a, b):
        found += _quality(run)
    return sorted(found, key=lambda obstacle: not obstacle.serious)


def _load(a: SavedRun, b: SavedRun) -> Iterator[Obstacle]:
    one, two = a.manifest["scenario"], b.manifest["scenario"]
    names = [run.result["run"]["scenario"] for run in (a, b)]
    if names[0] != names[1]:
        yield Obstacle(True, f"The scenarios differ: {names[0]} in A, {names[1]} in {b.name}.")
    if changed := _differing(one.get("load"), two.get("load")):
        yield Obstacle(True, f"The load differs from that of {b.name}: {', '.join(changed)}.")
    faults = [_by_id(each.get("faults") or []) for each in (one, two)]
    if changed := _differing(*faults):
        yield Obstacle(True, f"The faults differ from those of {b.name}: {', '.join(changed)}.")
    seeds = [run.result["run"]["seed"] for run in (a, b)]
    if seeds[0] != seeds[1]:
        yield Obstacle(
            False,
            f"The seeds differ ({seeds[0]} in A, {seeds[1]} in {b.name}), and with them who sends "
            "what to whom.",
        )


def _machine(a: SavedRun, b: SavedRun) -> Iterator[Obstacle]:
    one, two = (run.manifest.get("machine") or {} for run in (a, b))
    for key in sorted({*one, *two}):
        if not machines.is_equal(key, one.get(key), two.get(key)):
            yield Obstacle(
                key in machines.SIZES,
                f"The machine differs: {key} {one.get(key)} in A, {two.get(key)} in {b.name}.",
            )
    others = [_figure(run, "others") for run in (a, b)]
    if None not in others:
        busy_a, busy_b = (float(each or 0) for each in others)
        if abs(busy_a - busy_b) > _OTHERS_CORES_MAX:
            yield Obstacle(
                False,
                f"Other processes used {busy_a:.2f} cores of the machine in A, and {busy_b:.2f} in "
                f"{b.name}.",
            )


def _harness(a: SavedRun, b: SavedRun) -> Iterator[Obstacle]:
    one, two = (run.manifest.get("versions") or {} for run in (a, b))
    for name in sorted({*one, *two}):
        if one.get(name) != two.get(name):
            yield Obstacle(
                False, f"{name} was {one.get(name)} in A and {two.get(name)} in {b.name}."
            )
    # Runs of older versions name no build: they had only one.
    build_a, build_b = ((run.manifest.get("engine") or {}).get("kind", "pure") for run in (a, b))
    if build_a != build_b:
        yield Obstacle(False, f"The load engine was {build_a} in A and {build_b} in {b.name}.")
    server_a, server_b = _server_build(a), _server_build(b)
    if server_a and server_b and server_a != server_b:
        yield Obstacle(
            False, f"The reference server was {server_a} in A and {server_b} in {b.name}."
        )


def _server_build(run: SavedRun) -> str:
    """Return the builds of the reference server's processes; empty if they are not recorded."""
    components = (run.manifest.get("stack") or {}).get("components") or []
    kinds = {each["build"].split()[0] for each in components if "build" in each}
    return " and ".join(sorted(kinds))


def _quality(run: SavedRun) -> Iterator[Obstacle]:
    verdict = run.result["verdict"]["status"]
    if verdict in ("error", "aborted"):
        yield Obstacle(True, f"{run.name} ended as {verdict}: {_reason(run)}")
    elif verdict == "inconclusive":
        yield Obstacle(False, f"{run.name} is inconclusive: {_reason(run)}")
    counts = run.result["counts"] or {}
    if not counts.get("acked"):
        yield Obstacle(True, f"{run.name} has no acknowledged message.")
    elif int(counts["acked"]) < _SAMPLES_MIN:
        yield Obstacle(False, f"{run.name} has only {counts['acked']} acknowledged messages.")
    if run.trusted == "not-recorded":
        yield Obstacle(False, f"{run.name} has no record of how busy generator and machine were.")
    elif run.trusted != "trustworthy":
        yield Obstacle(True, f"{run.name} is {run.trusted}: its latencies are not the system's.")


def _reason(run: SavedRun) -> str:
    return str(next(iter(run.result["verdict"]["reasons"]), "no reason is given."))


def _figure(run: SavedRun, name: str) -> float | None:
    figures = (run.result.get("self_audit") or {}).get("figures") or ()
    typical = next((figure["typical"] for figure in figures if figure["id"] == name), None)
    return None if typical is None else float(typical)


def _by_id(faults: list[dict[str, Any]]) -> dict[str, Any]:
    return {str(fault["id"]): fault for fault in faults}


def _differing(a: Any, b: Any) -> list[str]:
    one, two = a or {}, b or {}
    return [key for key in sorted({*one, *two}) if one.get(key) != two.get(key)]
