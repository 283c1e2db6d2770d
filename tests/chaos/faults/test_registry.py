"""The registry, the catalogue and docs/reference/faults.md contain the same faults."""

import re
from pathlib import Path

import pytest

from gauntlet.chaos.clients.link_probe import REQUESTS
from gauntlet.chaos.faults import FAULTS
from gauntlet.core.scenario import catalog

PAGE = (Path(__file__).parents[3] / "docs/reference/faults.md").read_text(encoding="utf-8")


def section(kind):
    """The section of the page about a fault."""
    return PAGE.split(f"\n## {kind}\n")[1].split("\n## ")[0]


def test_every_fault_of_the_catalogue_is_implemented():
    """A scenario cannot name a fault that does not exist, and every fault can be named."""
    assert list(FAULTS) == list(catalog.FAULTS)


def test_the_page_has_a_section_for_every_fault_in_the_order_of_the_catalogue():
    """And no other section with such a title."""
    headings = re.findall(r"^## ([a-z-]+)$", PAGE, re.MULTILINE)
    assert headings == list(catalog.FAULTS)


@pytest.mark.parametrize("kind", catalog.FAULTS)
def test_a_section_lists_parameters_with_defaults_targets_proof_and_heal(kind):
    """Exactly the parameters of the catalogue."""
    text = section(kind)
    params = text.split("- Params:")[1].split("\n- ")[0]
    documented = dict(re.findall(r"`([a-z_]+)` \(default `([^`]+)`\)", params))
    definitions = catalog.FAULTS[kind].params
    assert documented == {
        name: str(definition.default).lower() for name, definition in definitions.items()
    }
    assert "- Targets: " in text
    assert "- Proof: " in text
    assert "- Heal: " in text


def test_the_page_lists_every_probe():
    table = PAGE.split("## Probes")[1]
    assert {kind for kind in REQUESTS if f"`{kind}`" in table} == set(REQUESTS)


def test_the_page_lists_every_role():
    assert " ".join(catalog.ROLES) in PAGE


@pytest.mark.parametrize("kind", catalog.FAULTS)
def test_every_fault_can_be_created_with_default_parameters(spec, kind):
    """From its definition in a scenario."""
    fault = FAULTS[kind](spec(kind, "client>edge"))
    assert all(hasattr(fault, name) for name in ("inject", "prove", "heal", "verify"))
