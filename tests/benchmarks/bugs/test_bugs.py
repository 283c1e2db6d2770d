"""The seeded bugs of benchmarks/bugs load, describe themselves, and patch names that exist."""

import importlib.util
import sys
from pathlib import Path
from types import ModuleType

import pytest
import yaml

from gauntlet.chaos.server_hooks.bug_files import find_bug

FOLDER = Path(__file__).parents[3] / "benchmarks" / "bugs"
FILES = sorted(FOLDER.glob("*.py"))
PREFIX = "gauntlet.reference_server"


@pytest.fixture(params=FILES, ids=[file.stem for file in FILES])
def file(request) -> Path:
    return request.param


def load(file: Path) -> ModuleType:
    spec = importlib.util.spec_from_file_location(f"bug_{file.stem}", file)
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def names_of_the_server() -> dict[tuple[str, ...], object]:
    """Return every attribute of the server's modules and of their classes."""
    found = {}
    for name, module in list(sys.modules.items()):
        if not name.startswith(PREFIX):
            continue
        for attribute, value in list(vars(module).items()):
            found[name, attribute] = value
            if isinstance(value, type) and value.__module__ == name:
                found |= {(name, attribute, key): each for key, each in vars(value).items()}
    return found


def restore(names: dict[tuple[str, ...], object]) -> None:
    for (name, *path), value in names.items():
        owner = sys.modules[name] if len(path) == 1 else getattr(sys.modules[name], path[0])
        key = path[-1]
        if vars(owner).get(key) is not value:
            setattr(owner, key, value)


def test_there_are_at_least_fifty_bugs():
    assert len(FILES) >= 50


def test_a_bug_describes_itself(file):
    module = load(file)
    assert 1 <= module.__doc__.strip().replace("\n", " ").count(". ") + 1 <= 2
    assert module.SENTENCE.endswith(".")
    assert ". " not in module.SENTENCE
    assert isinstance(module.ANOMALIES, tuple)
    assert all(isinstance(name, str) and name for name in module.ANOMALIES)
    assert module.ANOMALIES
    assert (FOLDER / "scenarios" / f"{module.OPTIONS['scenario']}.yaml").is_file()
    assert module.OPTIONS["stack"] in ("embedded", "full")


def test_gauntlet_accepts_the_file(file):
    assert find_bug(str(file)).services == load(file).SERVICES


def test_a_bug_replaces_names_that_exist(file):
    module = load(file)
    before = names_of_the_server()
    module.install()
    try:
        after = names_of_the_server()
        changed = {key for key, value in after.items() if before.get(key) is not value}
        assert changed
        assert changed <= before.keys()
    finally:
        restore(before)
    assert names_of_the_server() == before


def test_sentences_are_distinct():
    sentences = [load(file).SENTENCE for file in FILES]
    assert len(set(sentences)) == len(sentences)


@pytest.mark.parametrize(
    "scenario", sorted((FOLDER / "scenarios").glob("*.yaml")), ids=lambda path: path.stem
)
def test_a_scenario_is_named_after_its_file_and_is_used(scenario):
    assert yaml.safe_load(scenario.read_text())["name"] == f"bugs-{scenario.stem}"
    assert scenario.stem in {load(file).OPTIONS["scenario"] for file in FILES}
