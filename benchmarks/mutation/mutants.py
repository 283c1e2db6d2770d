"""The mutants of a source file: each differs from it in one node of the syntax tree.

Not changed are texts (strings other than the sides of a search, and what f-strings contain),
annotations, decorators, the defaults of parameters, the bodies of classes outside of their methods,
and what a plug-in says of itself, except for the least number of examined items.
"""

import ast
import copy
import hashlib
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import TypeVar

from benchmarks.mutation.operators import changes

T = TypeVar("T", bound=ast.AST)

_DESCRIPTIONS = ("CheckKind",)
_DESCRIBED = ("examined_min",)  # the keyword of a description that decides something


@dataclass(frozen=True)
class Mutant:
    """One change: `before` and `after` are the statement, without the statements inside it."""

    file: str
    line: int
    column: int
    operator: str
    before: str
    after: str
    place: str  # the function, or nothing for the top level of the module
    tree: ast.Module
    steps: tuple[tuple[str, int], ...]  # fields and indices from the tree to the node
    change: ast.AST

    def mutated(self) -> ast.Module:
        """Return the changed tree."""
        tree = copy.deepcopy(self.tree)
        return _replaced(tree, self.steps, self.change)


@dataclass(frozen=True)
class _Node:
    node: ast.AST
    steps: tuple[tuple[str, int], ...]
    place: str
    statement: int  # how many steps lead to the statement


def digest_of(source: str) -> str:
    """Return what identifies the content of a file."""
    return hashlib.sha256(source.encode()).hexdigest()[:12]


def mutants_of(file: Path, root: Path) -> list[Mutant]:
    """Return the mutants of a file, in the order of its lines."""
    tree = ast.parse(file.read_text(encoding="utf-8"))
    name = file.relative_to(root).as_posix()
    found = [mutant for node in _top(tree) for mutant in _of_node(name, tree, node)]
    return sorted(found, key=lambda mutant: (mutant.line, mutant.column))


def _of_node(name: str, tree: ast.Module, found: _Node) -> Iterator[Mutant]:
    at = _follow(tree, found.steps[: found.statement])
    inner = found.steps[found.statement :]
    for operator, change in changes(found.node):
        changed = _replaced(copy.deepcopy(at), inner, change) if inner else change
        place = found.node if isinstance(found.node, ast.expr | ast.stmt) else at
        assert isinstance(place, ast.expr | ast.stmt)
        yield Mutant(
            name,
            place.lineno,
            place.col_offset,
            operator,
            _head(at),
            _head(changed),
            found.place,
            tree,
            found.steps,
            change,
        )


def _top(tree: ast.Module) -> Iterator[_Node]:
    """Yield the nodes that can be changed."""
    for at, statement in enumerate(tree.body):
        steps = (("body", at),)
        match statement:
            case ast.FunctionDef():
                yield from _body(statement, steps, statement.name)
            case ast.ClassDef():
                for number, method in enumerate(statement.body):
                    if isinstance(method, ast.FunctionDef):
                        inside = (*steps, ("body", number))
                        yield from _body(method, inside, f"{statement.name}.{method.name}")
            case ast.Assign() | ast.AnnAssign():
                yield from _below(statement, steps, "", 1)


def _body(
    function: ast.FunctionDef, steps: tuple[tuple[str, int], ...], place: str
) -> Iterator[_Node]:
    for at, statement in enumerate(function.body):
        is_docstring = isinstance(statement, ast.Expr) and isinstance(statement.value, ast.Constant)
        if not is_docstring:
            inside = (*steps, ("body", at))
            yield from _below(statement, inside, place, len(inside))


def _below(
    node: ast.AST, steps: tuple[tuple[str, int], ...], place: str, statement: int
) -> Iterator[_Node]:
    if isinstance(node, ast.JoinedStr | ast.arguments):
        return
    if isinstance(node, ast.stmt):
        statement = len(steps)
    yield _Node(node, steps, place, statement)
    described = (
        isinstance(node, ast.Call)
        and isinstance(node.func, ast.Name)
        and node.func.id in _DESCRIPTIONS
    )
    for field, value in ast.iter_fields(node):
        if field in ("annotation", "returns", "decorator_list", "ctx"):
            continue
        children = value if isinstance(value, list) else [value]
        for at, child in enumerate(children):
            if not isinstance(child, ast.AST):
                continue
            if described and getattr(child, "arg", None) not in _DESCRIBED:
                continue
            index = at if isinstance(value, list) else -1
            yield from _below(child, (*steps, (field, index)), place, statement)


def _follow(node: ast.AST, steps: tuple[tuple[str, int], ...]) -> ast.AST:
    for field, index in steps:
        value = getattr(node, field)
        node = value if index < 0 else value[index]
    return node


def _replaced(tree: T, steps: tuple[tuple[str, int], ...], change: ast.AST) -> T:
    """Put a node in the place of another one, and return the tree."""
    parent = _follow(tree, steps[:-1])
    field, index = steps[-1]
    value = getattr(parent, field)
    old = value if index < 0 else value[index]
    new = ast.copy_location(copy.deepcopy(change), old)
    if index < 0:
        setattr(parent, field, new)
    else:
        value[index] = new
    return ast.fix_missing_locations(tree)


def _head(statement: ast.AST) -> str:
    """Return a statement in one line, without the statements inside it."""
    shown = copy.deepcopy(statement)
    if isinstance(getattr(shown, "body", None), list):
        for field in ("body", "orelse", "finalbody", "handlers"):
            if hasattr(shown, field):
                setattr(shown, field, [])
    return " ".join(ast.unparse(ast.fix_missing_locations(shown)).split())
