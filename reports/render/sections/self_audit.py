"""Whether the numbers can be trusted: how busy generator, fault proxies and machine were."""

from typing import Any

from gauntlet.core.plugins import SectionKind
from gauntlet.reports import formatting
from gauntlet.reports.render.sections.page import Page

ANSWERS = {
    "trustworthy": ("valid", "Yes"),
    "generator-limited": ("invalid", "Not the latencies"),
    "proxy-limited": ("invalid", "Not the latencies"),
    "machine-saturated": ("invalid", "Not the latencies"),
    "not-recorded": ("unknown", "Unknown"),
}
# The name of each figure, and what a reader must know about it.
NAMES = {
    "send-lag": ("send lag, p99", "after the intended time"),
    "missed-arrivals": ("missed arrivals", "sends of the schedule that were not made"),
    "loop-lag": ("event loop lag", "p99 of each second; worst tick"),
    "engine-cpu": ("engine thread", "of one core"),
    "generator-cpu": ("Locust process", "all threads, which share one core"),
    "master": ("Locust master", ""),
    "gc-pause": ("garbage collection", "longest pause of each second"),
    "descriptors": ("open descriptors", "sockets and files; the limit is that of the process"),
    "rss": ("memory", "of the Locust process"),
    "proxy-clients": ("fault proxy, clients", ""),
    "proxy-backends": ("fault proxy, back end", ""),
    "stack": ("system under test", ""),
    "conductor": ("gauntlet command", ""),
    "others": ("other processes", "outside this run"),
    "machine": ("whole machine busy", "all processes, including those outside this run"),
    "worker-machine": ("another machine busy", ""),
    "storage-wait": ("storage wait", "of the time"),
    "stolen-cpu": ("CPU taken by the host", "of all cores"),
    "tcp-in-use": ("TCP sockets", "on the machine"),
    "tcp-time-wait": ("TIME_WAIT", "each holds a port for a minute"),
}
_MARKS = {"over": "invalid", "near": "unknown", "ok": "valid"}
_STATES = {"over": "no", "near": "barely", "ok": "yes"}
_BAR_MAX = 100

KIND = SectionKind("self_audit", "whether the figures can be trusted")


def context(page: Page) -> dict[str, Any] | None:
    audit = page.result.get("self_audit")
    if audit is None:
        return None
    mark, answer = ANSWERS[audit["status"]]
    limited = [figure for figure in audit["figures"] if figure["state"] in _MARKS]
    return {
        "mark": mark,
        "answer": answer,
        "sentence": audit["sentence"],
        "rows": [_row(figure) for figure in sorted(limited, key=_most_severe_first)],
        "others": [_other(figure) for figure in audit["figures"] if figure["state"] == "info"],
        "seconds": audit.get("seconds"),
    }


def _most_severe_first(figure: dict[str, Any]) -> int:
    return list(_MARKS).index(figure["state"])


def _row(figure: dict[str, Any]) -> dict[str, Any]:
    name, note = NAMES[figure["id"]]
    unit, limit = figure["unit"], figure["limit"]
    worst = formatting.amount(figure["worst"], unit)
    share = 100 * figure["held"] / limit if limit else _BAR_MAX * (figure["held"] > 0)
    return {
        "name": name,
        "note": ", ".join(part for part in (note, figure["of"]) if part),
        "typical": formatting.amount(figure["typical"], unit),
        "worst": "–" if figure["id"] == "missed-arrivals" else worst,
        "limit": formatting.amount(limit, unit),
        "mark": _MARKS[figure["state"]],
        "state": _STATES[figure["state"]],
        "bar": min(_BAR_MAX, round(share)),
    }


def _other(figure: dict[str, Any]) -> dict[str, str]:
    name, note = NAMES[figure["id"]]
    value = formatting.amount(figure["typical"], figure["unit"])
    if figure["unit"] == "share":  # stalls are short, so the typical second has none
        value += f", worst second {formatting.amount(figure['worst'], 'share')}"
    return {"name": name, "note": note, "value": value}
