"""What the cluster asks of its own processes: metrics, switching, draining. Thin HTTP calls."""

import asyncio
from collections.abc import Iterable
from typing import Any

import aiohttp

from reference_server.cluster.errors import ClusterError
from reference_server.cluster.plan import Component
from reference_server.metrics import PREFIX

_TIMEOUT = aiohttp.ClientTimeout(total=2.0)


class CallError(ClusterError):
    """One of the cluster's processes did not do what it was asked."""


async def read_metrics(
    http: aiohttp.ClientSession, component: Component
) -> dict[str, float] | None:
    """A process's counters and gauges by name; None when it does not answer."""
    try:
        async with http.get(f"http://{component.address}/metrics", timeout=_TIMEOUT) as answer:
            return parse_metrics(await answer.text()) if answer.status == 200 else None
    except (aiohttp.ClientError, TimeoutError, OSError):
        return None


def parse_metrics(text: str) -> dict[str, float]:
    """The samples without labels of Prometheus' text format, our prefix taken off."""
    rows = (line.split() for line in text.splitlines() if line and not line.startswith("#"))
    return {row[0].removeprefix(PREFIX): float(row[1]) for row in rows if len(row) == 2}


async def call(
    http: aiohttp.ClientSession, component: Component, path: str, body: dict[str, Any]
) -> dict[str, Any]:
    """`POST` to an internal path of a process; CallError unless it answers 2xx."""
    url = f"http://{component.address}{path}"
    try:
        async with http.post(url, json=body, timeout=_TIMEOUT) as answer:
            text = await answer.text()
            if answer.status // 100 != 2:
                raise CallError(f"{component.name} {path}: {answer.status} {text[:200]}")
            return dict(await answer.json()) if text else {}
    except (aiohttp.ClientError, TimeoutError, OSError) as error:
        raise CallError(f"{component.name} {path}: {error!r}") from error


async def call_all(
    http: aiohttp.ClientSession, components: Iterable[Component], path: str, body: dict[str, Any]
) -> None:
    """The same call to several processes at once; the first CallError."""
    await asyncio.gather(*(call(http, each, path, body) for each in components))
