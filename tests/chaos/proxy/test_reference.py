"""docs/reference/fault-proxy.md describes the toxics, routes and numbers of the code."""

import re
from pathlib import Path

import msgspec
import pytest

from gauntlet.chaos.proxy.api import VERSION, application
from gauntlet.chaos.proxy.collection import Proxies
from gauntlet.chaos.proxy.proxy import DIAL_TIMEOUT_S
from gauntlet.chaos.proxy.toxics import TOXICS

PAGE = (Path(__file__).parents[3] / "docs" / "reference" / "fault-proxy.md").read_text()


def section(title: str) -> str:
    """The text below a heading."""
    return PAGE.partition(f"\n## {title}\n")[2].partition("\n## ")[0]


def test_every_toxic_and_attribute_is_documented():
    """The table has a row for each toxic of the registry, with exactly its attributes."""
    rows = re.findall(r"^\| `(\w+)` \| (.*?) \|", section("Toxics"), re.MULTILINE)
    documented = {name: re.findall(r"`(\w+)`", attributes) for name, attributes in rows}
    fields = msgspec.structs.fields
    assert documented == {
        name: [field.name for field in fields(stage.schema)] for name, stage in TOXICS.items()
    }


def test_every_route_is_documented():
    """The table has each route of the router, and no other."""
    documented = set(re.findall(r"`(GET|POST|PATCH|DELETE) (/\S*)`", section("Routes")))
    routes = application(Proxies(seed=0)).router.routes()
    assert documented == {(route.method, route.resource.canonical) for route in routes}


@pytest.mark.parametrize("number", [VERSION, f"ends after {DIAL_TIMEOUT_S:.0f} s"])
def test_numbers_in_the_documentation_match_the_code(number):
    """The page quotes the version and the dial timeout."""
    assert number in PAGE
