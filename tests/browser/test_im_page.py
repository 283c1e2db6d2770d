"""The page of the IM tab, as it draws figures that are given to it."""

import json
from pathlib import Path

import pytest

from gauntlet.scenarios.locust_plugin import web

from .chromium import Page

pytestmark = pytest.mark.integration
FILE = Path(web.__file__).parent / "page" / "im.html"
PHONE_PX = 390
FAULTS = [
    {"id": f"f-{at}", "what": "kill", "step": "healed", "planned": "", "from": at, "to": at + 4}
    for at in (8, 14, 21, 27)
]
LIMITS = [
    {"chart": "delivery", "name": "p99", "op": "<", "value": 5000, "fault": each["id"]}
    for each in FAULTS
]
LIVE = {
    "run": "r", "scenario": "tour", "stack": "embedded", "seed": 7, "duration_s": 40,
    "workers": [1, 1], "phase": "audit", "verdict": None, "report": False, "audited": False,
    "lag_budget_ms": 50, "faults": FAULTS, "limits": LIMITS,
    "points": [
        {
            "s": second, "ack": [5, 9, 12], "delivery": [6, 11, 900], "sent": 150 * second,
            "acked": 150 * second, "delivered": 600 * second, "connections": 200, "users": 200,
            "outstanding": 2, "missing": 3, "missed": 0, "lost": 0, "lag": 1,
        }
        for second in range(1, 61)
    ],
}  # fmt: skip


@pytest.fixture
def page(require_service, tmp_path):
    """The page, which cannot reach Locust, on a phone."""
    with Page(require_service("chromium")["path"], tmp_path / "profile") as opened:
        opened.resize(PHONE_PX)
        opened.open(FILE.as_uri())
        opened.wait("document.readyState === 'complete'")
        opened.js(f"receive({json.dumps(LIVE)}); draw();")
        yield opened


def test_equal_limits_of_several_faults_are_named_once(page):
    names = "[...document.querySelectorAll('#chart-delivery text.limit')].map((e) => e.textContent)"
    assert page.js(names) == ["p99 < 5 s"]
    assert page.js("document.querySelectorAll('#chart-delivery line.limit').length") == len(FAULTS)


def test_a_phone_shows_the_legends_whole(page):
    right = (
        "Math.max(...[...document.querySelectorAll('.legend > span')]"
        ".map((each) => each.getBoundingClientRect().right))"
    )
    assert page.js(right) <= PHONE_PX
    assert page.js("document.documentElement.scrollWidth") == PHONE_PX


def test_after_the_load_the_time_is_not_a_part_of_it(page):
    assert page.js("document.getElementById('about').textContent") == "embedded · seed 7 · 1:00"
