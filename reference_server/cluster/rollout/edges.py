"""What the cluster asks of its own processes over HTTP: metrics, statistics, draining."""

from typing import Any

import aiohttp

from gauntlet.reference_server.cluster.topology.errors import ClusterError
from gauntlet.reference_server.cluster.topology.plan import Component
from gauntlet.reference_server.core.metrics import PREFIX

_TIMEOUT = aiohttp.ClientTimeout(total=2.0)
_SILENT = (aiohttp.ClientError, TimeoutError, OSError)


class CallError(ClusterError):
    """One of the cluster's processes did not do what it was asked."""


async def read_metrics(
    http: aiohttp.ClientSession, component: Component
) -> dict[str, float] | None:
    """A process's counters and gauges by name; None when it does not answer."""
    try:
        async with http.get(f"http://{component.address}/metrics", timeout=_TIMEOUT) as answer:
            return parse_metrics(await answer.text()) if answer.status == 200 else None
    except _SILENT:
        return None


def parse_metrics(text: str) -> dict[str, float]:
    """The samples without labels of Prometheus' text format, our prefix taken off."""
    rows = (line.split() for line in text.splitlines() if line and not line.startswith("#"))
    return {row[0].removeprefix(PREFIX): float(row[1]) for row in rows if len(row) == 2}


async def call(
    http: aiohttp.ClientSession,
    component: Component,
    path: str,
    *,
    method: str = "GET",
    **data: Any,
) -> dict[str, Any]:
    """An internal call, `data` being aiohttp's `params` or `json`; CallError unless it is 200."""
    url = f"http://{component.address}/internal/{path}"
    try:
        async with http.request(method, url, timeout=_TIMEOUT, **data) as answer:
            if answer.status != 200:
                reason = (await answer.text())[:200]
                raise CallError(f"{component.name} {path}: {answer.status} {reason}")
            return dict(await answer.json())
    except _SILENT as error:
        raise CallError(f"{component.name} {path}: {error!r}") from error
