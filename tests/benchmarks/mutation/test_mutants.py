"""Mutants differ from their file in one node, and are put into imported modules in place."""

import ast
import importlib.util

import pytest

from benchmarks.mutation.mutants import mutants_of
from benchmarks.mutation.patching import NotApplied, apply

SOURCE = '''
"""A text that is not changed."""
from gauntlet.core.plugins import CheckKind

LIMIT = 3
KIND = CheckKind("name", "a text", aspect="loss", required=True, examined_min=5)


def is_late(took: int, limit: int = 2) -> bool:
    """Return whether it is late."""
    return took > LIMIT


class Window:
    @property
    def end(self) -> int:
        def twice(value: int) -> int:
            return value + value
        return twice(LIMIT)
'''
KIND = "KIND = CheckKind('name', 'a text', aspect='loss', required=True, examined_min=6)"


@pytest.fixture
def sample(tmp_path):
    """A module, and its mutants by (operator, statement)."""
    file = tmp_path / "sample.py"
    file.write_text(SOURCE)
    spec = importlib.util.spec_from_file_location("sample", file)
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module, {(each.operator, each.after): each for each in mutants_of(file, tmp_path)}


def test_mutants_are_those_of_constants_and_of_the_bodies_of_functions(sample):
    _, mutants = sample
    assert set(mutants) == {
        ("constant", "LIMIT = 4"),
        ("constant", KIND),
        ("comparison", "return took >= LIMIT"),
        ("comparison", "return took <= LIMIT"),
        ("return", "return None"),
        ("arithmetic", "return value - value"),
    }


def test_each_mutant_differs_from_the_file_in_what_it_says(sample):
    _, mutants = sample
    original = ast.unparse(ast.parse(SOURCE)).splitlines()
    for mutant in mutants.values():
        changed = ast.unparse(mutant.mutated()).splitlines()
        different = [
            (old.strip(), new.strip())
            for old, new in zip(original, changed, strict=True)
            if old != new
        ]
        assert different == [(mutant.before, mutant.after)]


def test_a_changed_function_is_seen_by_those_who_have_it_already(sample):
    module, mutants = sample
    is_late = module.is_late
    assert not is_late(3)
    apply(mutants["comparison", "return took >= LIMIT"], module)
    assert is_late(3)


def test_a_property_and_what_it_contains_can_be_changed(sample):
    module, mutants = sample
    assert module.Window().end == 6
    apply(mutants["arithmetic", "return value - value"], module)
    assert module.Window().end == 0


def test_a_constant_and_the_least_number_of_items_can_be_changed(sample):
    module, mutants = sample
    kind = module.KIND
    apply(mutants["constant", "LIMIT = 4"], module)
    assert not module.is_late(4)
    apply(mutants["constant", KIND], module)
    assert kind.examined_min == 6


def test_a_change_that_this_process_cannot_see_is_no_result(sample):
    module, mutants = sample
    module.LIMIT = 4
    with pytest.raises(NotApplied):
        apply(mutants["constant", "LIMIT = 4"], module)
