"""What changed between two runs apart from figures: configuration, verdict, checks, objectives."""

from collections.abc import Iterator
from typing import Any, NamedTuple

from gauntlet.reports.comparison.saved_run import SavedRun

_TEXT_MAX = 120
_NEVER = object()


class Change(NamedTuple):
    """A thing that is another in B than in A."""

    what: str
    a: str
    b: str


def configuration(a: SavedRun, b: SavedRun) -> list[Change]:
    """Return the settings, versions and machines that differ."""
    found = list(_leaves("", a.manifest["scenario"], b.manifest["scenario"]))
    for key in ("bug", "commit", "versions", "machine", "adapter"):
        found += _leaves(key, a.manifest.get(key), b.manifest.get(key))
    stacks = [run.manifest.get("stack") or {} for run in (a, b)]
    found += _leaves("stack.name", *(stack.get("name") for stack in stacks))
    found += _leaves("stack.components", *(_component_names(stack) for stack in stacks))
    proxies = [(run.manifest.get("proxy") or {}).get("backend") for run in (a, b)]
    found += _leaves("proxy.backend", *proxies)
    return found + list(_leaves("label", a.labels, b.labels))


def verdicts(a: SavedRun, b: SavedRun) -> list[Change]:
    """Return the verdicts that differ: of the run, of its checks and of its objectives."""
    one, two = a.result["verdict"], b.result["verdict"]
    found = list(_leaves("verdict", one["status"], two["status"]))
    for kind in ("checks", "objectives"):
        judged = [{row["id"]: row["verdict"] for row in run.result[kind]} for run in (a, b)]
        found += _leaves("", *judged)
    return found


def _component_names(stack: dict[str, Any]) -> str:
    parts = stack.get("components") or []
    return ", ".join(str(part.get("name")) for part in parts if isinstance(part, dict))


def _leaves(name: str, a: Any, b: Any) -> Iterator[Change]:
    """Yield the values that differ in two trees of mappings and lists of parts with ids."""
    one, two = _keyed(a), _keyed(b)
    if isinstance(one, dict) and isinstance(two, dict):
        for key in {**one, **two}:
            path = f"{name}.{key}" if name else str(key)
            yield from _leaves(path, one.get(key, _NEVER), two.get(key, _NEVER))
    elif a != b:
        yield Change(name, _shown(a), _shown(b))


def _keyed(value: Any) -> Any:
    """Return a list of parts that have ids as a mapping, so that a new part shifts no other."""
    parts = value if isinstance(value, list) and value else []
    if parts and all(isinstance(each, dict) and isinstance(each.get("id"), str) for each in parts):
        return {each["id"]: each for each in parts}
    return value


def _shown(value: Any) -> str:
    if value is _NEVER or value is None:
        return "–"
    text = value if isinstance(value, str) else repr(value)
    return text if len(text) <= _TEXT_MAX else f"{text[:_TEXT_MAX]}…"
