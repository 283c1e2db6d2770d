"""Puts a mutant into the modules of this process, without importing anything again.

A process that is forked for each mutant then runs its tests at once. A changed function gets its
new code in place, so that every reference to it sees the change; a changed constant is assigned in
each module that has imported it.
"""

import sys
from types import CodeType, FunctionType, ModuleType
from typing import Any

from msgspec.structs import force_setattr

from benchmarks.mutation.mutants import Mutant
from gauntlet.core.plugins import CheckKind

_CONSTANTS = (int, float, str, tuple, frozenset, dict)


class NotApplied(Exception):
    """The change has no effect that this process could see."""


def apply(mutant: Mutant, module: ModuleType) -> None:
    """Change a module as the mutant says."""
    assert module.__file__ is not None
    code = compile(mutant.mutated(), module.__file__, "exec")
    if mutant.place:
        _function(module, mutant.place).__code__ = _code(code, mutant.place)
        return
    fresh = ModuleType(module.__name__)
    fresh.__file__, fresh.__package__ = module.__file__, module.__package__
    exec(code, fresh.__dict__)  # noqa: S102  # it is our own module with one change
    changed = [_assign(module, name, value) for name, value in list(vars(fresh).items())]
    if not any(changed):
        raise NotApplied


def _code(code: CodeType, place: str) -> CodeType:
    for constant in code.co_consts:
        if isinstance(constant, CodeType):
            if constant.co_qualname == place:
                return constant
            if place.startswith(f"{constant.co_qualname}."):
                return _code(constant, place)
    raise NotApplied


def _function(module: ModuleType, place: str) -> FunctionType:
    found: Any = module
    for name in place.split("."):
        found = vars(found)[name]
    for attribute in ("fget", "func", "__func__", "__wrapped__"):
        found = getattr(found, attribute, found)
    assert isinstance(found, FunctionType)
    return found


def _assign(module: ModuleType, name: str, value: object) -> bool:
    """Assign a constant that differs, wherever it was imported; return whether one does."""
    old = vars(module).get(name)
    if isinstance(old, CheckKind) and isinstance(value, CheckKind):
        if old == value:
            return False
        force_setattr(old, "examined_min", value.examined_min)
        return True
    if name.startswith("__") or not isinstance(old, _CONSTANTS) or old == value:
        return False
    for other in list(sys.modules.values()):
        if other.__name__.startswith("gauntlet.") and vars(other).get(name) is old:
            setattr(other, name, value)
    setattr(module, name, value)
    return True
