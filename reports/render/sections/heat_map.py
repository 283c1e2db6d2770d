"""How many messages took how long, over time."""

from typing import Any

from gauntlet.core.plugins import SectionKind
from gauntlet.reports.render import heat_map
from gauntlet.reports.render.sections.page import Page

KIND = SectionKind("heat_map", "how many messages took how long, over time")

_TITLES = {"ack": "until acknowledged", "delivery": "until delivered"}


def context(page: Page) -> dict[str, Any] | None:
    maps = page.result.get("heat_maps")
    if not maps:
        return None
    return {
        "maps": [
            {"title": title, **heat_map.layout(maps[kind], page.result["faults"])}
            for kind, title in _TITLES.items()
            if kind in maps
        ]
    }
