"""The registry, the vocabulary and the page `docs/reference/faults.md` name the same things."""

import re
from pathlib import Path

import pytest

from gauntlet.chaos.clients.link_probe import REQUESTS
from gauntlet.chaos.faults import FAULTS
from gauntlet.core.scenario import catalog

PAGE = (Path(__file__).parents[3] / "docs/reference/faults.md").read_text(encoding="utf-8")


def section(kind):
    """The page's section about a fault."""
    return PAGE.split(f"\n## {kind}\n")[1].split("\n## ")[0]


def test_every_fault_of_the_vocabulary_is_implemented():
    """Nothing can be written into a scenario that does not exist, nor the other way round."""
    assert list(FAULTS) == list(catalog.FAULTS)


def test_the_page_has_a_section_for_every_fault_in_order():
    """The faults' sections are the vocabulary's, in its order."""
    headings = re.findall(r"^## ([a-z-]+)$", PAGE, re.MULTILINE)
    assert headings == list(catalog.FAULTS)


@pytest.mark.parametrize("kind", catalog.FAULTS)
def test_a_section_tells_params_with_defaults_proof_and_heal(kind):
    """Each section lists exactly the fault's parameters, with their defaults."""
    text = section(kind)
    params = text.split("- Params: ")[1].split("\n- ")[0]
    found = dict(re.findall(r"`([a-z_]+)` \(default `([^`]+)`\)", params))
    wanted = {name: str(its.default).lower() for name, its in catalog.FAULTS[kind].params.items()}
    assert found == wanted
    assert "- Targets: " in text
    assert "- Proof: " in text
    assert "- Heal: " in text


def test_the_page_lists_every_probe():
    """The probes' table names every kind of link."""
    table = PAGE.split("## Probes")[1]
    assert {kind for kind in REQUESTS if f"`{kind}`" in table} == set(REQUESTS)


def test_the_page_lists_every_role():
    """The table of targets spells out the roles."""
    assert " ".join(catalog.ROLES) in PAGE


@pytest.mark.parametrize("kind", catalog.FAULTS)
def test_every_fault_is_made_from_a_line_of_a_scenario(spec, kind):
    """Each factory takes the scenario's line with nothing but defaults."""
    fault = FAULTS[kind](spec(kind, "client>edge"))
    assert all(hasattr(fault, name) for name in ("inject", "prove", "heal", "verify"))
