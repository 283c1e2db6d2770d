"""Can you trust the numbers? What the generator, the fault proxies and the machine had left."""

from typing import Any

from gauntlet.reports import formatting
from gauntlet.reports.render.sections.page import Page

ANSWERS = {
    "trustworthy": ("valid", "Yes"),
    "generator-limited": ("invalid", "Not the latencies"),
    "proxy-limited": ("invalid", "Not the latencies"),
    "machine-saturated": ("unknown", "With care"),
    "not-recorded": ("unknown", "Nobody knows"),
}
# What each figure is called, and what a reader must know of it.
NAMES = {
    "send-lag": ("sends late, p99", "after the time they were meant for"),
    "missed-arrivals": ("sends never made", "that the schedule asked for"),
    "loop-lag": ("engine's loop late", "p99 of each second; worst tick"),
    "engine-cpu": ("engine thread", "of one core"),
    "generator-cpu": ("Locust process", "all threads, which share one core"),
    "master": ("Locust master", ""),
    "gc-pause": ("garbage collection", "longest pause of each second"),
    "descriptors": ("open descriptors", "sockets and files, of the process's limit"),
    "rss": ("memory", "of the Locust process"),
    "proxy-clients": ("fault proxy, clients", ""),
    "proxy-backends": ("fault proxy, back end", ""),
    "stack": ("system under test", ""),
    "conductor": ("gauntlet itself", ""),
    "others": ("other processes", "not of this run"),
    "machine": ("whole machine busy", "whatever else ran on it included"),
    "worker-machine": ("another machine busy", ""),
    "storage-wait": ("waited for storage", "of the time, some process"),
    "stolen-cpu": ("CPU taken by the host", "of the machine's"),
    "tcp-in-use": ("TCP sockets", "on the machine"),
    "tcp-time-wait": ("TIME_WAIT", "each holds a port for a minute"),
}
_MARKS = {"over": "invalid", "near": "unknown", "ok": "valid"}
_BAR_MAX = 100


def facts(page: Page) -> dict[str, Any] | None:
    audit = page.result.get("self_audit")
    if audit is None:
        return None
    mark, answer = ANSWERS[audit["status"]]
    limited = [one for one in audit["figures"] if one["state"] in _MARKS]
    return {
        "mark": mark,
        "answer": answer,
        "sentence": audit["sentence"],
        "rows": [_row(one) for state in _MARKS for one in limited if one["state"] == state],
        "besides": [_besides(one) for one in audit["figures"] if one["state"] == "info"],
        "seconds": audit.get("seconds"),
    }


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
        "bar": min(_BAR_MAX, round(share)),
    }


def _besides(figure: dict[str, Any]) -> dict[str, str]:
    name, note = NAMES[figure["id"]]
    value = formatting.amount(figure["typical"], figure["unit"])
    if figure["unit"] == "share":  # these are short: what is typical of them is none
        value += f", worst second {formatting.amount(figure['worst'], 'share')}"
    return {"name": name, "note": note, "value": value}
